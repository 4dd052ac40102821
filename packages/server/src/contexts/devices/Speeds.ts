/**
 * How fast an athlete was, by a sensor that measures their heart too: means of ten seconds, which is what it takes to tell
 * whether two recordings are the same activity. The samples themselves stay in the chunks.
 */
import { Trace } from "@paceline/core/kernel"
import type { Bundle } from "@paceline/core/wire"

export interface Speeds {
  /** The first sample of each step, milliseconds since the epoch. */
  readonly atMs: ReadonlyArray<number>
  readonly metresPerSecond: ReadonlyArray<number>
}

/** Of the samples in the order recorded; those that are no speed, or not of a time before `latestMs`, are left out. */
export const of = ({ atMillis, values }: Pick<Bundle.Block, "atMillis" | "values">, latestMs: number): Speeds => {
  const steps = new Map<number, { readonly atMs: number; sum: number; samples: number }>()
  for (const [i, atMs] of atMillis.entries()) {
    const value = values[i] ?? Number.NaN
    if (!Number.isFinite(value) || value < 0 || atMs < 0 || atMs > latestMs) continue
    const number = Math.floor(atMs / Trace.STEP_MILLIS)
    const step = steps.get(number) ?? { atMs, sum: 0, samples: 0 }
    steps.set(number, step)
    step.sum += value
    step.samples++
  }
  const all = Array.from(steps.values())
  return {
    atMs: all.map(({ atMs }) => atMs),
    // Millimetres a second are more than any sensor knows.
    metresPerSecond: all.map(({ samples, sum }) => Math.round((sum / samples) * 1000) / 1000),
  }
}

export const joined = (before: Speeds | undefined, after: Speeds): Speeds =>
  before === undefined
    ? after
    : {
        atMs: [...before.atMs, ...after.atMs],
        metresPerSecond: [...before.metresPerSecond, ...after.metresPerSecond],
      }

/** Those after `fromMs` and up to `toMs`. */
export const between = ({ atMs, metresPerSecond }: Speeds, fromMs: number, toMs: number): Speeds => {
  const isWithin = (at: number | undefined) => at !== undefined && at > fromMs && at <= toMs
  return {
    atMs: atMs.filter(isWithin),
    metresPerSecond: metresPerSecond.filter((_, i) => isWithin(atMs[i])),
  }
}
