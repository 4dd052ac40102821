import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as SlidingWindow from "./SlidingWindow.ts"

const sums = (window: SlidingWindow.SlidingWindow) => ({
  calls: window.calls,
  failures: window.failures,
  slow: window.slow,
})

const outcome = fc.record({ failed: fc.boolean(), slow: fc.boolean() })
const timed = fc.record({ failed: fc.boolean(), slow: fc.boolean(), gap: fc.oneof(fc.nat(40), fc.nat(2_000)) })

type Outcome = { readonly failed: boolean; readonly slow: boolean }

const count = (outcomes: ReadonlyArray<Outcome>) => ({
  calls: outcomes.length,
  failures: outcomes.filter((o) => o.failed).length,
  slow: outcomes.filter((o) => o.slow).length,
})

describe("SlidingWindow", () => {
  it("[resilience 4] a count window wraps correctly: its sums are those of the last N calls (exact model)", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(outcome, { maxLength: 60 }), (size, outcomes) => {
        const window = SlidingWindow.make({ kind: "count", calls: size })
        outcomes.forEach((o, i) => {
          SlidingWindow.record(window, 0, o.failed, o.slow)
          expect(sums(window)).toEqual(count(outcomes.slice(Math.max(0, i + 1 - size), i + 1)))
        })
      }),
    )
  })

  it("[resilience 5] a time window drops expired buckets after any idle gap (exact model)", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(timed, { maxLength: 60 }),
        (buckets, bucketMillis, calls) => {
          const window = SlidingWindow.make({ kind: "time", millis: buckets * bucketMillis, buckets })
          const log: Array<Outcome & { at: number }> = []
          let now = 1_000_003
          for (const call of calls) {
            now += call.gap
            log.push({ ...call, at: now })
            SlidingWindow.record(window, now, call.failed, call.slow)
            const newest = Math.floor(now / bucketMillis)
            expect(sums(window)).toEqual(count(log.filter((l) => Math.floor(l.at / bucketMillis) > newest - buckets)))
          }
        },
      ),
    )
  })

  it("[resilience 5] a reader after a pause sees nothing that has expired", () => {
    const window = SlidingWindow.make({ kind: "time", millis: 30_000, buckets: 30 })
    SlidingWindow.record(window, 1_000, true, true)
    SlidingWindow.advance(window, 30_999)
    expect(sums(window)).toEqual({ calls: 1, failures: 1, slow: 1 })
    SlidingWindow.advance(window, 31_000)
    expect(sums(window)).toEqual({ calls: 0, failures: 0, slow: 0 })
  })

  it("a clock that goes back counts into the newest bucket", () => {
    const window = SlidingWindow.make({ kind: "time", millis: 3_000, buckets: 3 })
    SlidingWindow.record(window, 9_500, false, false)
    SlidingWindow.record(window, 7_000, true, false)
    expect(sums(window)).toEqual({ calls: 2, failures: 1, slow: 0 })
    SlidingWindow.advance(window, 12_000)
    expect(window.calls).toBe(0)
  })

  it("[resilience 5] a clock set back by an hour does not keep what was for an hour", () => {
    const window = SlidingWindow.make({ kind: "time", millis: 3_000, buckets: 3 })
    SlidingWindow.record(window, 3_600_000, true, false)
    SlidingWindow.record(window, 0, false, false)
    expect(sums(window)).toEqual({ calls: 1, failures: 0, slow: 0 })
    SlidingWindow.advance(window, 3_000)
    expect(window.calls).toBe(0)
  })

  it("[resilience 26] a window survives serialise and restore, and goes on the same", () => {
    const shapes = fc.constantFrom<SlidingWindow.WindowShape>(
      { kind: "count", calls: 5 },
      { kind: "time", millis: 200, buckets: 4 },
    )
    fc.assert(
      fc.property(shapes, fc.array(timed), fc.array(timed), (shape, before, after) => {
        const window = SlidingWindow.make(shape)
        let now = 0
        for (const call of before) {
          now += call.gap
          SlidingWindow.record(window, now, call.failed, call.slow)
        }
        const json = JSON.stringify(SlidingWindow.snapshot(window))
        const restored = SlidingWindow.restore(shape, JSON.parse(json))
        expect(sums(restored)).toEqual(sums(window))
        for (const call of after) {
          now += call.gap
          SlidingWindow.record(window, now, call.failed, call.slow)
          SlidingWindow.record(restored, now, call.failed, call.slow)
          expect(sums(restored)).toEqual(sums(window))
        }
      }),
    )
  })

  it("a snapshot of another shape is left out", () => {
    const window = SlidingWindow.make({ kind: "count", calls: 3 })
    SlidingWindow.record(window, 0, true, true)
    const restored = SlidingWindow.restore({ kind: "count", calls: 4 }, SlidingWindow.snapshot(window))
    expect(sums(restored)).toEqual({ calls: 0, failures: 0, slow: 0 })
  })

  it("a shape without room is refused", () => {
    expect(() => SlidingWindow.make({ kind: "count", calls: 0 })).toThrow(RangeError)
    expect(() => SlidingWindow.make({ kind: "time", millis: 3, buckets: 5 })).toThrow(RangeError)
  })
})
