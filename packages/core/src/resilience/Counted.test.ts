import { describe, expect, it } from "@effect/vitest"
import { Data, Effect, Metric, MetricKeyType, TestClock } from "effect"
import * as CircuitBreaker from "./CircuitBreaker.ts"
import { counted, countedBy } from "./Counted.ts"
import * as Policy from "./Policy.ts"
import * as RateLimiter from "./RateLimiter.ts"

class Down extends Data.TaggedError("Down") {}

/** What each series of a counter stands at, by its tags. */
const series = (name: string): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Metric.unsafeSnapshot()
      .filter(({ metricKey }) => metricKey.name === name && MetricKeyType.isCounterKey(metricKey.keyType))
      .map(({ metricKey, metricState }) => [
        metricKey.tags.map(({ key, value }) => `${key}=${value}`).join(),
        "count" in metricState ? Number(metricState.count) : Number.NaN,
      ]),
  )

describe("what guards count", () => {
  it("counts in the series of its tags", () => {
    const count = counted({ name: "test_counted", description: "a test" }, { guard: "a" })
    const by = countedBy({ name: "test_counted", description: "a test" }, "reason", { guard: "b" })
    count()
    count()
    for (const reason of ["late", "full", "late"]) by(reason)
    expect(series("test_counted")).toEqual({ "guard=a": 2, "guard=b,reason=late": 2, "guard=b,reason=full": 1 })
  })

  it.effect("a breaker's transition once, however often its effect variety was made", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("counted-once", { consecutiveFailures: 1 })
      for (let i = 0; i < 10; i++) CircuitBreaker.fromCell(breaker.cell)
      yield* Effect.exit(breaker.run(new Down()))
      expect(breaker.cell.listeners.size).toBe(1)
      expect(series("paceline_breaker_transitions_total")).toMatchObject({ "breaker=counted-once,event=Opened": 1 })
    }),
  )

  it.effect("the calls of all keyed policies in one series, never one a key", () =>
    Effect.gen(function* () {
      const policies = yield* Policy.makeKeyed({
        group: "riders",
        retry: false,
        breaker: { consecutiveFailures: 1 },
        timeout: { minMillis: 1, maxMillis: 1 },
      })
      for (const key of ["anna", "ben"]) {
        yield* Effect.exit(policies.run(key)(new Down()))
        yield* Effect.exit(policies.run(key)(Effect.void))
        const late = yield* Effect.fork(Effect.exit(policies.run(`${key}-late`)(Effect.never)))
        yield* TestClock.adjust("1 millis")
        yield* late
      }
      expect(series("paceline_breaker_refusals_total")).toMatchObject({ "breaker=riders": 2 })
      expect(series("paceline_timeouts_total")).toMatchObject({ "name=riders": 2 })
      const tags = Object.keys({
        ...series("paceline_breaker_transitions_total"),
        ...series("paceline_timeouts_total"),
      })
      expect(tags.filter((tag) => /anna|ben/.test(tag))).toEqual([])
    }),
  )

  it.effect("a limit's refusals, also those that were only asked for", () =>
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      const asks = [{ limit: { ...RateLimiter.limits.user.money, name: "counted-limit", burst: 1 }, key: "anna" }]
      yield* limiter.ask(asks)
      yield* limiter.ask(asks)
      yield* Effect.exit(limiter.limit(asks)(Effect.void))
      expect(series("paceline_rate_limit_refusals_total")).toMatchObject({ "limit=counted-limit": 2 })
    }).pipe(Effect.provide(RateLimiter.layerInMemory())),
  )
})
