import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as LimitTable from "./LimitTable.ts"
import * as RateLimiter from "./RateLimiter.ts"

const api = RateLimiter.limits.user.api
const steady: RateLimiter.Limit = { name: "test", limit: 10, windowMillis: 1_000, burst: 3, adapts: false }

const fresh = () => new Float64Array(RateLimiter.CELLS)

/** Admission times of callers who try every `everyMillis`. */
const admitted = (limit: RateLimiter.Limit, times: ReadonlyArray<number>, cells = fresh()): Array<number> =>
  times.filter((now) => RateLimiter.take(cells, 0, limit, 1, now) === 0)

const range = (from: number, to: number, step: number): Array<number> =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step)

/** The most admissions in any window [t, t + windowMillis): the exact answer, from the full log. */
const mostInAnyWindow = (log: ReadonlyArray<number>, windowMillis: number): number =>
  Math.max(0, ...log.map((start) => log.filter((at) => at >= start && at < start + windowMillis).length))

const anyLimit = fc.record({
  name: fc.constant("any"),
  limit: fc.integer({ min: 1, max: 40 }),
  windowMillis: fc.integer({ min: 1, max: 2_000 }),
  burst: fc.integer({ min: 1, max: 12 }),
  adapts: fc.boolean(),
})
const gaps = fc.array(fc.oneof(fc.constant(0), fc.nat(20), fc.nat(3_000)), { maxLength: 150 })

const times = (given: ReadonlyArray<number>): Array<number> => {
  let now = 1_700_000_000_000
  return given.map((gap) => {
    now += gap
    return now
  })
}

