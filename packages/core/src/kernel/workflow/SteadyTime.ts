/**
 * The time by which claims and waiting work go: it follows the wall clock, but is not thrown by one that is set.
 *
 * Stored due times are dates, so that they mean the same after a restart and on another machine. But a wall clock can
 * jump, and then a lease must not seem to be over (its work would run twice), and what was due in a minute must not
 * sleep for an hour. So time goes on by the host's monotonic clock, and comes back to the wall clock like this:
 *
 * - **A little ahead** (up to a second): followed at once. That is ordinary drift.
 * - **Set forward:** followed when it has stayed so for `settleMillis`. Leases are given by whichever clock is later
 *   (`leaseUntil`), so when time follows, every claim that is alive has been renewed past it. Until then delayed work
 *   is late by at most `settleMillis`, and nothing is taken from whoever works on it.
 * - **Set back:** never followed by going back. Time goes on at half speed until the wall clock has caught up: an hour
 *   is made good in two. What is due in a minute comes after at most two, and a nominal time does not come twice.
 * - **Set back by more than `greatestStepMillis`:** followed at once: it was the clock before that was wrong, and
 *   to stay in its future for days would be worse.
 *
 * Times are milliseconds.
 *
 * @example
 * const time = SteadyTime.make(Date.now(), performance.now())
 * const now = SteadyTime.read(time, Date.now(), performance.now())
 */

export interface Settings {
  /** How long a clock that was set forward must stay so. Longer than any lease takes to be renewed. */
  readonly settleMillis: number
  readonly greatestStepMillis: number
}

export const standard: Settings = { settleMillis: 60_000, greatestStepMillis: 3 * 3_600_000 }

export interface SteadyTime {
  readonly settings: Settings
  /** The time that was read last; it only falls where the wall clock fell by more than the greatest step. */
  last: number
  monotonic: number
  /** By the monotonic clock: since when the wall clock has been seen to be set forward. */
  forwardSince: number | undefined
}

/** Begins at the wall clock's time. */
export const make = (wallMillis: number, monotonicMillis: number, settings: Settings = standard): SteadyTime => ({
  settings,
  last: wallMillis,
  monotonic: monotonicMillis,
  forwardSince: undefined,
})

/** What it is ahead by without being a step. */
const DRIFT_MILLIS = 1_000

/** The time now, in whole milliseconds. */
export const read = (time: SteadyTime, wallMillis: number, monotonicMillis: number): number => {
  const elapsed = Math.max(0, monotonicMillis - time.monotonic)
  time.monotonic = Math.max(time.monotonic, monotonicMillis)
  const steady = time.last + elapsed
  time.last = steady < wallMillis ? forward(time, steady, wallMillis) : backward(time, steady, wallMillis, elapsed)
  return Math.floor(time.last)
}

const forward = (time: SteadyTime, steady: number, wall: number): number => {
  if (wall - steady > DRIFT_MILLIS) {
    time.forwardSince ??= time.monotonic
    if (time.monotonic - time.forwardSince < time.settings.settleMillis) return steady
  }
  time.forwardSince = undefined
  return wall
}

const backward = (time: SteadyTime, steady: number, wall: number, elapsed: number): number => {
  time.forwardSince = undefined
  const ahead = steady - wall
  return ahead > time.settings.greatestStepMillis ? wall : steady - Math.min(ahead, elapsed / 2)
}

/**
 * Goes on from a time that was seen before a restart, when the wall clock was set back since by less than the
 * greatest step.
 */
export const resume = (time: SteadyTime, seenMillis: number): void => {
  const ahead = seenMillis - time.last
  if (ahead > 0 && ahead <= time.settings.greatestStepMillis) time.last = seenMillis
}

/** When a lease that is given now ends: late enough by the steady time and by the wall clock. */
export const leaseUntil = (
  time: SteadyTime,
  leaseMillis: number,
  wallMillis: number,
  monotonicMillis: number,
): number => Math.floor(Math.max(read(time, wallMillis, monotonicMillis), wallMillis)) + leaseMillis
