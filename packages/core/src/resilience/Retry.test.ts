import { describe, expect, it } from "@effect/vitest"
import { Cause, Data, Effect, Exit, Fiber, Ref, TestClock } from "effect"
import * as RetryBudget from "../kernel/resilience/RetryBudget.ts"
import * as CircuitBreaker from "./CircuitBreaker.ts"
import * as Retry from "./Retry.ts"
import type { RetryEvent } from "./RetryOptions.ts"

class Down extends Data.TaggedError("Down")<{ readonly retryAfterMillis?: number }> {}
class Forbidden extends Data.TaggedError("Forbidden") {}

/** A budget that never says no, where the budget is not the matter. */
const plenty = { ratio: 1_000, floor: 1_000, windowMillis: 10_000 }

/** Counts attempts; fails each of them. */
const counted = <E>(error: E) => {
  const calls = { n: 0 }
  return {
    calls,
    effect: Effect.suspend(() => {
      calls.n++
      return Effect.fail(error)
    }),
  }
}

/** Runs to the end while the clock goes on. */
const through = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.exit(effect))
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

describe("Retry as a service", () => {
  it.effect("[resilience 30] N retries are N + 1 attempts", () =>
    Effect.gen(function* () {
      for (const [make, attempts] of [
        [Retry.forUser, 5],
        [Retry.forSystem, 10],
      ] as const) {
        const retry = yield* make({ budget: plenty })
        const { calls, effect } = counted(new Down({}))
        expect(yield* through(retry.run(effect))).toEqual(Exit.fail(new Down({})))
        expect(calls.n).toBe(attempts)
      }
    }),
  )

  it.effect("answers as soon as an attempt does", () =>
    Effect.gen(function* () {
      const retry = yield* Retry.forUser()
      const calls = yield* Ref.make(0)
      const third = Effect.flatMap(
        Ref.updateAndGet(calls, (n) => n + 1),
        (n) => (n < 3 ? Effect.fail(new Down({})) : Effect.succeed(n)),
      )
      expect(yield* through(retry.run(third))).toEqual(Exit.succeed(3))
    }),
  )

  it.effect("[resilience 34] cancel during a delay: no more attempts", () =>
    Effect.gen(function* () {
      const retry = yield* Retry.forUser({ budget: plenty })
      const { calls, effect } = counted(new Down({ retryAfterMillis: 5_000 }))
      const fiber = yield* Effect.fork(retry.run(effect))
      yield* TestClock.adjust("1 second")
      expect(calls.n).toBe(1)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      expect(calls.n).toBe(1)
    }),
  )

  it.effect("[resilience 35] cancel before the start: none at all", () =>
    Effect.gen(function* () {
      const retry = yield* Retry.forUser()
      const { calls, effect } = counted(new Down({}))
      const fiber = yield* Effect.fork(retry.run(effect))
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      expect(calls.n).toBe(0)
    }),
  )

  it.effect("[resilience 36] an error that cannot be retried is not: permission, defects, interruption", () =>
    Effect.gen(function* () {
      const retry = yield* Retry.forUser()
      const { calls, effect } = counted(new Forbidden())
      yield* through(retry.run(effect))
      expect(calls.n).toBe(1)
      let deaths = 0
      const exit = yield* through(retry.run(Effect.suspend(() => Effect.die(`defect ${++deaths}`))))
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      expect(deaths).toBe(1)
    }),
  )

  it.effect("[resilience 37] the server's Retry-After wins, capped", () =>
    Effect.gen(function* () {
      const delays: Array<number> = []
      const retry = yield* Retry.forUser({
        attempts: 3,
        budget: plenty,
        onEvent: (event) => event._tag === "Retrying" && delays.push(event.delayMillis),
      })
      yield* through(retry.run(counted(new Down({ retryAfterMillis: 3_000 })).effect))
      yield* through(retry.run(counted(new Down({ retryAfterMillis: 3_600_000 })).effect))
      expect(delays).toEqual([3_000, 3_000, 10_000, 10_000])
    }),
  )

  it.effect("[resilience 38] the greatest total time holds, for the attempt under way too", () =>
    Effect.gen(function* () {
      const retry = yield* Retry.forUser({ totalMillis: 2_000, budget: plenty })
      let released = false
      const calls = yield* Ref.make(0)
      const hangsLater = Effect.flatMap(
        Ref.updateAndGet(calls, (n) => n + 1),
        (n) =>
          n === 1
            ? Effect.fail(new Down({}))
            : Effect.onInterrupt(Effect.never, () => Effect.sync(() => (released = true))),
      )
      const fiber = yield* Effect.fork(Effect.flip(retry.explained(hangsLater)))
      yield* TestClock.adjust("1999 millis")
      expect(fiber.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(fiber)).toMatchObject({ error: { _tag: "Down" }, reason: "total-time" })
      expect(released).toBe(true)

      const first = yield* Effect.fork(Effect.flip(retry.run(Effect.never)))
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(first)).toMatchObject({ _tag: "TimeoutExceeded", timeoutMillis: 2_000 })
    }),
  )

  it.effect("[resilience 38] an attempt that the total time cuts off is counted, and the call is given up once", () =>
    Effect.gen(function* () {
      const given: Array<RetryEvent> = []
      const retry = yield* Retry.make({
        totalMillis: 1_000,
        backoff: { baseMillis: 0, maxMillis: 0, factor: 1 },
        onEvent: (event) => given.push(event),
      })
      let calls = 0
      const call = Effect.suspend(() => (++calls === 1 ? Effect.fail(new Down({})) : Effect.never))
      const fiber = yield* Effect.fork(Effect.flip(retry.explained(call)))
      yield* TestClock.adjust("1 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ reason: "total-time", attempts: 2, error: { _tag: "Down" } })
      expect(given.map((event) => event._tag)).toEqual(["Retrying", "GaveUp"])
    }),
  )

  it.effect("[resilience 39] keyed retries have a budget each, and no more than so many are kept", () =>
    Effect.gen(function* () {
      const retries = yield* Retry.makeKeyed({ maxKeys: 2, budget: { ratio: 0, floor: 1, windowMillis: 10_000 } })
      const used = (key: string) => RetryBudget.left(retries.get(key).budget, 0)
      yield* through(Effect.exit(retries.run("a")(new Down({}))))
      expect([used("a"), used("b")]).toEqual([0, 1])
      const first = retries.get("a")
      retries.get("c")
      retries.get("d")
      expect(retries.get("a")).not.toBe(first)
    }),
  )

  it.effect("[resilience 39] budget: 20 % of calls, floor 3, under an outage of 200 callers", () =>
    Effect.gen(function* () {
      const retry = yield* Retry.forUser()
      const { calls, effect } = counted(new Down({}))
      const all = Effect.forEach(Array.from({ length: 200 }), () => Effect.exit(retry.run(effect)), {
        concurrency: "unbounded",
        discard: true,
      })
      yield* through(all)
      expect(calls.n).toBeLessThanOrEqual(240)
      expect(calls.n).toBeGreaterThan(220)
    }),
  )

  it.effect("[resilience 40] the budget refills after recovery", () =>
    Effect.gen(function* () {
      const retry = yield* Retry.forUser()
      yield* through(retry.run(counted(new Down({})).effect))
      const { calls, effect } = counted(new Down({}))
      yield* through(retry.run(effect))
      expect(calls.n).toBe(4)
    }),
  )

  it.effect("[resilience 41] an exhausted budget gives the original error and the reason", () =>
    Effect.gen(function* () {
      const budget = RetryBudget.make({ ratio: 0, floor: 1, windowMillis: 36_000_000 })
      const retry = yield* Retry.forUser({ budget })
      const exit = yield* through(Effect.flip(retry.explained(counted(new Down({})).effect)))
      expect(exit).toMatchObject({ value: { error: { _tag: "Down" }, reason: "budget", attempts: 2 } })
      expect(yield* Effect.flip(retry.run(counted(new Down({})).effect))).toBeInstanceOf(Down)
    }),
  )

  it.effect("[resilience 42] the budget counts retries in backoff", () =>
    Effect.gen(function* () {
      const retry = yield* Retry.forUser()
      const waiting = counted(new Down({ retryAfterMillis: 9_000 }))
      const fibers = yield* Effect.forEach(Array.from({ length: 3 }), () =>
        Effect.fork(Effect.exit(retry.run(waiting.effect))),
      )
      yield* TestClock.adjust("1 second")
      expect(waiting.calls.n).toBe(3)
      const exit = yield* Effect.flip(retry.explained(counted(new Down({})).effect))
      expect(exit).toMatchObject({ reason: "budget", attempts: 1 })
      yield* Fiber.interruptAll(fibers)
    }),
  )

  it.effect("[resilience 43] nested retries do not multiply, across fibers too", () =>
    Effect.gen(function* () {
      const inner = yield* Retry.forSystem({ budget: plenty })
      const middle = yield* Retry.forSystem({ budget: plenty })
      const outer = yield* Retry.forUser({ budget: plenty })
      const { calls, effect } = counted(new Down({}))
      const nested = outer.run(Effect.flatMap(Effect.fork(middle.run(inner.run(effect))), Fiber.join))
      yield* through(nested)
      expect(calls.n).toBe(5)
    }),
  )

  it.effect("stops while a breaker is open, at once", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("maps", { consecutiveFailures: 2 })
      const retry = yield* Retry.forSystem({ budget: plenty, breaker })
      const { calls, effect } = counted(new Down({}))
      const exit = yield* through(Effect.flip(retry.explained(breaker.run(effect))))
      expect(exit).toMatchObject({ value: { reason: "breaker-open", error: { _tag: "Down" } } })
      expect(calls.n).toBe(2)
    }),
  )

  it.effect("a layer gives user and system retries with one budget", () =>
    Effect.gen(function* () {
      const { user, system } = yield* Retry.Retries
      expect(user.budget).toBe(system.budget)
      const { calls, effect } = counted(new Down({}))
      yield* through(system.run(effect))
      expect(calls.n).toBe(3)
    }).pipe(Effect.provide(Retry.layer({ budget: { ratio: 0, floor: 2, windowMillis: 3_600_000 } }))),
  )
})
