/**
 * How long to wait before the next attempt: exponential growth with full or decorrelated jitter.
 *
 * Full jitter draws uniformly between zero and the ceiling, so that clients that failed together do
 * not come back together. Decorrelated jitter draws between the base and three times the delay before it: it
 * never waits less than the base, and forgets the number of the attempt (M. Brooker, "Exponential Backoff And
 * Jitter", AWS Architecture Blog, 2015).
 *
 * @example
 * Backoff.delayMillis(Backoff.standard, 3, 0.5) // half of 800 ms
 */

/** Shape of the growth. All times in milliseconds. */
export interface Backoff {
  readonly baseMillis: number
  readonly maxMillis: number
  readonly factor: number
}

/** The mission's default: 100 ms, doubling, never above 10 s. */
export const standard: Backoff = { baseMillis: 100, maxMillis: 10_000, factor: 2 }

/** The greatest delay before retry number `attempt` (0 is the first retry). Saturates, never overflows. */
export const ceilingMillis = (backoff: Backoff, attempt: number): number => {
  // Bounded before it is multiplied: no base, not even 0, meets an infinite growth.
  const growth = Math.min(backoff.factor ** Math.max(0, attempt), Number.MAX_VALUE)
  return Math.min(backoff.maxMillis, backoff.baseMillis * growth)
}

/**
 * The delay before retry number `attempt`.
 *
 * @param random a number in [0, 1), drawn by the caller
 */
export const delayMillis = (backoff: Backoff, attempt: number, random: number): number =>
  Math.floor(ceilingMillis(backoff, attempt) * random)

/**
 * The delay after one of `previousMillis`, with decorrelated jitter; 0 for none before. Between the base and the
 * greatest delay, whatever went before.
 *
 * @param random a number in [0, 1), drawn by the caller
 */
export const decorrelatedMillis = (backoff: Backoff, previousMillis: number, random: number): number => {
  const base = Math.min(backoff.baseMillis, backoff.maxMillis)
  const upper = Math.min(backoff.maxMillis, Math.max(base, previousMillis) * 3)
  return Math.floor(base + (upper - base) * random)
}
