import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Fiber, TestClock } from "effect"
import { memoryLimits } from "./MemoryLimits.ts"
import * as RateLimiter from "./RateLimiter.ts"
import * as RateLimitStore from "./RateLimitStore.ts"
import * as RateLimitStoreSuite from "./RateLimitStoreSuite.ts"

const { user, address } = RateLimiter.limits
const social = [
  { limit: user.social, key: "athlete" },
  { limit: address.all, key: "10.0.0.1" },
]
const money = [{ limit: user.money, key: "athlete" }]

const inMemory = <A, E>(effect: Effect.Effect<A, E, RateLimiter.RateLimiter>) =>
  Effect.provide(effect, RateLimiter.layerInMemory())

describe("the memory store", () => {
  for (const { title, check } of RateLimitStoreSuite.promises) {
    it.live(title, () => Effect.provide(check, RateLimitStore.layerMemory()))
  }

  it("[resilience 64] the number of keys is bounded", () => {
    const memory = memoryLimits(50)
    for (let i = 0; i < 1_000; i++)
      memory.take(
        [
          { limit: user.api, key: `${i}` },
          { limit: address.all, key: `${i}` },
        ],
        0,
        0,
      )
    expect(memory.size()).toBeLessThanOrEqual(100)
  })
})

describe("RateLimiter as a service", () => {
  it.effect("does not run what is over the limit, and says when to try again", () =>
    inMemory(
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.RateLimiter
        let ran = 0
        const call = limiter.limit(money)(Effect.sync(() => ran++))
        yield* call
        yield* call
        yield* TestClock.adjust("2 seconds")
        expect(yield* Effect.flip(call)).toMatchObject({
          _tag: "RateLimited",
          limit: "user-money",
          retryAfterMillis: 4_000,
        })
        expect(ran).toBe(2)
        yield* TestClock.adjust("4 seconds")
        yield* call
        expect(ran).toBe(3)
      }),
    ),
  )

  it.effect("[resilience 63] user's and address's limits are taken together or not at all", () =>
    inMemory(
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.RateLimiter
        const verdicts = yield* Effect.forEach(Array.from({ length: 300 }), () => limiter.ask(social))
        expect(verdicts.filter((verdict) => verdict.allowed)).toHaveLength(10)
        const others = yield* Effect.forEach(Array.from({ length: 300 }), () => limiter.ask(social.slice(1)))
        expect(others.filter((verdict) => verdict.allowed)).toHaveLength(190)
      }),
    ),
  )

  it.effect("[resilience 61] who waits gets a turn; an interrupted wait gives it back", () =>
    inMemory(
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.RateLimiter
        yield* limiter.ask(money)
        yield* limiter.ask(money)
        const order: Array<string> = []
        const waiting = (name: string) => Effect.fork(limiter.wait(money, 60_000)(Effect.sync(() => order.push(name))))
        const first = yield* waiting("first")
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(first)
        const second = yield* waiting("second")
        yield* TestClock.adjust("5 seconds")
        expect(order).toEqual(["second"])
        yield* Fiber.join(second)
        expect(Exit.isFailure(yield* Effect.exit(limiter.wait(money, 100)(Effect.void)))).toBe(true)
      }),
    ),
  )

  it.effect("a layer bounds its keys from the configuration", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      yield* Effect.forEach(["a", "b", "c"], (key) => limiter.ask([{ limit: user.money, key, cost: 2 }]))
      expect((yield* limiter.ask([{ limit: user.money, key: "a" }])).allowed).toBe(true)
    }).pipe(
      Effect.provide(RateLimiter.layerConfig()),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["RATE_LIMIT.MAX_KEYS", "1"]]))),
    ),
  )
})
