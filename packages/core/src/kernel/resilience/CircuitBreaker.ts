/**
 * Decides whether a call may pass to something that may be failing.
 *
 * Closed, it measures. When too many calls fail, are slow or time out, it opens: calls are refused at once, and
 * the time until the next try grows with every opening. Then it is half-open: N probes pass, everybody else is
 * refused at once, and the share of failed probes decides. After closing, traffic comes back in steps, each a
 * greatest number of calls at once; a step that fails goes back one, the first one opens.
 *
 * `admit` gives a ticket or `REFUSED`. A ticket belongs to the state it was given in: when that state has passed,
 * its result changes nothing. Every ticket ends in one of `succeed`, `fail` and `release` (ignored or interrupted).
 * Times are milliseconds of one clock, the same in all calls; the kernel has none of its own. What happened waits in
 * `events`, in order, until the shell takes it. State is changed in place.
 *
 * @example
 * const breaker = CircuitBreaker.make(BreakerSettings.standard)
 * const ticket = CircuitBreaker.admit(breaker, now)
 * if (ticket === CircuitBreaker.REFUSED) return CircuitBreaker.retryAfterMillis(breaker, now)
 * CircuitBreaker.succeed(breaker, ticket, later, later - now)
 */
import * as Backoff from "./Backoff.ts"
import type { BreakerEvent, OpenReason } from "./BreakerEvent.ts"
import type { BreakerSettings } from "./BreakerSettings.ts"
import * as Probes from "./Probes.ts"
import * as RecentEvents from "./RecentEvents.ts"
import * as SlidingWindow from "./SlidingWindow.ts"

/** A place among the calls: a number from 1. */
export type Ticket = number

/** The call may not pass. */
export const REFUSED = -1

/** The call passes and its result is not looked at, because the breaker is disabled. */
export const UNMEASURED = 0

export type Phase = "closed" | "open" | "half-open"

/**
 * `normal`; `forced-open` refuses everything until changed; `disabled` passes everything and measures nothing;
 * `metrics-only` passes everything and says when it would have opened.
 */
export type Mode = "normal" | "forced-open" | "disabled" | "metrics-only"

export interface CircuitBreaker {
  readonly settings: BreakerSettings
  mode: Mode
  phase: Phase
  /** Holds of operators who isolated the dependency. Above 0, everything is refused. */
  isolations: number
  /** True while a call may pass without a look at anything else: the path that must be short. */
  free: boolean
  /** Grows with every change of state; tickets of closed carry it. */
  generation: Ticket
  /** The last number given out, to probes or generations. */
  sequence: number
  /** Openings since it was last closed; the open time grows with it. */
  openings: number
  openedAtMillis: number
  openMillis: number
  /** Failures in a row. */
  consecutive: number
  readonly window: SlidingWindow.SlidingWindow
  readonly timeouts: RecentEvents.RecentEvents
  readonly probes: Probes.Probes
  /** The step of returning traffic; `steps.length` when all passes. */
  step: number
  /** The first generation since closing: later tickets hold a place in `inFlight`. */
  closedSince: Ticket
  inFlight: number
  stepResults: number
  stepFailures: number
  /** When the step began, last let a call in, or last saw a result: full, and no progress for long, is stuck. */
  stepProgressAtMillis: number
  stepBeganAtMillis: number
  /** In `metrics-only`: whether the last call found a reason to open. */
  wouldOpen: boolean
  /** What happened and nobody took yet, oldest first. */
  events: Array<BreakerEvent>
}

export const make = (settings: BreakerSettings): CircuitBreaker => ({
  settings,
  mode: "normal",
  phase: "closed",
  isolations: 0,
  free: true,
  generation: 1,
  sequence: 1,
  openings: 0,
  openedAtMillis: 0,
  openMillis: 0,
  consecutive: 0,
  window: SlidingWindow.make(settings.window),
  timeouts: RecentEvents.make(settings.timeouts, settings.timeoutWindowMillis),
  probes: Probes.make(settings.probes, settings.probeFailureRate, settings.probeMaxMillis),
  step: settings.steps.length,
  closedSince: 1,
  inFlight: 0,
  stepResults: 0,
  stepFailures: 0,
  stepProgressAtMillis: 0,
  stepBeganAtMillis: 0,
  wouldOpen: false,
  events: [],
})

/** A ticket, or `REFUSED`. */
export const admit = (breaker: CircuitBreaker, nowMillis: number): Ticket =>
  breaker.free ? breaker.generation : admitGuarded(breaker, nowMillis)

const admitGuarded = (breaker: CircuitBreaker, nowMillis: number): Ticket => {
  if (breaker.isolations > 0 || breaker.mode === "forced-open") return REFUSED
  if (breaker.mode === "disabled") return UNMEASURED
  if (breaker.phase === "closed") return admitToStep(breaker, nowMillis)
  if (breaker.phase === "open") {
    if (remainingOpenMillis(breaker, nowMillis) > 0) return REFUSED
    halfOpen(breaker, nowMillis)
  }
  return Probes.admit(breaker.probes, nowMillis, breaker.sequence + 1) ? ++breaker.sequence : REFUSED
}

