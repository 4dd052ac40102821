/**
 * The heart rate of an activity, as a chart draws it: points in runs, each with what was least, mean and greatest.
 *
 * Where the strap said nothing, one run ends and the next begins: a hole is never bridged, because nobody knows what the
 * heart did in it. Long activities are folded to as many points as the screen has room for, and the least and the greatest
 * of what was folded stay.
 *
 * @example
 * const trace = runsOf(columns, "1s")
 * const drawn = folded(trace, 300) // 300 points at most, and as many as runs need
 */
import type { SeriesBuckets } from "@paceline/client-sdk"

export interface TracePoint {
  /** Milliseconds since the epoch: the middle of what it stands for. */
  readonly atMs: number
  readonly samples: number
  /** Beats a minute. */
  readonly min: number
  readonly mean: number
  readonly max: number
}

/** Points without a hole between them; never empty. */
export type Run = ReadonlyArray<TracePoint>

export type Trace = ReadonlyArray<Run>

export type Resolution = "1s" | "1min" | "5min" | "1h"

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

const STEP_MILLIS: Readonly<Record<Resolution, number>> = {
  "1s": SECOND,
  "1min": MINUTE,
  "5min": 5 * MINUTE,
  "1h": HOUR,
}

/**
 * A hole is longer than this. Of seconds it is what fills no gap when activities are merged, and no strap that beats slowly
 * has such a pause; of anything wider it is one bucket without a sample.
 */
const holeMillis = (resolution: Resolution): number =>
  resolution === "1s" ? 5 * SECOND : 1.5 * STEP_MILLIS[resolution]

/** What to ask for: seconds up to an hour and a half, then minutes, and so on, so that an answer is never large. */
export const resolutionOf = (durationMillis: number): Resolution => {
  if (durationMillis <= 1.5 * HOUR) return "1s"
  if (durationMillis <= 24 * HOUR) return "1min"
  return durationMillis <= 7 * 24 * HOUR ? "5min" : "1h"
}

type Columns = Pick<SeriesBuckets["series"][number], "atMs" | "samples" | "min" | "max" | "mean">

/** The runs of a series of buckets. A heart rate of 0 is a strap without contact, and no heart rate. */
export const runsOf = (columns: Columns, resolution: Resolution): Trace => {
  const half = STEP_MILLIS[resolution] / 2
  const hole = holeMillis(resolution)
  const runs: Array<Array<TracePoint>> = []
  let before = Number.NEGATIVE_INFINITY
  columns.atMs.forEach((startMs, i) => {
    const point = pointAt(columns, i, startMs + half)
    if (point === null) return
    if (point.atMs - before > hole) runs.push([])
    runs.at(-1)?.push(point)
    before = point.atMs
  })
  return runs
}

const pointAt = ({ max, mean, min, samples }: Columns, i: number, atMs: number): TracePoint | null => {
  const [low, high, count] = [min[i], max[i], samples[i]]
  if (low === undefined || high === undefined || count === undefined || count <= 0 || low <= 0) return null
  return { atMs, samples: count, min: low, max: high, mean: mean?.[i] ?? (low + high) / 2 }
}

/** The same with about `most` points at the most: neighbours of one run become one, weighed by their samples. */
export const folded = (trace: Trace, most: number): Trace => {
  const points = trace.reduce((sum, run) => sum + run.length, 0)
  const each = Math.ceil(points / Math.max(1, most))
  if (each <= 1) return trace
  return trace.map((run) =>
    Array.from({ length: Math.ceil(run.length / each) }, (_, i) => oneOf(run.slice(i * each, (i + 1) * each))),
  )
}

const oneOf = (points: Run): TracePoint => {
  const samples = points.reduce((sum, point) => sum + point.samples, 0)
  const weighed = (figure: (point: TracePoint) => number) =>
    points.reduce((sum, point) => sum + figure(point) * point.samples, 0) / samples
  const first = points[0]?.atMs ?? 0
  return {
    atMs: (first + (points.at(-1)?.atMs ?? first)) / 2,
    samples,
    min: Math.min(...points.map(({ min }) => min)),
    mean: weighed(({ mean }) => mean),
    max: Math.max(...points.map(({ max }) => max)),
  }
}

/** The least, the mean and the greatest of all; null of an empty trace. */
export const extremesOf = (trace: Trace): TracePoint | null => {
  const points = trace.flat()
  return points.length === 0 ? null : oneOf(points)
}

export interface Hole {
  readonly fromMs: number
  readonly toMs: number
}

/** What lies between the runs. */
export const holesOf = (trace: Trace): ReadonlyArray<Hole> =>
  trace.slice(1).flatMap((run, i) => {
    const fromMs = trace[i]?.at(-1)?.atMs
    const toMs = run[0]?.atMs
    return fromMs === undefined || toMs === undefined ? [] : [{ fromMs, toMs }]
  })

/** The point that is nearest in time; null of an empty trace. */
export const nearest = (points: ReadonlyArray<TracePoint>, atMs: number): number | null => {
  let low = 0
  let high = points.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((points[middle]?.atMs ?? 0) < atMs) low = middle + 1
    else high = middle
  }
  const [before, after] = [points[low - 1], points[low]]
  if (after === undefined) return null
  return before !== undefined && atMs - before.atMs < after.atMs - atMs ? low - 1 : low
}
