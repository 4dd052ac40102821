import { describe, expect, it, vi } from "@effect/vitest"
import { Config, ConfigProvider, Context, Deferred, Duration, Effect, Exit, Fiber, Layer, TestClock } from "effect"
import * as Bulkhead from "./Bulkhead.ts"
import * as Timers from "./Timers.ts"

const quiet = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow(), { discard: true })

/** Fills every place until the gate opens. */
const occupy = (bulkhead: Bulkhead.Bulkhead, count: number) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    const fibers = yield* Effect.forEach(Array.from({ length: count }), () =>
      Effect.fork(bulkhead.run(Deferred.await(gate), "high")),
    )
    yield* quiet
    return { fibers, open: Effect.zipRight(Deferred.succeed(gate, undefined), quiet) }
  })

describe("Bulkhead", () => {
  it.effect("runs what there is room for and refuses the rest without starting it", () =>
    Effect.gen(function* () {
      const bulkhead = yield* Bulkhead.make({ name: "check-in", limit: 2 })
      expect(yield* bulkhead.run(Effect.succeed("through"))).toBe("through")
      const busy = yield* occupy(bulkhead, 2)
      let started = false
      const refused = yield* Effect.flip(bulkhead.run(Effect.sync(() => (started = true))))
      expect(refused).toBeInstanceOf(Bulkhead.BulkheadFull)
      expect(refused).toMatchObject({ _tag: "BulkheadFull", bulkhead: "check-in", priority: "middle" })
      expect(started).toBe(false)
      yield* busy.open
      expect(yield* bulkhead.stats).toEqual({ limit: 2, running: 0, waiting: 0 })
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("[resilience 50] ends a wait at its longest", () =>
    Effect.gen(function* () {
      const bulkhead = yield* Bulkhead.make({ name: "b", limit: 1, queue: 10, maxWaitMillis: 100 })
      const busy = yield* occupy(bulkhead, 1)
      const waits = yield* Effect.fork(Effect.exit(bulkhead.run(Effect.void)))
      yield* TestClock.adjust(Duration.millis(60))
      const later = yield* Effect.fork(bulkhead.run(Effect.succeed("ran")))
      yield* TestClock.adjust(Duration.millis(39))
      expect(waits.unsafePoll()).toBeNull()
      yield* TestClock.adjust(Duration.millis(1))
      expect(yield* Fiber.join(waits)).toMatchObject(
        Exit.fail({ _tag: "BulkheadWaitExceeded", bulkhead: "b", maxWaitMillis: 100 }),
      )
      expect((yield* bulkhead.stats).waiting).toBe(1)
      yield* busy.open
      expect(yield* Fiber.join(later)).toBe("ran")
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("[resilience 45] keeps who was let in, when it fills up and when its limit is lowered", () =>
    Effect.gen(function* () {
      const bulkhead = yield* Bulkhead.make({ name: "b", limit: 2, queue: { high: 3, middle: 2, low: 1 } })
      const busy = yield* occupy(bulkhead, 2)
      const low = yield* Effect.fork(bulkhead.run(Effect.succeed("low"), "low"))
      yield* quiet
      const highs = yield* Effect.fork(
        Effect.all(
          [1, 2, 3, 4].map(() => Effect.either(bulkhead.run(Effect.yieldNow(), "high"))),
          { concurrency: "unbounded" },
        ),
      )
      yield* quiet
      yield* bulkhead.resize(1)
      expect(low.unsafePoll()).toBeNull()
      yield* busy.open
      expect((yield* Fiber.join(highs)).map((result) => result._tag)).toEqual(["Right", "Right", "Left", "Left"])
      expect(yield* Fiber.join(low)).toBe("low")
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("[resilience 47] frees the place of an interrupted waiter and of an interrupted call", () =>
    Effect.gen(function* () {
      const events: Array<string> = []
      const bulkhead = yield* Bulkhead.make({
        name: "b",
        limit: 1,
        queue: 10,
        onEvent: (event) => events.push(`${event._tag} ${event.running}/${event.waiting}`),
      })
      const busy = yield* occupy(bulkhead, 1)
      const waiter = yield* Effect.fork(bulkhead.run(Effect.die("never runs")))
      yield* quiet
      yield* Fiber.interrupt(waiter)
      expect(yield* bulkhead.stats).toEqual({ limit: 1, running: 1, waiting: 0 })
      yield* Fiber.interruptAll(busy.fibers)
      expect(yield* bulkhead.stats).toEqual({ limit: 1, running: 0, waiting: 0 })
      expect(events).toEqual(["Waiting 1/1", "GaveUp 1/0"])
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("keeps critical work going while other work burns", () =>
    Effect.gen(function* () {
      const checkIn = yield* Bulkhead.make({ name: "check-in", limit: 5, queue: 50 })
      const recommendations = yield* Bulkhead.make({ name: "recommendations", limit: 2, queue: 4 })
      yield* Effect.fork(
        Effect.forEach(Array.from({ length: 100 }), () => Effect.either(recommendations.run(Effect.never)), {
          concurrency: "unbounded",
        }),
      )
      yield* quiet
      const seats = yield* Effect.forEach(
        Array.from({ length: 55 }, (_, i) => i),
        (i) => checkIn.run(Effect.as(Effect.yieldNow(), i), "high"),
        {
          concurrency: "unbounded",
        },
      )
      expect(seats).toHaveLength(55)
      expect((yield* recommendations.stats).running).toBe(2)
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("keeps keys apart, and forgets those that are not in use", () =>
    Effect.gen(function* () {
      const perTenant = yield* Bulkhead.keyed<string>({ name: "imports", limit: 1, queue: 1, maxWaitMillis: 100 })
      const busy = yield* Effect.fork(perTenant.run("gym-a", Effect.never))
      yield* quiet
      const waiting = yield* Effect.fork(perTenant.run("gym-a", Effect.void, "high"))
      yield* quiet
      expect((yield* Effect.flip(perTenant.run("gym-a", Effect.void))).message).toContain('"imports/gym-a"')
      expect(yield* perTenant.run("gym-b", Effect.succeed("through"))).toBe("through")
      expect(yield* perTenant.stats).toEqual({ keys: 1, running: 1, waiting: 1 })
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(busy)
      expect(yield* perTenant.stats).toEqual({ keys: 0, running: 0, waiting: 0 })
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("is provided under one's own tag, from configuration if wanted", () => {
    class CheckIn extends Context.Tag("test/CheckIn")<CheckIn, Bulkhead.Bulkhead>() {}
    const options = { name: Config.succeed("check-in"), limit: Config.integer("LIMIT") }
    const layer = Bulkhead.layerConfig(CheckIn, options).pipe(
      Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["LIMIT", "7"]])))),
      Layer.provide(Timers.layer),
    )
    return Effect.gen(function* () {
      expect((yield* (yield* CheckIn).stats).limit).toBe(7)
    }).pipe(Effect.provide(layer))
  })

  it.effect("forgets a key whose only caller was refused, or waited too long", () =>
    Effect.gen(function* () {
      const closed = yield* Bulkhead.keyed<string>({ name: "closed", limit: 0 })
      expect((yield* Effect.flip(closed.run("a", Effect.void)))._tag).toBe("BulkheadFull")
      const slow = yield* Bulkhead.keyed<string>({ name: "slow", limit: 0, queue: 9, maxWaitMillis: 100 })
      const waiting = yield* Effect.fork(Effect.flip(slow.run("a", Effect.void)))
      yield* TestClock.adjust(Duration.millis(100))
      expect((yield* Fiber.join(waiting))._tag).toBe("BulkheadWaitExceeded")
      for (const bulkhead of [closed, slow]) expect(yield* bulkhead.stats).toEqual({ keys: 0, running: 0, waiting: 0 })
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("sets no alarm while nobody waits", () =>
    Effect.gen(function* () {
      const timers = yield* Timers.Timers
      const bulkhead = yield* Bulkhead.make({ name: "b", limit: 1, queue: 10, maxWaitMillis: 60_000 })
      const busy = yield* occupy(bulkhead, 1)
      const served = yield* Effect.fork(bulkhead.run(Effect.void))
      const leaves = yield* Effect.fork(bulkhead.run(Effect.void))
      yield* quiet
      expect(yield* timers.waiting).toBe(1)
      yield* Fiber.interrupt(leaves)
      yield* busy.open
      yield* Fiber.join(served)
      expect(yield* timers.waiting).toBe(0)
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("loses no place to a listener that throws", () =>
    Effect.gen(function* () {
      const reported: Array<unknown> = []
      const report = vi.spyOn(globalThis, "queueMicrotask").mockImplementation((task) => {
        try {
          task()
        } catch (error) {
          reported.push(error)
        }
      })
      const bulkhead = yield* Bulkhead.make({
        name: "b",
        limit: 1,
        queue: 1,
        onEvent: () => {
          throw new Error("deaf")
        },
      })
      const busy = yield* occupy(bulkhead, 1)
      const waiting = yield* Effect.fork(bulkhead.run(Effect.succeed("served"), "high"))
      yield* quiet
      yield* busy.open
      expect(yield* Fiber.join(waiting)).toBe("served")
      expect(yield* bulkhead.stats).toEqual({ limit: 1, running: 0, waiting: 0 })
      report.mockRestore()
      expect(reported).toEqual([new Error("deaf"), new Error("deaf")])
    }).pipe(Effect.provide(Timers.layer)),
  )
})