const admitToStep = (breaker: CircuitBreaker, nowMillis: number): Ticket => {
  if (breaker.inFlight < stepLimit(breaker)) {
    breaker.inFlight++
    breaker.stepProgressAtMillis = nowMillis
    return breaker.generation
  }
  if (Math.abs(nowMillis - breaker.stepProgressAtMillis) <= breaker.settings.probeMaxMillis) return REFUSED
  // All that the step let in hangs.
  stepDown(breaker, nowMillis)
  return admit(breaker, nowMillis)
}

/** The greatest number of calls at once; Infinity when traffic is back. */
export const stepLimit = (breaker: CircuitBreaker): number =>
  breaker.settings.steps[breaker.step] ?? Number.POSITIVE_INFINITY

/** The call answered. */
export const succeed = (breaker: CircuitBreaker, ticket: Ticket, nowMillis: number, durationMillis: number): void => {
  const slow = durationMillis > breaker.settings.slowCallMillis
  if (ticket !== breaker.generation) {
    settleElsewhere(breaker, ticket, nowMillis, slow)
    return
  }
  breaker.consecutive = 0
  measure(breaker, nowMillis, false, slow, false)
}

/** The call failed. `timedOut` when that was for want of time. */
export const fail = (
  breaker: CircuitBreaker,
  ticket: Ticket,
  nowMillis: number,
  durationMillis: number,
  timedOut: boolean,
): void => {
  if (ticket !== breaker.generation) {
    settleElsewhere(breaker, ticket, nowMillis, true)
    return
  }
  breaker.consecutive++
  measure(breaker, nowMillis, true, durationMillis > breaker.settings.slowCallMillis, timedOut)
}

const measure = (
  breaker: CircuitBreaker,
  nowMillis: number,
  failed: boolean,
  slow: boolean,
  timedOut: boolean,
): void => {
  SlidingWindow.record(breaker.window, nowMillis, failed, slow)
  const tooManyTimeouts = timedOut && RecentEvents.exceededBy(breaker.timeouts, nowMillis)
  if (breaker.step < breaker.settings.steps.length) settleStep(breaker, nowMillis, failed || slow)
  else judge(breaker, nowMillis, tooManyTimeouts)
}

/** The call says nothing about the dependency: it was interrupted, or its error is ignored. Its place is free again. */
export const release = (breaker: CircuitBreaker, ticket: Ticket): void => {
  if (breaker.phase === "half-open") Probes.release(breaker.probes, ticket)
  else leaveStep(breaker, ticket)
}

/** A result whose ticket is not of the present generation: a probe's, one of an earlier step, or one of the past. */
const settleElsewhere = (breaker: CircuitBreaker, ticket: Ticket, nowMillis: number, failed: boolean): void => {
  if (breaker.phase !== "half-open") {
    leaveStep(breaker, ticket)
    return
  }
  const verdict = Probes.settle(breaker.probes, ticket, failed)
  if (verdict === "failed") open(breaker, nowMillis, "probes")
  else if (verdict === "passed") close(breaker, nowMillis)
}

const leaveStep = (breaker: CircuitBreaker, ticket: Ticket): void => {
  if (breaker.phase === "closed" && ticket >= breaker.closedSince && breaker.inFlight > 0) breaker.inFlight--
}

const settleStep = (breaker: CircuitBreaker, nowMillis: number, failed: boolean): void => {
  leaveStep(breaker, breaker.generation)
  breaker.stepProgressAtMillis = nowMillis
  breaker.stepResults++
  if (failed) breaker.stepFailures++
  const limit = stepLimit(breaker)
  const overdue = nowMillis - breaker.stepBeganAtMillis >= breaker.settings.stepMillis
  const decided = breaker.stepResults >= limit || overdue
  const over = decided ? breaker.stepResults : limit
  if (breaker.stepFailures > over * breaker.settings.errorRate) stepDown(breaker, nowMillis)
  else if (decided) moveToStep(breaker, nowMillis, breaker.step + 1)
}

const stepDown = (breaker: CircuitBreaker, nowMillis: number): void => {
  if (breaker.step === 0) open(breaker, nowMillis, "step")
  else moveToStep(breaker, nowMillis, breaker.step - 1)
}

const moveToStep = (breaker: CircuitBreaker, nowMillis: number, step: number): void => {
  beginStep(breaker, nowMillis, step)
  breaker.events.push({ _tag: "Stepped", atMillis: nowMillis, step, limit: stepLimit(breaker) })
}

const beginStep = (breaker: CircuitBreaker, nowMillis: number, step: number): void => {
  breaker.generation = ++breaker.sequence
  breaker.step = step
  breaker.stepResults = 0
  breaker.stepFailures = 0
  breaker.stepBeganAtMillis = nowMillis
  breaker.stepProgressAtMillis = nowMillis
  refreshFree(breaker)
}

