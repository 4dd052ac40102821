/**
 * What every rate-limit store promises, for each adapter's tests to run.
 *
 * The checks take a key prefix, so that they may share a store, and need no clock but the store's own: they wait only
 * for limits of a few milliseconds, by asking again.
 *
 * @example
 * for (const { title, check } of RateLimitStoreSuite.promises)
 *   it.live(title, () => Effect.provide(check, adapter))
 */
import { Effect } from "effect"
import type { Limit } from "../kernel/resilience/RateLimiter.ts"
import type { Ask } from "./MemoryLimits.ts"
import { RateLimitStore, type RateLimitStoreError } from "./RateLimitStore.ts"

export interface StorePromise {
  /** Begins with the number of the promise. */
  readonly title: string
  /** Dies where the promise does not hold. */
  readonly check: Effect.Effect<void, RateLimitStoreError, RateLimitStore>
}

/** Slow enough that nothing drains while a check runs. */
const slow = (name: string, burst: number): Limit => ({
  name,
  limit: 1,
  windowMillis: 86_400_000,
  burst,
  adapts: false,
})

const expect = (holds: boolean, what: string): Effect.Effect<void> =>
  holds ? Effect.void : Effect.dieMessage(`The store does not hold: ${what}`)

let used = 0
/** A key that no check used before. */
const freshKey = Effect.sync(() => `suite-${Date.now()}-${used++}`)

const admitted = (asks: ReadonlyArray<Ask>, times: number) =>
  Effect.gen(function* () {
    const store = yield* RateLimitStore
    const verdicts = yield* Effect.forEach(Array.from({ length: times }), () => store.take(asks, 0), {
      concurrency: "unbounded",
    })
    return verdicts.filter((verdict) => verdict.allowed).length
  })

export const promises: ReadonlyArray<StorePromise> = [
  {
    title: "[resilience 58] callers at the same time never get more than the burst",
    check: Effect.gen(function* () {
      const ask = { limit: slow("suite-burst", 7), key: yield* freshKey }
      yield* expect((yield* admitted([ask], 50)) === 7, "7 of 50 callers pass")
    }),
  },
  {
    title: "[resilience 60] a rejected call uses nothing up, and keys do not touch each other",
    check: Effect.gen(function* () {
      const limit = slow("suite-keys", 2)
      const [one, other] = [yield* freshKey, yield* freshKey]
      yield* admitted([{ limit, key: one }], 20)
      yield* expect((yield* admitted([{ limit, key: other }], 20)) === 2, "another key has all of its own")
      const store = yield* RateLimitStore
      yield* store.refund([{ limit, key: one }])
      yield* expect((yield* admitted([{ limit, key: one }], 20)) === 1, "20 refusals used nothing up")
    }),
  },
  {
    title: "[resilience 61] a cancelled reservation is refunded",
    check: Effect.gen(function* () {
      const store = yield* RateLimitStore
      const asks = [{ limit: { ...slow("suite-reserve", 1), limit: 24 }, key: yield* freshKey }]
      yield* store.take(asks, 0)
      const first = yield* store.take(asks, 86_400_000)
      yield* expect(first.allowed && first.waitMillis > 3_500_000, "a reservation comes due in an hour")
      yield* store.refund(asks)
      const second = yield* store.take(asks, 86_400_000)
      yield* expect(second.allowed && second.waitMillis <= 3_600_000, "the refunded place is given again")
    }),
  },
  {
    title: "[resilience 62] a changed limit keeps what was used",
    check: Effect.gen(function* () {
      const key = yield* freshKey
      yield* admitted([{ limit: slow("suite-change", 3), key }], 3)
      yield* expect((yield* admitted([{ limit: slow("suite-change", 5), key }], 10)) === 2, "3 of 5 are used already")
    }),
  },
  {
    title: "[resilience 63] several limits are taken together or not at all",
    check: Effect.gen(function* () {
      const user = { limit: slow("suite-user", 9), key: yield* freshKey }
      const address = { limit: slow("suite-address", 4), key: yield* freshKey }
      yield* expect((yield* admitted([user, address], 20)) === 4, "the smaller limit decides")
      yield* expect((yield* admitted([user], 20)) === 5, "the larger one lost only what passed")
      const store = yield* RateLimitStore
      const verdict = yield* store.take([user, address], 0)
      yield* expect(!verdict.allowed && verdict.retryAfterMillis > 0, "a refusal says when to try again")
    }),
  },
  {
    title: "[resilience 66] who waits as long as the answer says, passes",
    check: Effect.gen(function* () {
      const store = yield* RateLimitStore
      const limit: Limit = { name: "suite-wait", limit: 10, windowMillis: 500, burst: 1, adapts: false }
      const asks = [{ limit, key: yield* freshKey }]
      yield* store.take(asks, 0)
      const refused = yield* store.take(asks, 0)
      if (refused.allowed) return
      yield* expect(refused.retryAfterMillis <= 50, "the wait is that of one call")
      yield* Effect.sleep(refused.retryAfterMillis + 1)
      yield* expect((yield* store.take(asks, 0)).allowed, "after the wait it passes")
    }),
  },
]
