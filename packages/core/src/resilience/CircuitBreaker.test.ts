import { describe, expect, it } from "@effect/vitest"
import { Cause, Chunk, ConfigProvider, Data, Deferred, Effect, Exit, Fiber, Stream, TestClock } from "effect"
import * as CircuitBreaker from "./CircuitBreaker.ts"
import type { BreakerOpen } from "./Errors.ts"

class Down extends Data.TaggedError("Down") {}
class Forbidden extends Data.TaggedError("Forbidden") {}

const failing = (breaker: CircuitBreaker.CircuitBreaker, times: number) =>
  Effect.forEach(Array.from({ length: times }), () => Effect.exit(breaker.run(new Down())), { discard: true })

const opened = (options?: Parameters<typeof CircuitBreaker.make>[1]) =>
  Effect.tap(CircuitBreaker.make("strava", { steps: [], ...options }), (breaker) => failing(breaker, 20))

describe("CircuitBreaker as a service", () => {
  it.effect("[resilience 9] open rejects without invoking the operation", () =>
    Effect.gen(function* () {
      const breaker = yield* opened()
      let invoked = 0
      const error = yield* Effect.flip(breaker.run(Effect.sync(() => invoked++)))
      expect(error._tag).toBe("BreakerOpen")
      expect(invoked).toBe(0)
    }),
  )

  it.effect("[resilience 10] the rejection carries when to try again", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      const breaker = yield* opened()
      yield* TestClock.adjust("1 second")
      const error: BreakerOpen = yield* Effect.flip(breaker.run(Effect.void))
      expect(error).toMatchObject({ breaker: "strava", reason: "open", retryAtMillis: 3_605_000 })
    }),
  )

  it.effect("[resilience 7] slow calls open without errors, measured on the clock of the program", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("maps", { window: { kind: "count", calls: 20 } })
      const fiber = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 20 }), () => breaker.run(Effect.sleep("6 seconds")), {
          concurrency: "unbounded",
        }),
      )
      yield* TestClock.adjust("6 seconds")
      yield* Fiber.join(fiber)
      expect((yield* breaker.view).phase).toBe("open")
    }),
  )

  it.effect("[resilience 8] a timeout inside the breaker counts as one", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("maps", { minimumCalls: 1_000 })
      const call = Effect.never.pipe(Effect.timeout("1 second"), breaker.run, Effect.exit)
      const fiber = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 11 }, () => call),
          { concurrency: "unbounded" },
        ),
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      expect((yield* breaker.view).phase).toBe("open")
    }),
  )

  it.scoped("[resilience 12] callers beyond the probes are rejected at once, never parked", () =>
    Effect.gen(function* () {
      const breaker = yield* opened({ probes: 2 })
      yield* TestClock.adjust("5 seconds")
      const gate = yield* Deferred.make<void>()
      const started = yield* Effect.makeLatch()
      const probe = Effect.forkScoped(breaker.run(Effect.zipRight(started.open, Deferred.await(gate))))
      const probes = [yield* probe, yield* probe]
      yield* started.await
      yield* Effect.yieldNow()
      const exits = yield* Effect.forEach(Array.from({ length: 50 }), () => Effect.exit(breaker.run(Effect.void)))
      expect(exits.every(Exit.isFailure)).toBe(true)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.joinAll(probes)
      expect((yield* breaker.view).phase).toBe("closed")
    }),
  )

  it.effect("[resilience 14] an ignored error releases its probe", () =>
    Effect.gen(function* () {
      const breaker = yield* opened({ probes: 1 })
      yield* TestClock.adjust("5 seconds")
      yield* Effect.exit(breaker.run(new Forbidden()))
      expect((yield* breaker.view).phase).toBe("half-open")
      yield* breaker.run(Effect.void)
      expect((yield* breaker.view).phase).toBe("closed")
    }),
  )

  it.effect("[resilience 15] an interrupted probe releases its probe", () =>
    Effect.gen(function* () {
      const breaker = yield* opened({ probes: 1 })
      yield* TestClock.adjust("5 seconds")
      const probe = yield* Effect.fork(breaker.run(Effect.never))
      yield* Effect.yieldNow()
      expect(Exit.isFailure(yield* Effect.exit(breaker.run(Effect.void)))).toBe(true)
      yield* Fiber.interrupt(probe)
      yield* breaker.run(Effect.void)
      expect((yield* breaker.view).phase).toBe("closed")
    }),
  )

  it.effect("[resilience 15] an interrupted call is neither a failure nor a success", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("maps")
      const fiber = yield* Effect.fork(breaker.run(Effect.never))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      expect((yield* breaker.view).calls).toBe(0)
    }),
  )

  it.effect("[resilience 28] events come in order, one a transition, to every subscriber", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("maps", { steps: [], probes: 1 })
      const collected = yield* Effect.fork(Stream.runCollect(Stream.take(breaker.events, 3)))
      yield* Effect.yieldNow()
      yield* Effect.yieldNow()
      yield* failing(breaker, 40)
      yield* TestClock.adjust("5 seconds")
      yield* breaker.run(Effect.void)
      const events = yield* Fiber.join(collected)
      expect(Chunk.toReadonlyArray(events).map((event) => event._tag)).toEqual(["Opened", "HalfOpened", "Closed"])
    }),
  )

  it.effect("[resilience 29] prebuilt errors do not grow", () =>
    Effect.gen(function* () {
      const breaker = yield* opened()
      const first = yield* Effect.flip(breaker.run(Effect.void))
      const before = { keys: Object.getOwnPropertyNames(first).length, stack: first.stack?.length }
      for (let i = 0; i < 5_000; i++) {
        const exit = yield* Effect.exit(breaker.run(Effect.void))
        if (Exit.isSuccess(exit)) throw new Error("an open breaker let a call through")
        expect(Cause.squash(exit.cause)).toBe(first)
      }
      expect({ keys: Object.getOwnPropertyNames(first).length, stack: first.stack?.length }).toEqual(before)
    }),
  )

  it.effect("[resilience 24] [resilience 25] modes and isolations, through the service", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("maps")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* breaker.isolate
          yield* Effect.scoped(breaker.isolate)
          expect((yield* Effect.flip(breaker.run(Effect.void))).reason).toBe("isolated")
        }),
      )
      yield* breaker.run(Effect.void)
      yield* breaker.setMode("forced-open")
      expect((yield* Effect.flip(breaker.run(Effect.void))).reason).toBe("forced-open")
      yield* breaker.setMode("disabled")
      yield* failing(breaker, 100)
      yield* breaker.run(Effect.void)
    }),
  )

  it.effect("[resilience 26] a breaker made from a snapshot goes on where the other was", () =>
    Effect.gen(function* () {
      const breaker = yield* opened()
      const snapshot = yield* breaker.snapshot
      const restored = yield* CircuitBreaker.make("strava", { snapshot: JSON.parse(JSON.stringify(snapshot)) })
      expect((yield* Effect.flip(restored.run(Effect.void))).retryAtMillis).toBe(5_000)
    }),
  )

  it.effect("[resilience 27] an open time beyond every calendar refuses with BreakerOpen, not with a RangeError", () =>
    Effect.gen(function* () {
      const openMillis = { baseMillis: Number.MAX_VALUE, maxMillis: Number.MAX_VALUE, factor: 2 }
      const breaker = yield* opened({ openMillis })
      const error = yield* Effect.flip(breaker.run(Effect.void))
      expect(error).toMatchObject({ _tag: "BreakerOpen", retryAtMillis: Number.MAX_VALUE })
    }),
  )

  it.effect("[resilience 10] when to try again is right also after the clock went back", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(7_200_000)
      const breaker = yield* opened()
      yield* Effect.flip(breaker.run(Effect.void))
      yield* TestClock.setTime(3_600_000)
      expect((yield* Effect.flip(breaker.run(Effect.void))).retryAtMillis).toBe(3_605_000)
    }),
  )

  it.effect("[resilience 26] keyed breakers go on from their snapshots, each key from its own", () =>
    Effect.gen(function* () {
      const breakers = yield* CircuitBreaker.makeKeyed("dependencies", { consecutiveFailures: 1 })
      yield* Effect.exit(breakers.run("down")(new Down()))
      yield* breakers.run("up")(Effect.void)
      const snapshots = JSON.parse(JSON.stringify(yield* breakers.snapshots))
      const again = yield* CircuitBreaker.makeKeyed("dependencies", { consecutiveFailures: 1, snapshots })
      expect((yield* Effect.flip(again.run("down")(Effect.void)))._tag).toBe("BreakerOpen")
      yield* again.run("up")(Effect.void)
      expect((yield* again.get("up").view).calls).toBe(2)
    }),
  )

  it.effect("keys have breakers of their own, and their number is bounded", () =>
    Effect.gen(function* () {
      const breakers = yield* CircuitBreaker.makeKeyed("dependencies", { maxKeys: 10, consecutiveFailures: 1 })
      yield* Effect.exit(breakers.run("down")(new Down()))
      for (let i = 0; i < 100; i++) yield* breakers.run(`key-${i}`)(Effect.void)
      expect(yield* breakers.views).toHaveLength(10)
      expect((yield* Effect.flip(breakers.run("down")(Effect.void)))._tag).toBe("BreakerOpen")
    }),
  )

  it.effect("a layer reads its settings from the configuration", () =>
    Effect.gen(function* () {
      const breakers = yield* CircuitBreaker.CircuitBreakers
      yield* failing(breakers.get("maps"), 3)
      expect((yield* breakers.get("maps").view).phase).toBe("open")
    }).pipe(
      Effect.provide(CircuitBreaker.layerConfig()),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["BREAKER.MINIMUM_CALLS", "3"]]))),
    ),
  )
})