/** Opens when a threshold is passed; in `metrics-only` says once that it would. */
const judge = (breaker: CircuitBreaker, nowMillis: number, tooManyTimeouts: boolean): void => {
  const reason = tooManyTimeouts ? "timeouts" : reasonToOpen(breaker)
  if (breaker.mode === "metrics-only") {
    if (reason !== undefined && !breaker.wouldOpen) {
      breaker.events.push({ _tag: "WouldOpen", atMillis: nowMillis, reason })
    }
    breaker.wouldOpen = reason !== undefined
  } else if (reason !== undefined) {
    open(breaker, nowMillis, reason)
  }
}

const reasonToOpen = (breaker: CircuitBreaker): OpenReason | undefined => {
  const { settings, window } = breaker
  if (settings.consecutiveFailures > 0 && breaker.consecutive >= settings.consecutiveFailures) return "consecutive"
  if (window.calls < settings.minimumCalls) return undefined
  if (window.failures > window.calls * settings.errorRate) return "error-rate"
  return window.slow > window.calls * settings.slowCallRate ? "slow-calls" : undefined
}

const open = (breaker: CircuitBreaker, nowMillis: number, reason: OpenReason): void => {
  breaker.generation = ++breaker.sequence
  breaker.phase = "open"
  breaker.openMillis = Backoff.ceilingMillis(breaker.settings.openMillis, breaker.openings)
  breaker.openedAtMillis = nowMillis
  breaker.openings++
  refreshFree(breaker)
  const retryAtMillis = nowMillis + breaker.openMillis
  breaker.events.push({ _tag: "Opened", atMillis: nowMillis, reason, retryAtMillis, openings: breaker.openings })
}

const halfOpen = (breaker: CircuitBreaker, nowMillis: number): void => {
  breaker.generation = ++breaker.sequence
  breaker.phase = "half-open"
  Probes.clear(breaker.probes)
  breaker.events.push({ _tag: "HalfOpened", atMillis: nowMillis, probes: breaker.settings.probes })
}

/** Closing forgets: metrics, open time and failures in a row. */
const close = (breaker: CircuitBreaker, nowMillis: number): void => {
  breaker.phase = "closed"
  breaker.openings = 0
  breaker.consecutive = 0
  breaker.inFlight = 0
  breaker.wouldOpen = false
  SlidingWindow.clear(breaker.window)
  RecentEvents.clear(breaker.timeouts)
  beginStep(breaker, nowMillis, 0)
  breaker.closedSince = breaker.generation
  breaker.events.push({ _tag: "Closed", atMillis: nowMillis, limit: stepLimit(breaker) })
}

/** How long until a call may be tried again; 0 when now. Where only a result can tell, the time to the next look. */
export const retryAfterMillis = (breaker: CircuitBreaker, nowMillis: number): number => {
  if (breaker.isolations > 0 || breaker.mode === "forced-open") return breaker.settings.openMillis.maxMillis
  if (breaker.phase === "open") return remainingOpenMillis(breaker, nowMillis)
  if (breaker.phase === "half-open") return Probes.freeInMillis(breaker.probes, nowMillis)
  return breaker.inFlight >= stepLimit(breaker) ? Math.min(1_000, breaker.settings.stepMillis) : 0
}

/** A clock that went back restarts the wait: it is never longer than one open time. */
const remainingOpenMillis = (breaker: CircuitBreaker, nowMillis: number): number => {
  if (nowMillis < breaker.openedAtMillis) breaker.openedAtMillis = nowMillis
  return Math.max(0, breaker.openedAtMillis + breaker.openMillis - nowMillis)
}

/** Holds the dependency apart, as an operator does. Isolations are counted; `unisolate` takes one back. */
export const isolate = (breaker: CircuitBreaker, nowMillis: number): void => {
  breaker.isolations++
  refreshFree(breaker)
  if (breaker.isolations === 1) breaker.events.push({ _tag: "Isolated", atMillis: nowMillis })
}

export const unisolate = (breaker: CircuitBreaker, nowMillis: number): void => {
  if (breaker.isolations === 0) return
  breaker.isolations--
  refreshFree(breaker)
  if (breaker.isolations === 0) breaker.events.push({ _tag: "Unisolated", atMillis: nowMillis, phase: breaker.phase })
}

/** Changes the mode. What was measured is forgotten; results of calls under way are ignored. */
export const setMode = (breaker: CircuitBreaker, mode: Mode, nowMillis: number): void => {
  if (mode === breaker.mode) return
  breaker.mode = mode
  breaker.phase = "closed"
  breaker.openings = 0
  breaker.consecutive = 0
  breaker.inFlight = 0
  breaker.wouldOpen = false
  SlidingWindow.clear(breaker.window)
  RecentEvents.clear(breaker.timeouts)
  beginStep(breaker, nowMillis, breaker.settings.steps.length)
  breaker.closedSince = breaker.generation
  breaker.events.push({ _tag: "ModeChanged", atMillis: nowMillis, mode })
}

/** Keeps `free` true exactly when a call passes without another look. */
export const refreshFree = (breaker: CircuitBreaker): void => {
  const watching = breaker.mode === "normal" || breaker.mode === "metrics-only"
  const steady = breaker.phase === "closed" && breaker.step >= breaker.settings.steps.length
  breaker.free = watching && steady && breaker.isolations === 0
}
