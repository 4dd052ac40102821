/**
 * Values as whole counts of a scale, so that they can travel as integers and still come back as the same number,
 * to the bit.
 *
 * A kind's own resolution comes first. A sensor that says more than that (a phone's latitude in 1/10^7 degree, an
 * accelerometer in 1/4096 g) gets a power of ten or of two. Where no scale brings every value back, there are no
 * counts, and the values travel as float64.
 */

/** The resolution of custom streams. */
export const WHOLE: Resolution = [1, 1]

type Resolution = readonly [numerator: number, denominator: number]

/** Within it the first difference of any counts is below 2^52, which zigzag can carry. */
export const COUNT_LIMIT = 2 ** 51

/** Scales below it are powers of ten, those from it on powers of two. */
const BINARY = 32

/** Finer than what sensors say; beyond it float64 is as small. */
const MAX_DECIMALS = 9
const MAX_BINARY_PLACES = 24

/** Greatest powers that a reader takes. Both are exact in float64. */
const LAST_DECIMAL = 22
const LAST_BINARY = BINARY + 52

/** The denominator of a scale, or undefined when there is none with this number. */
export const denominatorOf = (scale: number): number | undefined => {
  if (scale <= LAST_DECIMAL) return 10 ** scale
  return scale >= BINARY && scale <= LAST_BINARY ? 2 ** (scale - BINARY) : undefined
}

/** Fills in the counts of the values; false when one of them would not come back the same. */
export const fillCounts = (counts: Float64Array, values: ReadonlyArray<number>, unit: Resolution): boolean => {
  const [numerator, denominator] = unit
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    const count = Math.round((value * denominator) / numerator)
    // Object.is, and + 0: a count cannot tell -0 from 0, so -0 is not one. NaN and infinities fail the bound.
    if (!(Math.abs(count) < COUNT_LIMIT) || !Object.is((count * numerator) / denominator + 0, value)) return false
    counts[i] = count
  }
  return true
}

/** The scale with the smallest denominator that brings back all values, below `limit`; null when there is none. */
export const coarsestScale = (values: ReadonlyArray<number>, limit = Number.POSITIVE_INFINITY): number | null => {
  const decimal = decimalsOf(values, limit)
  const binary = binaryPlacesOf(values, decimal === null ? limit : 10 ** decimal)
  return binary ?? decimal
}

/** The value of a count. */
export const valueOfCount = (count: number, unit: Resolution): number => (count * unit[0]) / unit[1]

/** The fewest decimal places that all values have; null when there are too many. */
const decimalsOf = (values: ReadonlyArray<number>, limit: number): number | null => {
  let decimals = 0
  let power = 1
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    while (power < limit && Math.round(value * power) / power !== value) {
      if (++decimals > MAX_DECIMALS) return null
      power *= 10
    }
    if (power >= limit) return null
  }
  return decimals
}

/** The same for binary places, as a scale. */
const binaryPlacesOf = (values: ReadonlyArray<number>, limit: number): number | null => {
  let places = 0
  let power = 1
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    while (power < limit && !Number.isInteger(value * power)) {
      if (++places > MAX_BINARY_PLACES) return null
      power *= 2
    }
    if (power >= limit) return null
  }
  return BINARY + places
}
