import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as AdaptiveTimeout from "./AdaptiveTimeout.ts"
import * as BreakerSettings from "./BreakerSettings.ts"
import * as BreakerSnapshot from "./BreakerSnapshot.ts"
import * as CircuitBreaker from "./CircuitBreaker.ts"
import * as Degradation from "./Degradation.ts"
import * as LastGood from "./LastGood.ts"
import * as LimitTable from "./LimitTable.ts"
import * as Quantile from "./Quantile.ts"
import type * as RateLimiter from "./RateLimiter.ts"
import * as RetryBudget from "./RetryBudget.ts"
import * as SlidingWindow from "./SlidingWindow.ts"
import * as Snapshot from "./Snapshot.ts"

/** What is done to a kernel: one number each, after so many milliseconds. */
const steps = fc.array(fc.record({ gap: fc.oneof(fc.constant(0), fc.nat(40), fc.nat(4_000)), n: fc.nat(30) }), {
  maxLength: 80,
})

const isString = (value: unknown): value is string => typeof value === "string"

const valid = <S extends object>(read: S | Snapshot.InvalidSnapshot): S => {
  if (Snapshot.isInvalid(read)) throw new Error(`${read.path}: expected ${read.expected}`)
  return read
}

interface Kept<K> {
  readonly make: () => K
  /** Does something, and gives all that can be seen of it. */
  readonly act: (kernel: K, n: number, now: number) => unknown
  readonly again: (kernel: K, through: (snapshot: object) => unknown) => K
}

const kept = <K>(kernel: Kept<K>): Kept<K> => kernel

const limit: RateLimiter.Limit = { name: "any", limit: 20, windowMillis: 1_000, burst: 5 }
const budget: RetryBudget.BudgetSettings = { ratio: 0.3, floor: 2, windowMillis: 1_000 }
const bounds = { minMillis: 1, maxMillis: 50, minimumCalls: 5, windowMillis: 2_000 }
const pressures = { degradeAfterMillis: 500, recoverAfterMillis: 900 }
const breakerSettings = BreakerSettings.make({
  minimumCalls: 5,
  steps: [],
  openMillis: { baseMillis: 300, maxMillis: 2_000, factor: 2 },
})

const run = <K>({ make, act, again }: Kept<K>): void => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      let now = 1_700_000_000_000
      const kernel = make()
      for (const { gap, n } of before) {
        now += gap
        act(kernel, n, now)
      }
      const restored = again(kernel, (snapshot) => JSON.parse(JSON.stringify(snapshot)))
      for (const { gap, n } of after) {
        now += gap
        expect(act(restored, n, now)).toEqual(act(kernel, n, now))
      }
    }),
  )
}

describe("a kernel restored from JSON behaves as the one that was kept (property)", () => {
  it("the retry budget", () => {
    run(
      kept({
        make: () => RetryBudget.make(budget),
        act: (state, n, now) => {
          if (n < 20) RetryBudget.call(state, now)
          return [n < 20 || RetryBudget.take(state, now), RetryBudget.left(state, now)]
        },
        again: (state, through) =>
          RetryBudget.restore(budget, valid(RetryBudget.readSnapshot(through(RetryBudget.snapshot(state))))),
      }),
    )
  })

  it("the adaptive timeout and its quantile", () => {
    run(
      kept({
        make: () => AdaptiveTimeout.make(bounds),
        act: (state, n, now) => {
          for (let i = 0; i < n; i++) AdaptiveTimeout.record(state, n + i / 7, now)
          return [AdaptiveTimeout.timeoutMillis(state, now), Quantile.count(state.durations, now)]
        },
        again: (state, through) =>
          AdaptiveTimeout.restore(
            bounds,
            valid(AdaptiveTimeout.readSnapshot(through(AdaptiveTimeout.snapshot(state)))),
          ),
      }),
    )
  })

  it("a limit's keys", () => {
    run(
      kept({
        make: () => LimitTable.make(limit),
        act: (table, n, now) => LimitTable.take(table, `key-${n % 7}`, 1 + (n % 3), now),
        again: (table, through) =>
          LimitTable.restore(limit, valid(LimitTable.readSnapshot(through(LimitTable.snapshot(table))))),
      }),
    )
  })

  it("the last good answers, and which is forgotten first", () => {
    run(
      kept({
        make: () => LastGood.make<string>(4, 2_000),
        act: (known, n, now) => {
          if (n < 15) LastGood.remember(known, `key-${n % 6}`, `answer-${now}`, now)
          return LastGood.recall(known, `key-${n % 5}`, now)
        },
        again: (known, through) =>
          LastGood.restore(4, 2_000, valid(LastGood.readSnapshot(through(LastGood.snapshot(known)), isString))),
      }),
    )
  })

  it("degradation", () => {
    run(
      kept({
        make: () => Degradation.make(pressures),
        act: (state, n, now) => {
          const forced = n < 2 ? Degradation.force(state, n === 0 ? undefined : n) : undefined
          return [forced, Degradation.observe(state, n < 12 ? 0.1 : n < 15 ? 0.8 : 1, now), Degradation.off(state)]
        },
        again: (state, through) =>
          Degradation.restore(pressures, valid(Degradation.readSnapshot(through(Degradation.snapshot(state))))),
      }),
    )
  })

  it("[resilience 26] the breaker, closed and open", () => {
    run(
      kept({
        make: () => CircuitBreaker.make(breakerSettings),
        act: (state, n, now) => {
          const ticket = CircuitBreaker.admit(state, now)
          // Half-open is decided at once: its probes are not part of a snapshot.
          const more = state.phase === "half-open" ? 4 : 0
          const tickets = [ticket, ...Array.from({ length: more }, () => CircuitBreaker.admit(state, now))]
          for (const each of tickets.filter((one) => one !== CircuitBreaker.REFUSED)) {
            if (n % 2 === 0) CircuitBreaker.succeed(state, each, now, n)
            else CircuitBreaker.fail(state, each, now, n, n % 3 === 0)
          }
          return [ticket === CircuitBreaker.REFUSED, state.phase, CircuitBreaker.retryAfterMillis(state, now)]
        },
        again: (state, through) =>
          BreakerSnapshot.restore(breakerSettings, valid(BreakerSnapshot.read(through(BreakerSnapshot.of(state)))), 0),
      }),
    )
  })
})

