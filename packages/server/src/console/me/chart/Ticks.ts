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

/** Times since the start, from 0 on, milliseconds: at most `most` of them. */
export const timeTicks = (durationMillis: number, most: number): ReadonlyArray<number> =>
  fitting(0, durationMillis, most, TIME_STEPS)

const BPM_STEPS: ReadonlyArray<number> = [5, 10, 20, 50]

/** Heart rates from `low` to `high`, both included where they are marks. */
export const bpmTicks = (low: number, high: number, most: number): ReadonlyArray<number> =>
  fitting(low, high, most, BPM_STEPS)

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

/** The multiples of the finest step of which there are not too many; of the coarsest and its doubles if need be. */
const fitting = (from: number, to: number, most: number, steps: ReadonlyArray<number>): ReadonlyArray<number> => {
  const step = steps.find((each) => count(from, to, each) <= most)
  if (step !== undefined) return multiples(from, to, step)
  let coarse = steps.at(-1) ?? 1
  while (count(from, to, coarse) > Math.max(1, most)) coarse *= 2
  return multiples(from, to, coarse)
}

const count = (from: number, to: number, step: number): number =>
  Math.max(0, Math.floor(to / step) - Math.ceil(from / step) + 1)

const multiples = (from: number, to: number, step: number): ReadonlyArray<number> => {
  const first = Math.ceil(from / step)
  return Array.from({ length: count(from, to, step) }, (_, i) => (first + i) * step)
}
