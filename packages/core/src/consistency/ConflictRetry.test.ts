import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, TestClock } from "effect"
import * as ConflictRetry from "./ConflictRetry.ts"

/** Fails with "overtaken" so many times, and notes when it was tried. */
const failing = (times: number, then: Effect.Effect<string, string> = Effect.succeed("written")) => {
  const triedAtMs: Array<number> = []
  const unit = Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
    triedAtMs.push(nowMs)
    return triedAtMs.length <= times ? Effect.fail("overtaken") : then
  })
  return { unit, triedAtMs }
}

const isOvertaken = (error: string) => error === "overtaken"

const finished = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.exit(effect))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

describe("ConflictRetry", () => {
  it.effect("[log 2] tries up to 5 times, and then fails with the last conflict", () =>
    Effect.gen(function* () {
      const four = failing(4)
      expect(yield* finished(ConflictRetry.retrying(four.unit, isOvertaken))).toEqual(Exit.succeed("written"))
      expect(four.triedAtMs.length).toBe(5)
      const five = failing(5)
      expect(yield* finished(ConflictRetry.retrying(five.unit, isOvertaken))).toEqual(Exit.fail("overtaken"))
      expect(five.triedAtMs.length).toBe(5)
    }),
  )

  it.effect("waits between, with jitter, never longer than half a second", () =>
    Effect.gen(function* () {
      const { triedAtMs, unit } = failing(50)
      yield* finished(ConflictRetry.retrying(unit, isOvertaken, 51))
      const gaps = triedAtMs.slice(1).map((at, i) => at - (triedAtMs[i] ?? 0))
      expect(Math.max(...gaps)).toBeLessThanOrEqual(500)
      expect(Math.max(...gaps.slice(10))).toBeGreaterThan(250)
      expect(new Set(gaps.slice(10)).size).toBeGreaterThan(20)
    }),
  )

  it.effect("does not try again what failed for another reason, died or was interrupted", () =>
    Effect.gen(function* () {
      for (const end of [Effect.fail("refused"), Effect.die("a bug"), Effect.interrupt]) {
        const { triedAtMs, unit } = failing(1, end)
        const exit = yield* finished(ConflictRetry.retrying(unit, isOvertaken))
        expect(Exit.isFailure(exit)).toBe(true)
        expect(triedAtMs.length).toBe(2)
      }
    }),
  )

  it.effect("rescues failures, and leaves successes, deaths and interruptions as they are", () =>
    Effect.gen(function* () {
      const rescued = <A>(effect: Effect.Effect<A, string>) =>
        Effect.exit(ConflictRetry.catchFailure(effect, (error) => Effect.fail(`rescued from ${error}`)))
      expect(yield* rescued(Effect.succeed("written"))).toEqual(Exit.succeed("written"))
      expect(yield* rescued(Effect.fail("overtaken"))).toEqual(Exit.fail("rescued from overtaken"))
      expect(yield* rescued(Effect.die("a bug"))).toEqual(Exit.die("a bug"))
      expect(Exit.isInterrupted(yield* rescued(Effect.interrupt))).toBe(true)
    }),
  )
})