describe("a snapshot that is none", () => {
  const table = LimitTable.make(limit)
  LimitTable.take(table, "a", 1, 5)
  const sketch = Quantile.make(0.9, 100)
  Quantile.record(sketch, 7, 5)
  const known = LastGood.make<string>(2, 100)
  LastGood.remember(known, "a", "answer", 5)
  const samples: ReadonlyArray<readonly [string, object, (json: unknown) => object]> = [
    [
      "SlidingWindow",
      SlidingWindow.snapshot(SlidingWindow.make({ kind: "count", calls: 2 })),
      SlidingWindow.readSnapshot,
    ],
    ["RetryBudget", RetryBudget.snapshot(RetryBudget.make(budget)), RetryBudget.readSnapshot],
    ["Quantile", Quantile.snapshot(sketch), Quantile.readSnapshot],
    ["LimitTable", LimitTable.snapshot(table), LimitTable.readSnapshot],
    ["LastGood", LastGood.snapshot(known), (json) => LastGood.readSnapshot(json, isString)],
    ["Degradation", Degradation.snapshot(Degradation.make()), Degradation.readSnapshot],
    ["BreakerSnapshot", BreakerSnapshot.of(CircuitBreaker.make(breakerSettings)), BreakerSnapshot.read],
  ]

  it.each(samples)("%s: any JSON is read or refused, and never throws (property)", (_name, sample, read) => {
    fc.assert(fc.property(fc.jsonValue(), (json) => Snapshot.isInvalid(read(json)) || Array.isArray(json)))
    expect(Snapshot.isInvalid(read(null))).toBe(true)
    expect(Snapshot.isInvalid(read("text"))).toBe(true)
    expect(read(JSON.parse(JSON.stringify(sample)))).toEqual(sample)
  })

  it.each(samples)("%s: each part that is changed to something else is refused by its name", (_name, sample, read) => {
    const one: object = Array.isArray(sample) ? sample[0] : sample
    for (const key of Object.keys(one)) {
      const broken = { ...one, [key]: { not: "this" } }
      const refused = read(Array.isArray(sample) ? [broken] : broken)
      expect(refused).toMatchObject({ _tag: "InvalidSnapshot", path: expect.stringContaining(key) })
    }
  })

  it("says where and what: a negative count, a bucket without its three numbers, a level that there is not", () => {
    expect(SlidingWindow.readSnapshot({ kind: "count", ring: [0, 8] })).toEqual({
      _tag: "InvalidSnapshot",
      path: "ring[1]",
      expected: "a whole number, 0 to 7",
    })
    const time = { kind: "time", bucketMillis: 100, newest: 1 }
    expect(SlidingWindow.readSnapshot({ ...time, ring: [1, 0] })).toMatchObject({ path: "ring" })
    expect(SlidingWindow.readSnapshot({ ...time, ring: [1, 0, -1] })).toMatchObject({ path: "ring[2]" })
    expect(Degradation.readSnapshot({ level: 6, forced: null, side: null, sinceMillis: 0 })).toMatchObject({
      path: "level",
      expected: "a whole number, 0 to 5",
    })
    expect(LimitTable.readSnapshot({ windowMillis: 1, keys: [["a", [1, 2, 3]]] })).toMatchObject({ path: "keys[0][1]" })
  })
})

describe("a snapshot under other settings", () => {
  it("a window of other buckets starts empty: their numbers would lie in a future that never comes", () => {
    const window = SlidingWindow.make({ kind: "time", millis: 30_000, buckets: 30 })
    const now = 1_700_000_000_000
    SlidingWindow.record(window, now, true, false)
    const wider = SlidingWindow.restore({ kind: "time", millis: 60_000, buckets: 30 }, SlidingWindow.snapshot(window))
    SlidingWindow.record(wider, now, false, false)
    expect([wider.calls, wider.failures]).toEqual([1, 0])
    SlidingWindow.advance(wider, now + 60_000)
    expect(wider.calls).toBe(0)
  })

  it("[resilience 62] a limit of another window keeps what was used, and a smaller table those that used most", () => {
    const table = LimitTable.make(limit)
    for (const [key, times] of [
      ["a", 1],
      ["b", 5],
      ["c", 3],
    ] as const) {
      for (let i = 0; i < times; i++) LimitTable.take(table, key, 1, 1_000)
    }
    const restored = LimitTable.restore({ ...limit, windowMillis: 2_000 }, LimitTable.snapshot(table), 2)
    expect([...restored.slots.keys()]).toEqual(["b", "c"])
    expect(LimitTable.take(restored, "b", 1, 1_000)).toBe(100)
    expect(LimitTable.take(restored, "c", 2, 1_000)).toBe(0)
    expect(LimitTable.take(restored, "c", 1, 1_000)).toBe(100)
  })

  it("a sketch of another window starts empty", () => {
    const sketch = Quantile.make(0.9, 100)
    Quantile.record(sketch, 7, 5)
    expect(Quantile.count(Quantile.restore(0.9, 200, Quantile.snapshot(sketch)), 5)).toBe(0)
    expect(Quantile.count(Quantile.restore(0.9, 100, Quantile.snapshot(sketch)), 5)).toBe(1)
  })
})
