/**
 * Bounds how much retries may add to the load of what is failing: one fifth of the calls, but always a few.
 *
 * In any window of 10 s, retries are at most the greater of `floor` and `ratio` times the calls of that window. A
 * retry counts from the moment it is granted, so those that wait in backoff are counted. Nothing has to be given
 * back: as calls go on and old retries leave the window, the budget refills by itself.
 *
 * Retries leave the window no earlier than the calls that earned them, so over any length of time they stay within
 * the ratio (apart from the floor).
 */
import * as SlidingWindow from "./SlidingWindow.ts"

export interface BudgetSettings {
  /** Retries for each call, from 0. */
  readonly ratio: number
  /** Retries that a window always allows, however few calls there are. */
  readonly floor: number
  readonly windowMillis: number
}

/** The mission's: 20 % of calls, and 3 in 10 s in any case. */
export const standard: BudgetSettings = { ratio: 0.2, floor: 3, windowMillis: 10_000 }

export interface RetryBudget {
  readonly settings: BudgetSettings
  /** Calls are recorded as such, retries as failures: one ring for both. */
  readonly window: SlidingWindow.SlidingWindow
}

const shapeOf = (settings: BudgetSettings): SlidingWindow.WindowShape => ({
  kind: "time",
  millis: settings.windowMillis,
  buckets: 10,
})

/** @throws RangeError unless ratio and floor are from 0 and the window has at least 10 ms */
export const make = (settings: BudgetSettings = standard): RetryBudget => {
  for (const name of ["ratio", "floor"] as const) {
    if (!(settings[name] >= 0)) throw new RangeError(`The budget's ${name} must be from 0, not ${settings[name]}`)
  }
  return { settings, window: SlidingWindow.make(shapeOf(settings)) }
}

/** Notes a call's first attempt. */
export const call = (budget: RetryBudget, nowMillis: number): void => {
  SlidingWindow.record(budget.window, nowMillis, false, false)
}

/** Takes one retry from the budget, if it has one. */
export const take = (budget: RetryBudget, nowMillis: number): boolean => {
  if (left(budget, nowMillis) < 1) return false
  SlidingWindow.record(budget.window, nowMillis, true, false)
  return true
}

/** How many retries may be granted now. */
export const left = (budget: RetryBudget, nowMillis: number): number => {
  const { window, settings } = budget
  SlidingWindow.advance(window, nowMillis)
  const calls = window.calls - window.failures
  return Math.max(0, Math.floor(Math.max(settings.floor, calls * settings.ratio)) - window.failures)
}

/** What was called and retried lately, as plain JSON. */
export const snapshot = (budget: RetryBudget): SlidingWindow.WindowSnapshot => SlidingWindow.snapshot(budget.window)

export const readSnapshot = SlidingWindow.readSnapshot

/** A budget that goes on where the other was; from an empty window when that was of another length. */
export const restore = (settings: BudgetSettings, from: SlidingWindow.WindowSnapshot): RetryBudget => ({
  ...make(settings),
  window: SlidingWindow.restore(shapeOf(settings), from),
})
