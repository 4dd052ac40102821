import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as LoadBalancer from "./LoadBalancer.ts"

const quiet = Effect.forEach(Array.from({ length: 10 }), () => Effect.yieldNow(), { discard: true })
const targets = { a: "A", b: "B", c: "C" }

describe("LoadBalancer", () => {
  it.effect("[resilience 55] calls each in turn", () =>
    Effect.gen(function* () {
      const balancer = yield* LoadBalancer.make({ name: "l", targets, dispatch: "round-robin" })
      const called = yield* Effect.forEach([1, 2, 3, 4], () => balancer.use(Effect.succeed))
      expect(called).toEqual(["A", "B", "C", "A"])
    }),
  )

  it.effect("[resilience 55] calls the least busy, and counts a call until it ends, however it ends", () =>
    Effect.gen(function* () {
      const balancer = yield* LoadBalancer.make({ name: "l", targets })
      const calls = yield* Effect.forEach([1, 2, 3, 4], () => Effect.fork(balancer.use(() => Effect.never)))
      yield* quiet
      expect(Object.values(yield* balancer.loads).sort()).toEqual([1, 1, 2])
      yield* Fiber.interrupt(calls[1]!)
      expect(yield* balancer.use(Effect.succeed)).toBe("B")
      expect(yield* Effect.exit(balancer.use(() => Effect.die("bug")))).toEqual(Exit.die("bug"))
      yield* Fiber.interruptAll(calls)
      expect(yield* balancer.loads).toEqual({ a: 0, b: 0, c: 0 })
    }),
  )

  it.effect("[resilience 55] keeps a sticky key where it is until that target is taken away", () =>
    Effect.gen(function* () {
      const balancer = yield* LoadBalancer.make({ name: "l", targets, dispatch: "sticky" })
      const first = yield* balancer.use(Effect.succeed, "athlete-7")
      for (let i = 0; i < 20; i++) yield* balancer.add(`new-${i}`, `new ${i}`)
      expect(yield* balancer.use(Effect.succeed, "athlete-7")).toBe(first)
      yield* balancer.remove(first.toLowerCase())
      expect(yield* balancer.use(Effect.succeed, "athlete-7")).not.toBe(first)
    }),
  )

  it.effect("says when there is nobody to call", () =>
    Effect.gen(function* () {
      const balancer = yield* LoadBalancer.make({ name: "replicas", targets: { only: 1 } })
      yield* balancer.remove("only")
      expect(yield* Effect.flip(balancer.use(Effect.succeed))).toBeInstanceOf(LoadBalancer.NoTarget)
    }),
  )
})
