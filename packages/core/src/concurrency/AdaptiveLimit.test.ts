import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Fiber, TestClock } from "effect"
import * as AdaptiveLimit from "./AdaptiveLimit.ts"
import * as Timers from "./Timers.ts"

const settings = { initial: 20, min: 2, max: 50, probeEvery: 1_000 }
const quiet = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow(), { discard: true })

/** Rounds of as many calls as may run, each taking so long. */
const load = (limited: AdaptiveLimit.AdaptiveLimit, rounds: number, latencyMillis: number) =>
  Effect.gen(function* () {
    for (let round = 0; round < rounds; round++) {
      const { limit } = yield* limited.stats
      const calls = yield* Effect.forEach(Array.from({ length: limit }), () =>
        Effect.fork(limited.run(Effect.sleep(Duration.millis(latencyMillis)))),
      )
      yield* TestClock.adjust(Duration.millis(latencyMillis))
      yield* Fiber.awaitAll(calls)
    }
  })

describe("AdaptiveLimit", () => {
  it.effect("[resilience 67] falls as latency rises, recovers, and stays in its bounds", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const limited = yield* AdaptiveLimit.make({ name: "search", settings, onLimit: (limit) => seen.push(limit) })
      yield* load(limited, 10, 10)
      const calm = (yield* limited.stats).limit
      expect(calm).toBe(50)
      yield* load(limited, 4, 200)
      const slow = (yield* limited.stats).limit
      expect(slow).toBeLessThan(calm / 2)
      yield* load(limited, 20, 10)
      expect((yield* limited.stats).limit).toBe(50)
      expect(Math.max(...seen)).toBeLessThanOrEqual(50)
      expect(Math.min(...seen)).toBeGreaterThanOrEqual(2)
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("[resilience 67] is not moved by calls that were interrupted or failed, nor by idling", () =>
    Effect.gen(function* () {
      const limited = yield* AdaptiveLimit.make({ name: "search", settings })
      const before = yield* limited.stats
      const calls = yield* Effect.forEach(Array.from({ length: 15 }), () => Effect.fork(limited.run(Effect.never)))
      yield* TestClock.adjust(Duration.seconds(5))
      yield* Fiber.interruptAll(calls)
      yield* Effect.either(limited.run(Effect.fail("wrong password")))
      for (let i = 0; i < 20; i++) {
        const call = yield* Effect.fork(limited.run(Effect.sleep(Duration.millis(10))))
        yield* TestClock.adjust(Duration.millis(10))
        yield* Fiber.join(call)
      }
      expect((yield* limited.stats).limit).toBe(before.limit)
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("is cut at once when the other side is overloaded, and sheds what does not fit", () =>
    Effect.gen(function* () {
      const limited = yield* AdaptiveLimit.make({
        name: "search",
        settings: { ...settings, backoff: 0.5 },
        isOverload: (error) => error === "too busy",
      })
      yield* Effect.either(limited.run(Effect.fail("too busy")))
      expect((yield* limited.stats).limit).toBe(10)
      const calls = yield* Effect.forEach(Array.from({ length: 10 }), () => Effect.fork(limited.run(Effect.never)))
      yield* quiet
      expect((yield* Effect.flip(limited.run(Effect.void)))._tag).toBe("BulkheadFull")
      yield* Fiber.interruptAll(calls)
    }).pipe(Effect.provide(Timers.layer)),
  )
})
