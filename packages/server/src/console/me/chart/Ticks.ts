/** Where the axes of a chart have their marks: round numbers, and no more than there is room for. */

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Steps that people count time in, milliseconds. */
const TIME_STEPS: ReadonlyArray<number> = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12, 24].map((n) => n * HOUR),
]

const DAY = 24 * HOUR

/** Times since the start, from 0 on, milliseconds: at most `most` of them, but two where there is room for none. */
export const timeTicks = (durationMillis: number, most: number): ReadonlyArray<number> =>
  multiples(0, durationMillis, stepOf(TIME_STEPS, durationMillis, most, DAY))

const BPM_STEPS: ReadonlyArray<number> = [5, 10, 20, 25, 50]

/** Heart rates from `low` to `high`, both included where they are marks. */
export const bpmTicks = (low: number, high: number, most: number): ReadonlyArray<number> =>
  multiples(low, high, stepOf(BPM_STEPS, high - low, most, 50))

/** The heart rates that a chart reaches from and to: round, with a little room, and never so narrow that noise looks wild. */
export const bpmRange = (min: number, max: number): readonly [low: number, high: number] => {
  const low = Math.floor((min - 2) / 10) * 10
  const high = Math.ceil((max + 2) / 10) * 10
  const missing = Math.max(0, LEAST_RANGE - (high - low))
  const below = Math.floor(missing / 20) * 10
  return [Math.max(0, low - below), high + missing - below]
}

const LEAST_RANGE = 40

/** A mark of the time axis, such as `45 s`, `10 min`, `1:30 h`. */
export const timeLabel = (millis: number, durationMillis: number): string => {
  const seconds = Math.round(millis / SECOND)
  if (seconds === 0) return "0"
  if (durationMillis < 2 * MINUTE) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (durationMillis < 2 * HOUR) {
    return seconds % 60 === 0 ? `${minutes} min` : `${minutes}:${two(seconds % 60)} min`
  }
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)}:${two(minutes % 60)} h`
}

const two = (n: number): string => String(n).padStart(2, "0")

const stepOf = (steps: ReadonlyArray<number>, span: number, most: number, coarse: number): number => {
  const least = span / Math.max(1, most - 1)
  return steps.find((step) => step >= least) ?? Math.ceil(least / coarse) * coarse
}

const multiples = (from: number, to: number, step: number): ReadonlyArray<number> => {
  const first = Math.ceil(from / step)
  const count = Math.max(0, Math.floor(to / step) - first + 1)
  return Array.from({ length: count }, (_, i) => (first + i) * step)
}
