/**
 * When to look for a sensor again: the decisions of a loop that keeps one connected.
 *
 * Scanning costs the most power of all that a radio does, and a strap at the edge of its range connects and drops again
 * and again. So the wait before the next attempt doubles with every failure, and **a short connection is a failure**:
 * only one that lasted (`lastingMillis`) shows that the link is good, and begins anew. Waits are drawn evenly between
 * 0 and the ceiling (full jitter), so that thirty straps of a class do not ask at once.
 *
 *     let state = ScanBackoff.initial
 *     ;({ state, delayMillis } = ScanBackoff.failed(settings, state, Math.random()))       // nothing was found
 *     ;({ state, delayMillis } = ScanBackoff.ended(settings, state, lastedMillis, Math.random()))
 *
 * Pure.
 */
import { Backoff } from "@paceline/core/kernel"

export interface Settings {
  readonly backoff: Backoff.Backoff
  /** A connection that lasted so long was a good one. */
  readonly lastingMillis: number
}

/** Half a second doubling to a minute; half a minute of connection is a good one. */
export const standard: Settings = {
  backoff: { baseMillis: 500, maxMillis: 60_000, factor: 2 },
  lastingMillis: 30_000,
}

export interface ScanBackoff {
  /** Attempts since the last good connection that found nothing, or a connection that did not last. */
  readonly failures: number
}

export const initial: ScanBackoff = { failures: 0 }

export interface Decision {
  readonly state: ScanBackoff
  /** How long to wait before the next attempt. */
  readonly delayMillis: number
}

/** An attempt found no sensor, or could not connect. @param random in [0, 1), drawn by the caller */
export const failed = (settings: Settings, { failures }: ScanBackoff, random: number): Decision => ({
  state: { failures: failures + 1 },
  delayMillis: Backoff.delayMillis(settings.backoff, failures, random),
})

/** A connection ended after `lastedMillis`, by a clock that never goes back. @param random in [0, 1) */
export const ended = (settings: Settings, state: ScanBackoff, lastedMillis: number, random: number): Decision =>
  failed(settings, lastedMillis >= settings.lastingMillis ? initial : state, random)