describe("RateLimiter", () => {
  it("has the mission's limits", () => {
    const { user, address } = RateLimiter.limits
    expect([user.api, user.social, user.money].map((l) => l.limit)).toEqual([100, 50, 10])
    expect([address.all, address.unauthenticated, address.scanning].map((l) => l.limit)).toEqual([1_000, 500, 200])
  })

  it("[resilience 58] no double burst at a window's edge: 100 a minute never lets 121 into any minute", () => {
    const log = admitted({ ...api, adapts: false }, [...range(59_000, 60_000, 5), ...range(60_000, 180_000, 50)])
    expect(mostInAnyWindow(log, 60_000)).toBeLessThanOrEqual(120)
    expect(log.length).toBeGreaterThanOrEqual(200)
  })

  it("[resilience 58] no window ever sees more than limit + burst (property, any limit, against the full log)", () => {
    fc.assert(
      fc.property(anyLimit, gaps, (limit, given) => {
        const log = admitted(limit, times(given))
        expect(mostInAnyWindow(log, limit.windowMillis)).toBeLessThanOrEqual(limit.limit + limit.burst)
      }),
    )
  })

  it("admits exactly what an exact model admits: a bucket of fractions that drains by the log", () => {
    fc.assert(
      fc.property(
        fc.record({ limit: fc.integer({ min: 1, max: 40 }), burst: fc.integer({ min: 1, max: 12 }) }),
        gaps,
        (size, given) => {
          const limit: RateLimiter.Limit = { name: "exact", windowMillis: 1_000, adapts: false, ...size }
          const cells = fresh()
          // In BigInt thousandths, from the whole log of admissions at each step: nothing is carried along.
          const log: Array<bigint> = []
          const used = (now: bigint): bigint => {
            let level = 0n
            let at = log[0] ?? now
            for (const admission of [...log, now]) {
              const drained = (admission - at) * BigInt(limit.limit)
              level = level > drained ? level - drained : 0n
              at = admission
              level += 1_000n
            }
            return level
          }
          for (const now of times(given)) {
            const model = used(BigInt(now)) <= BigInt(limit.burst) * 1_000n
            expect(RateLimiter.take(cells, 0, limit, 1, now) === 0).toBe(model)
            if (model) log.push(BigInt(now))
          }
        },
      ),
    )
  })

  it("[resilience 59] idling never earns more than the burst", () => {
    const cells = fresh()
    expect(admitted(api, new Array(500).fill(1_000), cells)).toHaveLength(20)
    expect(admitted(api, new Array(500).fill(1e12), cells)).toHaveLength(20)
  })

  it("[resilience 60] a rejected call uses nothing up", () => {
    const cells = fresh()
    admitted(steady, new Array(100).fill(0), cells)
    expect(admitted(steady, [100], cells)).toHaveLength(1)
  })

  it("[resilience 61] a cancelled reservation is refunded", () => {
    const cells = fresh()
    admitted(steady, [0, 0, 0], cells)
    const claim = { cells, offset: 0, limit: steady, cost: 1 }
    expect(RateLimiter.takeAll([claim], 0, 500)).toEqual({ allowed: true, waitMillis: 100 })
    expect(RateLimiter.takeAll([claim], 0, 500)).toEqual({ allowed: true, waitMillis: 200 })
    RateLimiter.refund(cells, 0, steady, 1)
    RateLimiter.refund(cells, 0, steady, 1)
    expect(RateLimiter.waitMillis(cells, 0, steady, 1, 0)).toBe(100)
  })

  it("[resilience 61] reservations come due at the limit's pace, and further than the wait they are refused", () => {
    const cells = fresh()
    const claim = { cells, offset: 0, limit: steady, cost: 1 }
    const waits = range(0, 12, 1).map(() => RateLimiter.takeAll([claim], 0, 400))
    expect(waits.filter((verdict) => verdict.allowed).map((verdict) => verdict.allowed && verdict.waitMillis)).toEqual([
      0, 0, 0, 100, 200, 300, 400,
    ])
    expect(waits.at(-1)).toEqual({ allowed: false, limit: "test", retryAfterMillis: 500 })
  })

  it("[resilience 62] a changed limit keeps what was used", () => {
    const table = LimitTable.make(steady)
    for (let i = 0; i < 3; i++) LimitTable.take(table, "a", 1, 0)
    LimitTable.setLimit(table, { ...steady, limit: 20, burst: 4 })
    expect(LimitTable.take(table, "a", 1, 0)).toBe(0)
    expect(LimitTable.take(table, "a", 1, 0)).toBe(50)
    LimitTable.setLimit(table, { ...steady, windowMillis: 10_000, burst: 4 })
    expect(LimitTable.take(table, "a", 1, 0)).toBe(1_000)
  })

  it("[resilience 63] user's and address's limits are taken together or not at all", () => {
    fc.assert(
      fc.property(gaps, fc.array(fc.nat(2), { maxLength: 150 }), (given, who) => {
        const user = { ...steady, name: "user" }
        const address = { ...steady, name: "address", limit: 6, burst: 2 }
        const cells = new Float64Array(RateLimiter.CELLS * 4)
        times(given).forEach((now, i) => {
          const claims = [
            { cells, offset: (who[i] ?? 0) * RateLimiter.CELLS, limit: user, cost: 1 },
            { cells, offset: 3 * RateLimiter.CELLS, limit: address, cost: 1 },
          ]
          const waits = claims.map((c) => RateLimiter.waitMillis(c.cells, c.offset, c.limit, c.cost, now))
          const before = [...cells]
          const verdict = RateLimiter.takeAll(claims, now)
          expect(verdict.allowed).toBe(waits.every((wait) => wait === 0))
          if (verdict.allowed) {
            for (const { offset } of claims) expect(cells[offset]).toBe((before[offset] ?? 0) + 1_000)
          } else {
            expect([...cells]).toEqual(before)
            expect(verdict.retryAfterMillis).toBe(Math.max(...waits))
            expect(verdict.limit).toBe((waits[0] ?? 0) >= (waits[1] ?? 0) ? "user" : "address")
          }
        })
      }),
    )
  })

  it("[resilience 65] a clock that goes back is harmless: no more is let through, and nobody is locked out", () => {
    const cells = fresh()
    admitted(steady, [10_000, 10_000, 10_000], cells)
    expect(RateLimiter.take(cells, 0, steady, 1, 4_000)).toBe(100)
    expect(RateLimiter.take(cells, 0, steady, 1, 4_099)).toBe(1)
    expect(RateLimiter.take(cells, 0, steady, 1, 4_100)).toBe(0)
  })

  it("[resilience 65] steps back never lengthen the wait beyond that of a full burst (property)", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5_000, max: 2_000 }), { maxLength: 100 }), (steps) => {
        const cells = fresh()
        let now = 1e9
        for (const step of steps) {
          now += step
          expect(RateLimiter.take(cells, 0, steady, 1, now)).toBeLessThanOrEqual(100)
        }
      }),
    )
  })

  it("[resilience 66] the answer says when to try again, from the time that has really passed", () => {
    fc.assert(
      fc.property(anyLimit, gaps, fc.nat(500), (limit, given, later) => {
        const cells = fresh()
        let now = 0
        for (const at of times(given)) {
          now = at
          RateLimiter.take(cells, 0, { ...limit, adapts: false }, 1, at)
        }
        const wait = RateLimiter.waitMillis(cells, 0, limit, 1, now)
        const passed = Math.min(later, wait)
        expect(RateLimiter.waitMillis(cells.slice(), 0, limit, 1, now + passed)).toBe(wait - passed)
        if (wait > 1) expect(RateLimiter.waitMillis(cells.slice(), 0, limit, 1, now + wait - 1)).toBeGreaterThan(0)
        expect(RateLimiter.take(cells, 0, limit, 1, now + wait)).toBe(0)
      }),
    )
  })

  it("a cost above the burst can never pass, and says so", () => {
    expect(RateLimiter.take(fresh(), 0, steady, 4, 0)).toBe(Number.POSITIVE_INFINITY)
  })

  it("[resilience 60] a cost that is no number from 0 never passes: a negative one would give calls away", () => {
    const cells = fresh()
    admitted(steady, [0, 0, 0], cells)
    for (const cost of [-5, Number.NaN]) {
      expect(RateLimiter.take(cells, 0, steady, cost, 0)).toBe(Number.POSITIVE_INFINITY)
      expect(RateLimiter.takeAll([{ cells, offset: 0, limit: steady, cost }], 0, 1_000).allowed).toBe(false)
      RateLimiter.refund(cells, 0, steady, cost)
    }
    expect(RateLimiter.take(cells, 0, steady, 1, 0)).toBe(100)
  })

  it("[resilience 61] what never passes is not reserved, however long one would wait", () => {
    const cells = fresh()
    const claim = { cells, offset: 0, limit: steady, cost: 4 }
    expect(RateLimiter.takeAll([claim], 0, Number.POSITIVE_INFINITY)).toMatchObject({ allowed: false })
    expect(RateLimiter.takeAll([{ ...claim, cost: 1 }], 0, Number.NaN).allowed).toBe(false)
    expect([...cells]).toEqual([...fresh()])
  })

  it("[resilience 63] two claims of one key count both, and are both given back", () => {
    const cells = fresh()
    const claim = { cells, offset: 0, limit: steady, cost: 1 }
    expect(RateLimiter.takeAll([claim, claim], 0).allowed).toBe(true)
    expect(RateLimiter.takeAll([claim, claim], 0)).toEqual({ allowed: false, limit: "test", retryAfterMillis: 100 })
    expect(RateLimiter.takeAll([claim], 0).allowed).toBe(true)
    expect(RateLimiter.takeAll([claim], 0).allowed).toBe(false)
  })

  it("taking one is taking all of one: the short way decides as the long one does (property)", () => {
    const steps = fc.array(
      fc.record({ gap: fc.integer({ min: -300, max: 900 }), cost: fc.integer({ min: -1, max: 5 }) }),
    )
    fc.assert(
      fc.property(anyLimit, steps, (limit, given) => {
        const [short, long] = [fresh(), fresh()]
        let now = 1e6
        for (const { gap, cost } of given) {
          now += gap
          const wait = RateLimiter.take(short, 0, limit, cost, now)
          const verdict = RateLimiter.takeAll([{ cells: long, offset: 0, limit, cost }], now)
          expect(verdict.allowed ? 0 : verdict.retryAfterMillis).toBe(wait)
          expect([...short]).toEqual([...long])
        }
      }),
    )
  })

  it("adapts to behaviour: who goes on after a refusal gets less, who stops gets it back window by window", () => {
    const limit = { ...steady, adapts: true }
    const cells = fresh()
    const perWindow = () => RateLimiter.effectiveLimit(cells, 0, limit)
    admitted(limit, new Array(3 + 9).fill(0), cells)
    expect(perWindow()).toBe(10)
    admitted(limit, [0], cells)
    expect(perWindow()).toBe(5)
    admitted(limit, new Array(1_000).fill(1), cells)
    expect(perWindow()).toBe(1)
    RateLimiter.waitMillis(cells, 0, limit, 1, 1_000)
    expect(perWindow()).toBe(1)
    RateLimiter.waitMillis(cells, 0, limit, 1, 1_001)
    expect(perWindow()).toBe(2)
    RateLimiter.waitMillis(cells, 0, limit, 1, 3_001)
    expect(perWindow()).toBe(10)
  })
})

