/**
 * How much there is to do, and what is switched off when it is too much.
 *
 * Pressure is 1 when all is used: every place of the API taken, or the thread so busy that what is due comes a quarter
 * of a second late. While it stays high, features go in the mission's order; of those that this server has,
 * gamification is the first: leaderboards and points cannot be asked for then, while the wall, training and all that
 * bridges deliver go on. Points are still awarded, so nothing is missing when they come back. `/readyz` says what is
 * off.
 */
import { Degradation as Kernel } from "@paceline/core/kernel"
import { Degradation } from "@paceline/core/resilience"
import { Clock, Effect, Layer } from "effect"
import { Compartments } from "./Compartments.ts"

export interface LoadOptions {
  /** Pressure from which a feature is switched off, percent. */
  readonly degradeAtPercent: number
  /** Pressure down to which it comes back, percent; less than the other. */
  readonly recoverAtPercent: number
}

export const standard: LoadOptions = { degradeAtPercent: 90, recoverAtPercent: 70 }

const SAMPLE_EVERY_MILLIS = 1_000

/** A thread that is so late is used up: people notice. */
const LATE_MILLIS = 250

/** @param lateMillis by how much what was due came late */
export const pressureOf = (
  { limit, running, waiting }: { readonly limit: number; readonly running: number; readonly waiting: number },
  lateMillis: number,
): number => Math.max((running + waiting) / limit, lateMillis / LATE_MILLIS)

/**
 * The level at which gamification rests. This server has nothing yet that further levels would switch off, so it does
 * not enter them: what it says is off, is off.
 */
const HIGHEST_LEVEL = Kernel.order.findIndex((features: ReadonlyArray<string>) => features.includes("gamification")) + 1

const make = (options: LoadOptions) =>
  Effect.gen(function* () {
    const { api } = yield* Compartments
    const degradeAt = options.degradeAtPercent / 100
    const recoverAt = options.recoverAtPercent / 100
    const service = yield* Degradation.make({ degradeAt, recoverAt })
    let dueAtMs = yield* Clock.currentTimeMillis
    const pressure = Effect.gen(function* () {
      const nowMs = yield* Clock.currentTimeMillis
      const lateMillis = Math.max(0, nowMs - dueAtMs)
      dueAtMs = nowMs + SAMPLE_EVERY_MILLIS
      const measured = pressureOf(yield* api.stats, lateMillis)
      const { level } = yield* service.view
      // Between the two marks nothing changes.
      return level < HIGHEST_LEVEL ? measured : Math.min(measured, (degradeAt + recoverAt) / 2)
    })
    yield* Degradation.sample(service, { pressure, everyMillis: SAMPLE_EVERY_MILLIS })
    return service
  })

export const layer = (options: LoadOptions): Layer.Layer<Degradation.Degradation, never, Compartments> =>
  Layer.scoped(Degradation.Degradation, make(options))
