/** From heart rates over time to lines and areas of a picture. All lengths are CSS pixels; y grows downwards. */
import type { Run, Trace } from "./Trace.ts"

/** The part of the picture that has the curve. */
export interface Frame {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

export interface Scales {
  readonly x: (atMs: number) => number
  readonly y: (bpm: number) => number
  /** The time at a place, within the range. */
  readonly timeAt: (x: number) => number
}

export interface Ranges {
  readonly fromMs: number
  readonly toMs: number
  readonly lowBpm: number
  readonly highBpm: number
}

export const scales = (frame: Frame, { fromMs, highBpm, lowBpm, toMs }: Ranges): Scales => {
  const millis = Math.max(1, toMs - fromMs)
  const beats = Math.max(1, highBpm - lowBpm)
  return {
    x: (atMs) => frame.left + ((atMs - fromMs) / millis) * frame.width,
    y: (bpm) => frame.top + ((highBpm - bpm) / beats) * frame.height,
    timeAt: (x) => fromMs + Math.min(1, Math.max(0, (x - frame.left) / Math.max(1, frame.width))) * millis,
  }
}

/** The line through the means: one piece a run. A single point is no line: see `dotPath`. */
export const meanPath = (trace: Trace, { x, y }: Scales): string =>
  trace
    .filter((run) => run.length > 1)
    .map((run) => run.map((point, i) => `${i === 0 ? "M" : "L"}${place(x(point.atMs), y(point.mean))}`).join(""))
    .join("")

/** Points that have no neighbour, as lines without a length: with round ends they are dots. */
export const dotPath = (trace: Trace, { x, y }: Scales): string =>
  trace.map(([point, next]) => (point && !next ? `M${place(x(point.atMs), y(point.mean))}h0` : "")).join("")

/** The area from the least to the greatest: one closed piece a run. */
export const bandPath = (trace: Trace, scale: Scales): string => trace.map((run) => bandOf(run, scale)).join("")

const bandOf = (run: Run, { x, y }: Scales): string => {
  if (run.length < 2) return ""
  const upper = run.map((point) => place(x(point.atMs), y(point.max)))
  const lower = run.map((point) => place(x(point.atMs), y(point.min))).reverse()
  return `M${[...upper, ...lower].join("L")}Z`
}

/** To a tenth of a pixel: what is finer nobody sees, and makes a path twice as long. */
const place = (x: number, y: number): string => `${tenth(x)} ${tenth(y)}`

const tenth = (n: number): number => Math.round(n * 10) / 10

export interface ZoneBand {
  readonly zone: number
  readonly top: number
  readonly height: number
}

/**
 * The zones behind the curve, as far as they are in the picture.
 *
 * @param starts the least heart rate of zones 1 to 5
 */
export const zoneBands = (
  starts: ReadonlyArray<number>,
  { highBpm, lowBpm }: Pick<Ranges, "highBpm" | "lowBpm">,
  y: Scales["y"],
): ReadonlyArray<ZoneBand> =>
  starts.flatMap((start, i) => {
    const from = Math.max(start, lowBpm)
    const to = Math.min(starts[i + 1] ?? Number.POSITIVE_INFINITY, highBpm)
    return to <= from ? [] : [{ zone: i + 1, top: y(to), height: y(from) - y(to) }]
  })
