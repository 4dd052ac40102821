import { describe, expect, it } from "@effect/vitest"
import { Data, Effect, Exit, Fiber, TestClock } from "effect"
import * as Policy from "./Policy.ts"

class Down extends Data.TaggedError("Down") {}
class Full extends Data.TaggedError("BulkheadFull") {}

const plenty = { ratio: 1_000, floor: 1_000, windowMillis: 10_000 }

const counted = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const calls = { n: 0 }
  return {
    calls,
    effect: Effect.suspend(() => {
      calls.n++
      return effect
    }),
  }
}

const through = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.exit(effect))
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

describe("Policy", () => {
  it.effect("passes on what the call gives, value and error", () =>
    Effect.gen(function* () {
      const policy = yield* Policy.forUser("maps")
      expect(yield* policy.run(Effect.succeed(1))).toBe(1)
      const invalid = { _tag: "ParseError" } as const
      expect(yield* Effect.exit(policy.run(Effect.fail(invalid)))).toEqual(Exit.fail(invalid))
    }),
  )

  it.effect("[resilience 30] forUser makes 5 attempts, forSystem 10", () =>
    Effect.gen(function* () {
      const user = yield* Policy.forUser("maps", { retry: { budget: plenty } })
      const system = yield* Policy.forSystem("maps", { retry: { budget: plenty } })
      const [five, ten] = [counted(new Down()), counted(new Down())]
      yield* through(user.run(five.effect))
      yield* through(system.run(ten.effect))
      expect([five.calls.n, ten.calls.n]).toEqual([5, 10])
    }),
  )

  it.effect("[resilience 68] the timeout is per attempt, and the breaker sees each late one as a timeout", () =>
    Effect.gen(function* () {
      const policy = yield* Policy.forUser("maps", {
        retry: { budget: plenty, attempts: 20, totalMillis: 3_600_000 },
        timeout: { minMillis: 1_000, maxMillis: 1_000 },
      })
      const { calls, effect } = counted(Effect.never)
      const exit = yield* through(Effect.flip(policy.run(effect)))
      expect(exit).toMatchObject({ value: { _tag: "TimeoutExceeded" } })
      expect(calls.n).toBe(11)
      expect(policy.breaker?.cell.state.phase).toBe("open")
    }),
  )

  it.effect("a refusal is not tried again, and the fallback stands in for it", () =>
    Effect.gen(function* () {
      const policy = yield* Policy.forSystem("maps", { breaker: { consecutiveFailures: 1 } })
      yield* Effect.exit(policy.run(new Down()))
      const { calls, effect } = counted(Effect.succeed("real"))
      const answer = yield* policy.runOr(effect, (error) => Effect.succeed(error._tag))
      expect(answer).toMatchObject({ _tag: "Degraded", value: "BreakerOpen" })
      expect(calls.n).toBe(0)
    }),
  )

  it.effect("a full bulkhead is neither tried again nor held against the dependency", () =>
    Effect.gen(function* () {
      let asked = 0
      const bulkhead: Policy.BulkheadLike<Full> = {
        run: () =>
          Effect.suspend(() => {
            asked++
            return new Full()
          }),
      }
      const policy = yield* Policy.forSystem("maps", { bulkhead })
      expect(yield* Effect.exit(policy.run(Effect.void))).toEqual(Exit.fail(new Full()))
      expect(asked).toBe(1)
      expect(policy.breaker?.cell.state.window.calls).toBe(0)
    }),
  )

  it.effect(
    "[resilience 43] calls under a total outage with three nested layers stay within 1.2 times the callers",
    () =>
      Effect.gen(function* () {
        const layers = yield* Effect.all([Policy.forUser("a"), Policy.forUser("b"), Policy.forUser("c")])
        const { calls, effect } = counted(new Down())
        const nested = layers.reduceRight<Effect.Effect<void, unknown>>((inner, layer) => layer.run(inner), effect)
        yield* through(
          Effect.forEach(Array.from({ length: 100 }), () => Effect.exit(nested), { concurrency: "unbounded" }),
        )
        expect(calls.n).toBeLessThanOrEqual(120)
      }),
  )

  it.effect("without guards it only runs the call", () =>
    Effect.gen(function* () {
      const policy = yield* Policy.make("bare", { retry: false, breaker: false, timeout: false })
      expect(policy.breaker).toBeUndefined()
      expect(yield* Effect.exit(policy.run(new Down()))).toEqual(Exit.fail(new Down()))
    }),
  )

  it.effect("a layer gives each dependency a policy of its own, with settings from the configuration", () =>
    Effect.gen(function* () {
      const policies = yield* Policy.Policies
      expect(yield* policies.get("maps")).toBe(yield* policies.get("maps"))
      expect(yield* policies.get("maps")).not.toBe(yield* policies.get("strava"))
      expect(yield* policies.run("maps")(Effect.succeed(1))).toBe(1)
    }).pipe(Effect.provide(Policy.layerConfig())),
  )
})