describe("LimitTable", () => {
  it("[resilience 64] the number of keys is bounded, whatever comes", () => {
    const table = LimitTable.make(steady, 100)
    for (let i = 0; i < 10_000; i++) LimitTable.take(table, `key-${i % 777}`, 1, i / 10)
    expect(table.slots.size).toBeLessThanOrEqual(100)
    expect(table.cells.length).toBeLessThanOrEqual(100 * RateLimiter.CELLS)
  })

  it("[resilience 64] expired keys go without a timer each", () => {
    const table = LimitTable.make(steady)
    for (let i = 0; i < 1_000; i++) LimitTable.take(table, `old-${i}`, 1, 0)
    for (let i = 0; i < 40_000; i++) LimitTable.take(table, "busy", 1, 100_000)
    expect([...table.slots.keys()]).toEqual(["busy"])
    expect(table.free.length).toBeGreaterThan(900)
  })

  it("[resilience 64] a dropped place is given out again as a fresh one, and no key sees another's use (exact model)", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ key: fc.nat(6), gap: fc.oneof(fc.constant(0), fc.nat(600)) }), { maxLength: 300 }),
        (calls) => {
          const table = LimitTable.make(steady)
          const alone = new Map<number, Float64Array>()
          let now = 0
          for (const { key, gap } of calls) {
            now += gap
            const cells = alone.get(key) ?? fresh()
            alone.set(key, cells)
            expect(LimitTable.take(table, `k${key}`, 1, now)).toBe(RateLimiter.take(cells, 0, steady, 1, now))
          }
        },
      ),
    )
  })

  it("[resilience 64] when all are in use, one that used little goes", () => {
    const table = LimitTable.make(steady, 5)
    for (let i = 0; i < 5; i++) for (let n = 0; n <= (i === 2 ? 0 : 2); n++) LimitTable.take(table, `k${i}`, 1, 0)
    LimitTable.take(table, "new", 1, 0)
    expect([...table.slots.keys()]).toEqual(["k0", "k1", "k3", "k4", "new"])
  })

  it("[resilience 61] a refund is for the key that took", () => {
    const table = LimitTable.make(steady)
    for (let i = 0; i < 3; i++) LimitTable.take(table, "a", 1, 0)
    LimitTable.refund(table, "b", 1)
    expect(LimitTable.take(table, "a", 1, 0)).toBe(100)
    LimitTable.refund(table, "a", 1)
    expect(LimitTable.take(table, "a", 1, 0)).toBe(0)
  })

  it("[resilience 63] two keys of one limit are taken together, each from its own numbers (exact model)", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(30), fc.nat(400)), { maxLength: 100 }), (calls) => {
        const table = LimitTable.make(steady)
        const alone = new Map<string, Float64Array>()
        const cellsOf = (key: string): Float64Array => {
          const cells = alone.get(key) ?? fresh()
          alone.set(key, cells)
          return cells
        }
        let now = 0
        for (const [one, other, gap] of calls) {
          now += gap
          const keys = [`k${one}`, `k${other}`]
          const verdict = LimitTable.takeAll(
            keys.map((key) => ({ table, key, cost: 1 })),
            now,
            200,
          )
          const claims = keys.map((key) => ({ cells: cellsOf(key), offset: 0, limit: steady, cost: 1 }))
          expect(verdict).toEqual(RateLimiter.takeAll(claims, now, 200))
        }
      }),
    )
  })

  it("a limit without room is refused", () => {
    expect(() => LimitTable.make({ ...steady, burst: 0 })).toThrow(/whole burst from 1/)
    expect(() => LimitTable.make(steady, 0)).toThrow(RangeError)
  })
})
