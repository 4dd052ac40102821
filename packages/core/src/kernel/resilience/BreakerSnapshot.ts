/**
 * A circuit breaker's state as plain JSON, so that a restarted process does not begin by hammering what was down.
 *
 * Half-open is restored as open, ready to probe at once: its probes died with the process. Calls under way are not
 * part of a snapshot. Isolations belong to those who hold them, and are not restored either. A step of returning
 * traffic begins anew.
 */

import type { BreakerSettings } from "./BreakerSettings.ts"
import type { CircuitBreaker, Mode } from "./CircuitBreaker.ts"
import { make, refreshFree } from "./CircuitBreaker.ts"
import * as RecentEvents from "./RecentEvents.ts"
import * as SlidingWindow from "./SlidingWindow.ts"
import * as Snapshot from "./Snapshot.ts"

export interface BreakerSnapshot {
  readonly version: 1
  readonly mode: Mode
  readonly phase: "closed" | "open"
  readonly openings: number
  readonly openedAtMillis: number
  readonly openMillis: number
  readonly consecutive: number
  /** The step of returning traffic; null when all passes. */
  readonly step: number | null
  readonly window: SlidingWindow.WindowSnapshot
  readonly timeouts: ReadonlyArray<number>
}

export const of = (breaker: CircuitBreaker): BreakerSnapshot => ({
  version: 1,
  mode: breaker.mode,
  phase: breaker.phase === "closed" ? "closed" : "open",
  openings: breaker.openings,
  openedAtMillis: breaker.openedAtMillis,
  openMillis: breaker.openMillis,
  consecutive: breaker.consecutive,
  step: breaker.step < breaker.settings.steps.length ? breaker.step : null,
  window: SlidingWindow.snapshot(breaker.window),
  timeouts: RecentEvents.snapshot(breaker.timeouts),
})

/** A breaker's snapshot from JSON, or why it is none. */
export const read = (json: unknown): BreakerSnapshot | Snapshot.InvalidSnapshot =>
  Snapshot.read(json, (from) => ({
    version: from.field("version").oneOf(1),
    mode: from.field("mode").oneOf("normal", "forced-open", "disabled", "metrics-only"),
    phase: from.field("phase").oneOf("closed", "open"),
    openings: from.field("openings").whole(),
    openedAtMillis: from.field("openedAtMillis").number(),
    openMillis: from.field("openMillis").number(0),
    consecutive: from.field("consecutive").whole(),
    step: from.field("step").nullOr((step) => step.whole()),
    window: SlidingWindow.part(from.field("window")),
    timeouts: from.field("timeouts").list((at) => at.number()),
  }))

/** A breaker that goes on where the snapshot was taken, under these settings. */
export const restore = (settings: BreakerSettings, from: BreakerSnapshot, nowMillis: number): CircuitBreaker => {
  const breaker: CircuitBreaker = {
    ...make(settings),
    mode: from.mode,
    phase: from.phase,
    openings: from.openings,
    openedAtMillis: from.openedAtMillis,
    openMillis: from.openMillis,
    consecutive: from.consecutive,
    step: from.step === null ? settings.steps.length : Math.min(from.step, settings.steps.length),
    stepBeganAtMillis: nowMillis,
    stepProgressAtMillis: nowMillis,
    window: SlidingWindow.restore(settings.window, from.window),
    timeouts: RecentEvents.restore(settings.timeouts, settings.timeoutWindowMillis, from.timeouts),
  }
  refreshFree(breaker)
  return breaker
}
