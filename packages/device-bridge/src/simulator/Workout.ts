/**
 * What the coach asks for: intensity over time, as a share of the athlete's threshold power.
 *
 * Every workout warms up, has a main part of one of four kinds, and cools down. The parts stretch with the time
 * there is, so a two-minute recording has them all; the intervals keep their own length and repeat.
 */

/** Intensity goes evenly from `from` to `to`. */
interface Part {
  readonly seconds: number
  readonly from: number
  readonly to: number
}

export type WorkoutKind = keyof typeof MAIN_PARTS

/** One round of each main part; it repeats until the cool-down. */
const MAIN_PARTS = {
  /** Four minutes hard, three easy: for the greatest oxygen uptake. */
  intervals: [
    { seconds: 240, from: 1.04, to: 1.08 },
    { seconds: 180, from: 0.5, to: 0.5 },
  ],
  /** Half a minute hard, half a minute easy, ten times, then a rest. */
  shortIntervals: [
    ...Array.from({ length: 10 }, () => [
      { seconds: 30, from: 1.2, to: 1.2 },
      { seconds: 30, from: 0.5, to: 0.5 },
    ]).flat(),
    { seconds: 150, from: 0.52, to: 0.52 },
  ],
  /** Hills: a slow climb in effort, a summit, a descent. */
  hills: [
    { seconds: 210, from: 0.7, to: 0.95 },
    { seconds: 60, from: 1.05, to: 1.15 },
    { seconds: 120, from: 0.42, to: 0.42 },
  ],
  /** Steady, with a little push now and then. */
  tempo: [
    { seconds: 420, from: 0.8, to: 0.84 },
    { seconds: 60, from: 0.98, to: 0.98 },
    { seconds: 60, from: 0.65, to: 0.65 },
  ],
} as const satisfies Record<string, ReadonlyArray<Part>>

export const workoutKinds: readonly [WorkoutKind, ...ReadonlyArray<WorkoutKind>] = [
  "intervals",
  "shortIntervals",
  "hills",
  "tempo",
]

/** The intensity asked for in each second of a workout of `seconds`, at most `longestWarmUp` of them warming up. */
export const intensities = (kind: WorkoutKind, seconds: number, longestWarmUp: number): Float64Array => {
  const warmUp = Math.min(longestWarmUp, Math.round(seconds * 0.18))
  const coolDown = Math.min(300, Math.round(seconds * 0.14))
  const asked = new Float64Array(seconds)
  let at = fill(asked, 0, warmUp, { seconds: warmUp, from: 0.35, to: 0.78 })
  const end = seconds - coolDown
  while (at < end) {
    for (const part of MAIN_PARTS[kind]) at = fill(asked, at, end, part)
  }
  fill(asked, end, seconds, { seconds: coolDown, from: 0.55, to: 0.25 })
  return asked
}

/** Writes `part` from `at` on, not beyond `end`; the second after it. */
const fill = (asked: Float64Array, at: number, end: number, part: Part): number => {
  const last = Math.min(end, at + part.seconds)
  for (let i = at; i < last; i++) asked[i] = part.from + ((part.to - part.from) * (i - at)) / part.seconds
  return last
}
