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

  it.effect("is cut by a time-out among calls of which it interrupted the others, and by one that was a defect", () =>
    Effect.gen(function* () {
      const limited = yield* AdaptiveLimit.make({
        name: "search",
        settings: { ...settings, backoff: 0.5 },
        isOverload: (error) => error === "too busy",
      })
      const together = Effect.all([Effect.never, Effect.fail("too busy")], { concurrency: "unbounded" })
      yield* Effect.either(limited.run(together))
      expect((yield* limited.stats).limit).toBe(10)
      yield* Effect.exit(limited.run(Effect.die("too busy")))
      expect((yield* limited.stats).limit).toBe(5)
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("goes on from what another learnt, kept as JSON", () =>
    Effect.gen(function* () {
      const first = yield* AdaptiveLimit.make({ name: "search", settings })
      yield* load(first, 6, 10)
      const learnt = JSON.parse(JSON.stringify(yield* first.learnt))
      const second = yield* AdaptiveLimit.make({ name: "search", settings, learnt })
      expect(yield* second.stats).toEqual(yield* first.stats)
      const narrower = yield* AdaptiveLimit.make({ name: "search", settings: { ...settings, max: 8 }, learnt })
      expect((yield* narrower.stats).limit).toBe(8)
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("keyed: learns of each dependency by itself, also between calls, and remembers so many", () =>
    Effect.gen(function* () {
      const limits = yield* AdaptiveLimit.keyed({
        name: "peers",
        settings: { ...settings, backoff: 0.5 },
        isOverload: (error) => error === "too busy",
        maxKeys: 10,
      })
      yield* Effect.either(limits.run("maps", Effect.fail("too busy")))
      expect((yield* limits.statsOf("maps")).limit).toBe(10)
      expect((yield* limits.statsOf("mail")).limit).toBe(20)
      const call = yield* Effect.fork(limits.run("maps", Effect.never))
      yield* quiet
      expect(yield* limits.stats).toEqual({ keys: 1, remembered: 0, running: 1, waiting: 0 })
      yield* Fiber.interrupt(call)
      for (let i = 0; i < 1_000; i++) yield* limits.run(`tenant ${i}`, Effect.void)
      expect(yield* limits.stats).toEqual({ keys: 0, remembered: 10, running: 0, waiting: 0 })
    }).pipe(Effect.provide(Timers.layer)),
  )
})
