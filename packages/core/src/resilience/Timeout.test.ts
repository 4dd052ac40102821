import { describe, expect, it } from "@effect/vitest"
import { Data, Effect, Exit, Fiber, FiberRef, Ref, TestClock } from "effect"
import * as Retry from "./Retry.ts"
import * as Timeout from "./Timeout.ts"

class Down extends Data.TaggedError("Down") {}

const plenty = { ratio: 1_000, floor: 1_000, windowMillis: 10_000 }

describe("Timeout as a service", () => {
  it.effect(
    "[resilience 69] the time of slow finalizers is not taken for the call's, and their defects are not lost",
    () =>
      Effect.gen(function* () {
        const timeout = yield* Timeout.make("slow-release", {
          minMillis: 10,
          maxMillis: 100,
          minimumCalls: 1,
          multiple: 0.5,
        })
        const slow = Effect.onInterrupt(Effect.never, () => Effect.sleep("60 millis"))
        const first = yield* Effect.fork(Effect.flip(timeout.run(slow)))
        yield* TestClock.adjust("200 millis")
        expect(yield* Fiber.join(first)).toMatchObject({ _tag: "TimeoutExceeded", timeoutMillis: 100 })
        expect(yield* timeout.timeoutMillis).toBeLessThan(55)

        const broken = Effect.onInterrupt(Effect.never, () => Effect.dieMessage("the lock was not given back"))
        const second = yield* Effect.fork(Effect.exit(timeout.run(broken)))
        yield* TestClock.adjust("200 millis")
        const exit = yield* Fiber.join(second)
        expect(String(exit)).toContain("the lock was not given back")
        expect(String(exit)).toContain("TimeoutExceeded")
      }),
  )

  it.effect("[resilience 69] a timeout interrupts and runs finalisers before it fails", () =>
    Effect.gen(function* () {
      const timeout = yield* Timeout.fixed("maps", 1_000)
      const order: Array<string> = []
      const slowToClose = Effect.onInterrupt(Effect.never, () =>
        Effect.zipRight(
          Effect.sleep("500 millis"),
          Effect.sync(() => order.push("closed")),
        ),
      )
      const fiber = yield* Effect.fork(
        Effect.tapError(timeout.run(slowToClose), () => Effect.sync(() => order.push("failed"))),
      )
      yield* TestClock.adjust("1200 millis")
      expect(fiber.unsafePoll()).toBeNull()
      yield* TestClock.adjust("300 millis")
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ _tag: "TimeoutExceeded", timeoutMillis: 1_000 })
      expect(order).toEqual(["closed", "failed"])
    }),
  )

  it.effect("[resilience 69] interrupting the caller interrupts the call, and runs its finalisers", () =>
    Effect.gen(function* () {
      const timeout = yield* Timeout.fixed("maps", 1_000)
      const closed = yield* Ref.make(false)
      const fiber = yield* Effect.fork(timeout.run(Effect.onInterrupt(Effect.never, () => Ref.set(closed, true))))
      yield* Effect.yieldNow()
      yield* TestClock.adjust("1 millis")
      yield* Fiber.interrupt(fiber)
      expect(yield* Ref.get(closed)).toBe(true)
    }),
  )

  it.effect("[resilience 68] retry around timeout is per attempt", () =>
    Effect.gen(function* () {
      const timeout = yield* Timeout.fixed("maps", 1_000)
      const retry = yield* Retry.make({ attempts: 3, budget: plenty })
      const calls = yield* Ref.make(0)
      const hangs = Effect.zipRight(
        Ref.update(calls, (n) => n + 1),
        Effect.never,
      )
      const fiber = yield* Effect.fork(Effect.flip(retry.run(timeout.run(hangs))))
      yield* TestClock.adjust("20 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TimeoutExceeded" })
      expect(yield* Ref.get(calls)).toBe(3)
    }),
  )

  it.effect("[resilience 68] timeout around retry is in total", () =>
    Effect.gen(function* () {
      const timeout = yield* Timeout.fixed("maps", 1_000)
      const retry = yield* Retry.make({ attempts: 1_000, budget: plenty })
      const calls = yield* Ref.make(0)
      const failsAfter300 = Effect.zipRight(
        Ref.update(calls, (n) => n + 1),
        Effect.zipRight(Effect.sleep("300 millis"), new Down()),
      )
      const fiber = yield* Effect.fork(Effect.flip(timeout.run(retry.run(failsAfter300))))
      yield* TestClock.adjust("1 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "TimeoutExceeded" })
      const then = yield* Ref.get(calls)
      expect(then).toBeLessThanOrEqual(4)
      yield* TestClock.adjust("1 minute")
      expect(yield* Ref.get(calls)).toBe(then)
    }),
  )

  it.effect("follows twice the measured p95, on the clock of the program", () =>
    Effect.gen(function* () {
      const timeout = yield* Timeout.make("maps", { minMillis: 50, maxMillis: 10_000 })
      expect(yield* timeout.timeoutMillis).toBe(10_000)
      for (let i = 0; i < 40; i++) {
        const fiber = yield* Effect.fork(timeout.run(Effect.sleep("100 millis")))
        yield* TestClock.adjust("100 millis")
        yield* Fiber.join(fiber)
      }
      const millis = yield* timeout.timeoutMillis
      expect(millis).toBeGreaterThan(190)
      expect(millis).toBeLessThan(210)
    }),
  )

  it.scoped("passes on values, errors, defects and what the effect set in its fiber", () =>
    Effect.gen(function* () {
      const timeout = yield* Timeout.fixed("maps", 1_000)
      const ref = yield* FiberRef.make(0)
      expect(yield* timeout.run(Effect.as(FiberRef.set(ref, 7), "value"))).toBe("value")
      expect(yield* FiberRef.get(ref)).toBe(7)
      expect(yield* Effect.exit(timeout.run(new Down()))).toEqual(Exit.fail(new Down()))
      expect(yield* Effect.exit(timeout.run(Effect.die("defect")))).toEqual(Exit.die("defect"))
    }),
  )

  it.live("keeps the time on the host's clock as well", () =>
    Effect.gen(function* () {
      const timeout = yield* Timeout.fixed("maps", 10)
      expect(yield* Effect.flip(timeout.run(Effect.never))).toMatchObject({ _tag: "TimeoutExceeded" })
      expect(yield* timeout.run(Effect.as(Effect.yieldNow(), 1))).toBe(1)
    }),
  )

  it.effect("keys have measures of their own", () =>
    Effect.gen(function* () {
      const timeouts = yield* Timeout.Timeouts
      expect(timeouts.get("maps")).toBe(timeouts.get("maps"))
      expect(yield* timeouts.run("maps")(Effect.succeed(1))).toBe(1)
    }).pipe(Effect.provide(Timeout.layerConfig())),
  )
})
