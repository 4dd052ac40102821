/**
 * What every rate-limit store in a database promises: what `RateLimitStoreSuite` of core does, and that it agrees with
 * the store in memory, and remembers.
 *
 * @example
 * rateLimiterStoreSuite("sqlite", SqliteStore.layer({ folder }), SqliteRateLimits.layer)
 */
import { describe, expect, it } from "@effect/vitest"
import { type Ask, RateLimiter, RateLimitStore, RateLimitStoreSuite } from "@paceline/core/resilience"
import { Effect, Layer } from "effect"

type Store = RateLimitStore.RateLimitStore

/** @param database opens the same database each time it is built */
export const rateLimiterStoreSuite = <Database>(
  name: string,
  database: Layer.Layer<Database, unknown>,
  adapter: Layer.Layer<Store, never, Database>,
): void => {
  const store = Layer.provide(adapter, database)
  const day = (limit: string, burst: number) => ({
    name: limit,
    limit: 1,
    windowMillis: 86_400_000,
    burst,
    adapts: false,
  })
  const take = (asks: ReadonlyArray<Ask>, maxWaitMillis = 0) =>
    Effect.flatMap(RateLimitStore.RateLimitStore, (one) => one.take(asks, maxWaitMillis))
  const admitted = (asks: ReadonlyArray<Ask>, times: number) =>
    Effect.map(
      Effect.all(
        Array.from({ length: times }, () => take(asks)),
        { concurrency: "unbounded" },
      ),
      (verdicts) => verdicts.filter(({ allowed }) => allowed).length,
    )
  const test = <A, E>(title: string, body: Effect.Effect<A, E, Store>) =>
    it.live(title, () => Effect.provide(body, store))

  describe(`rate limit store on ${name}`, () => {
    for (const { check, title } of RateLimitStoreSuite.promises) test(title, check)

    it.live("[resilience 58] two stores on one database never let more than the burst pass together", () =>
      Effect.gen(function* () {
        const ask = { limit: day("shared", 11), key: crypto.randomUUID() }
        const own = Effect.provide(admitted([ask], 40), Layer.fresh(adapter))
        const [one, two] = yield* Effect.all([own, own], { concurrency: 2 })
        expect(one + two).toBe(11)
      }).pipe(Effect.provide(database)),
    )

    it.live("remembers what was used when it is opened again", () =>
      Effect.gen(function* () {
        const ask = { limit: day("remembered", 3), key: crypto.randomUUID() }
        expect(yield* Effect.provide(admitted([ask], 2), store)).toBe(2)
        expect(yield* Effect.provide(admitted([ask], 5), store)).toBe(1)
      }),
    )

    test(
      "[resilience 60] a caller that goes on calling when it is refused has its limit halved, as in memory",
      Effect.gen(function* () {
        const limit = { name: "heeded", limit: 5, windowMillis: 3_600_000, burst: 1 }
        const asks = [{ limit, key: crypto.randomUUID() }]
        const waits: Array<number> = []
        const inMemory: Array<number> = []
        const memory = yield* Effect.provide(RateLimitStore.RateLimitStore, RateLimitStore.layerMemory())
        for (let i = 0; i < 9; i++) {
          const [here, there] = [yield* take(asks), yield* memory.take(asks, 0)]
          waits.push(here.allowed ? 0 : Math.round(here.retryAfterMillis / 60_000))
          inMemory.push(there.allowed ? 0 : Math.round(there.retryAfterMillis / 60_000))
        }
        expect(waits).toEqual(inMemory)
        expect(waits.at(-1)).toBeGreaterThan(waits[1] ?? 0)
      }),
    )

    test(
      "[resilience 62] a limit over another window keeps as many calls as were used",
      Effect.gen(function* () {
        const key = crypto.randomUUID()
        const limit = day("window", 6)
        expect(yield* admitted([{ limit, key }], 4)).toBe(4)
        expect(yield* admitted([{ limit: { ...limit, windowMillis: 172_800_000 }, key }], 9)).toBe(2)
      }),
    )

    test(
      "[resilience 63] many callers of several limits at once, in any order, get what is there and no more",
      Effect.gen(function* () {
        const keys = Array.from({ length: 6 }, () => crypto.randomUUID())
        const asks = keys.map((key, i) => ({ limit: day(`mixed-${i}`, 10), key }))
        const rotated = (by: number) => [...asks.slice(by), ...asks.slice(0, by)]
        const verdicts = yield* Effect.all(
          Array.from({ length: 60 }, (_, i) => take(rotated(i % 6))),
          { concurrency: "unbounded" },
        )
        expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(10)
      }),
    )

    test(
      "the limiter works over it",
      Effect.gen(function* () {
        const limiter = yield* RateLimiter.make
        const asks = [{ limit: day("service", 1), key: crypto.randomUUID() }]
        expect(yield* limiter.limit(asks)(Effect.succeed("ran"))).toBe("ran")
        expect(yield* Effect.flip(limiter.limit(asks)(Effect.succeed("ran")))).toMatchObject({
          _tag: "RateLimited",
          limit: "service",
        })
      }),
    )
  })
}
