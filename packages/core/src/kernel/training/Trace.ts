/**
 * A series of samples made coarse enough to lay beside another: the mean of each ten seconds.
 *
 * Two recorders never sample at the same moments, and a strap's heart rate comes a few seconds before a watch's. In
 * steps of ten seconds what remains of that is small, and an hour is 360 numbers.
 *
 * @example
 * const trace = Trace.of(times, bpm)
 * Trace.bestLag(watch, phone, { around: 0, reach: 60 })   // how many steps to move the phone's so that they agree
 */

export const STEP_MILLIS = 10_000

export interface Trace {
  /** The number of the first step, counted from the epoch. */
  readonly first: number
  /** The mean of each step; null where nothing was measured. */
  readonly means: ReadonlyArray<number | null>
}

export const empty: Trace = { first: 0, means: [] }

/** Longer than any activity: what lies further from the first sample than so many steps comes of a broken clock. */
const LONGEST = (48 * 3_600_000) / STEP_MILLIS

/** @param atMillis milliseconds since the epoch, in any order; `values` has the same length. */
export const of = (atMillis: ReadonlyArray<number>, values: ReadonlyArray<number>): Trace => {
  let first = Number.POSITIVE_INFINITY
  for (const atMs of atMillis) first = Math.min(first, Math.floor(atMs / STEP_MILLIS))
  if (!Number.isFinite(first)) return empty
  const sums: Array<number> = []
  const counts: Array<number> = []
  for (const [i, atMs] of atMillis.entries()) {
    const value = values[i]
    const step = Math.floor(atMs / STEP_MILLIS) - first
    if (value === undefined || !Number.isFinite(value) || step >= LONGEST) continue
    sums[step] = (sums[step] ?? 0) + value
    counts[step] = (counts[step] ?? 0) + 1
  }
  return { first, means: Array.from(sums, (sum, step) => (sum === undefined ? null : sum / (counts[step] ?? 1))) }
}

export interface Agreement {
  /** How many steps both have. */
  readonly common: number
  /** Pearson's correlation of those, from -1 to 1; 0 where one of them does not change at all. */
  readonly correlation: number
  /** How far they are apart, on average, in the unit of the values. */
  readonly meanDifference: number
}

/** How well `b` agrees with `a` when it is moved `lag` steps later. */
export const agreement = (a: Trace, b: Trace, lag: number): Agreement => {
  let common = 0
  let [sumA, sumB, squaresA, squaresB, products, differences] = [0, 0, 0, 0, 0, 0]
  const offset = b.first + lag - a.first
  for (let i = Math.max(0, -offset); i < b.means.length && i + offset < a.means.length; i++) {
    const x = a.means[i + offset] ?? null
    const y = b.means[i] ?? null
    if (x === null || y === null) continue
    common++
    sumA += x
    sumB += y
    squaresA += x * x
    squaresB += y * y
    products += x * y
    differences += Math.abs(x - y)
  }
  if (common === 0) return { common, correlation: 0, meanDifference: Number.POSITIVE_INFINITY }
  const covariance = products - (sumA * sumB) / common
  const spread = (squaresA - (sumA * sumA) / common) * (squaresB - (sumB * sumB) / common)
  // Two that hardly change agree with everything: that proves nothing.
  const correlation = spread > common * common * 0.01 ? covariance / Math.sqrt(spread) : 0
  return { common, correlation, meanDifference: differences / common }
}

export interface Lag extends Agreement {
  /** In steps: how much later `b` has to be. */
  readonly lag: number
}

/**
 * Where `b` agrees best with `a`, of the lags up to `reach` from `around`, with `atLeast` steps in common; undefined where
 * there is none. Of lags that are as good it is the one nearest to none.
 */
export const bestLag = (
  a: Trace,
  b: Trace,
  { around, atLeast, reach }: { readonly around: number; readonly reach: number; readonly atLeast: number },
): Lag | undefined => {
  let best: Lag | undefined
  for (let lag = around - reach; lag <= around + reach; lag++) {
    const found = { lag, ...agreement(a, b, lag) }
    if (found.common < atLeast) continue
    if (best === undefined || isBetter(found, best)) best = found
  }
  return best
}

const isBetter = (one: Lag, other: Lag): boolean =>
  one.correlation !== other.correlation
    ? one.correlation > other.correlation
    : Math.abs(one.lag) !== Math.abs(other.lag)
      ? Math.abs(one.lag) < Math.abs(other.lag)
      : one.lag < other.lag
