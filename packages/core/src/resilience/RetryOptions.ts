/** What the effect and the promise varieties of a retry are made of, and what they tell. */
import * as Fault from "../kernel/resilience/Fault.ts"
import * as Kernel from "../kernel/resilience/Retry.ts"
import * as RetryBudget from "../kernel/resilience/RetryBudget.ts"
import * as BreakerCell from "./BreakerCell.ts"
import { BreakerOpen } from "./Errors.ts"

export interface RetryOptions extends Partial<Kernel.RetrySettings> {
  /** The budget: settings for one of its own, or one that is shared. Default 20 % of calls, floor 3. */
  readonly budget?: RetryBudget.BudgetSettings | RetryBudget.RetryBudget
  /** What an error allows. Default: `Fault.kindOf`. */
  readonly kindOf?: (error: unknown) => Fault.FaultKind
  /** When the other side asks to be tried again, in milliseconds from now. Default: `Fault.retryAfterMillis`. */
  readonly retryAfterMillis?: (error: unknown, nowMillis: number) => number | undefined
  /** Nothing is tried again while this breaker refuses. */
  readonly breaker?: { readonly cell: BreakerCell.BreakerCell }
  /** Hears of every retry and of every call that was given up. Must not throw. */
  readonly onEvent?: (event: RetryEvent) => void
}

export type RetryEvent =
  | { readonly _tag: "Retrying"; readonly attempt: number; readonly delayMillis: number; readonly error: unknown }
  | { readonly _tag: "GaveUp"; readonly attempts: number; readonly reason: Kernel.StopReason; readonly error: unknown }

/** The original error, and why it was not tried again. */
export interface RetryFailure<E> {
  readonly _tag: "RetryFailure"
  readonly error: E
  readonly reason: Kernel.StopReason
  readonly attempts: number
}

/** The settings with all gaps filled, and the budget. */
export interface RetryPlan {
  readonly settings: Kernel.RetrySettings
  readonly budget: RetryBudget.RetryBudget
  readonly kindOf: (error: unknown) => Fault.FaultKind
  readonly retryAfterMillis: (error: unknown, nowMillis: number) => number | undefined
  readonly breaker: { readonly cell: BreakerCell.BreakerCell } | undefined
  readonly onEvent: ((event: RetryEvent) => void) | undefined
}

export const plan = (options: RetryOptions = {}): RetryPlan => {
  const { budget, kindOf, retryAfterMillis, breaker, onEvent, ...changes } = options
  return {
    settings: { ...Kernel.user, ...changes },
    budget: budget === undefined ? RetryBudget.make() : "window" in budget ? budget : RetryBudget.make(budget),
    kindOf: kindOf ?? Fault.kindOf,
    retryAfterMillis: retryAfterMillis ?? Fault.retryAfterMillis,
    breaker,
    onEvent,
  }
}

/** Where a call stands when an attempt has failed. */
export interface Attempted {
  readonly error: unknown
  /** Which attempt failed, from 1. */
  readonly attempt: number
  readonly startedAtMillis: number
  readonly nowMillis: number
  readonly previousMillis: number
}

/** Decides, and tells. */
export const decide = (plan: RetryPlan, failed: Attempted, random: number): Kernel.Decision => {
  const { error, attempt, nowMillis } = failed
  const decision = Kernel.decide(
    plan.settings,
    {
      attempt,
      kind: plan.kindOf(error),
      elapsedMillis: nowMillis - failed.startedAtMillis,
      previousMillis: failed.previousMillis,
      retryAfterMillis: plan.retryAfterMillis(error, nowMillis),
      breakerOpen:
        error instanceof BreakerOpen ||
        (plan.breaker !== undefined && BreakerCell.isOpen(plan.breaker.cell, nowMillis)),
    },
    random,
    () => RetryBudget.take(plan.budget, nowMillis),
  )
  plan.onEvent?.(
    decision._tag === "Again"
      ? { _tag: "Retrying", attempt: attempt + 1, delayMillis: decision.delayMillis, error }
      : { _tag: "GaveUp", attempts: attempt, reason: decision.reason, error },
  )
  return decision
}
