import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as AdaptiveTimeout from "./AdaptiveTimeout.ts"
import * as Quantile from "./Quantile.ts"

/** The nearest-rank quantile of all values, sorted. */
const exact = (values: ReadonlyArray<number>, quantile: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil(quantile * sorted.length) - 1] ?? Number.NaN
}

describe("Quantile", () => {
  it("is within 2.5 % of the exact quantile (exact model)", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0.5, 0.9, 0.95, 0.99),
        fc.array(fc.double({ min: 0.2, max: 600_000, noNaN: true }), { minLength: 1, maxLength: 400 }),
        (quantile, values) => {
          const sketch = Quantile.make(quantile, 60_000)
          for (const value of values) Quantile.record(sketch, value, 1_000)
          sketch.since = 1_000
          const estimated = Quantile.estimate(sketch, 1_000) ?? Number.NaN
          expect(Math.abs(estimated / exact(values, quantile) - 1)).toBeLessThanOrEqual(0.025)
        },
      ),
    )
  })

  it("forgets what has left the window, after any idle gap", () => {
    const sketch = Quantile.make(0.95, 60_000)
    for (let i = 0; i < 100; i++) Quantile.record(sketch, 5_000, 0)
    expect(Quantile.estimate(sketch, 59_999)).toBeGreaterThan(4_000)
    expect(Quantile.estimate(sketch, 60_000)).toBeUndefined()
    Quantile.record(sketch, 10, 10_000_000)
    expect(Quantile.estimate(sketch, 10_000_000)).toBeCloseTo(10, 0)
    expect(Quantile.count(sketch, 10_000_000)).toBe(1)
  })

  it("answers anew at least once in 32 records", () => {
    const sketch = Quantile.make(0.5, 60_000)
    for (let i = 0; i < 40; i++) Quantile.record(sketch, 10, 0)
    expect(Quantile.estimate(sketch, 0)).toBeCloseTo(10, 0)
    for (let i = 0; i < 100; i++) Quantile.record(sketch, 1_000, 0)
    expect(Quantile.estimate(sketch, 0)).toBeGreaterThan(950)
  })

  it("leaves out what is no duration", () => {
    const sketch = Quantile.make(0.5, 60_000)
    for (const value of [Number.NaN, -1]) Quantile.record(sketch, value, 0)
    expect(Quantile.count(sketch, 0)).toBe(0)
  })
})

describe("AdaptiveTimeout", () => {
  it("is twice the measured p95, within its bounds", () => {
    const timeout = AdaptiveTimeout.make({ minMillis: 100, maxMillis: 5_000 })
    expect(AdaptiveTimeout.timeoutMillis(timeout, 0)).toBe(5_000)
    for (let i = 0; i < 100; i++) AdaptiveTimeout.record(timeout, i < 94 ? 10 : 300, 0)
    const millis = AdaptiveTimeout.timeoutMillis(timeout, 0)
    expect(millis).toBeGreaterThan(585)
    expect(millis).toBeLessThan(615)
  })

  it("never leaves its bounds (property)", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { maxLength: 100 }), (durations) => {
        const timeout = AdaptiveTimeout.make({ minMillis: 100, maxMillis: 5_000 })
        for (const duration of durations) AdaptiveTimeout.record(timeout, duration, 0)
        const millis = AdaptiveTimeout.timeoutMillis(timeout, 0)
        expect(millis).toBeGreaterThanOrEqual(100)
        expect(millis).toBeLessThanOrEqual(5_000)
      }),
    )
  })

  it("follows a dependency that became slower, when all calls are cut off", () => {
    const timeout = AdaptiveTimeout.make({ minMillis: 100, maxMillis: 5_000, windowMillis: 10_000 })
    for (let i = 0; i < 1_000; i++) AdaptiveTimeout.record(timeout, 60, 0)
    let now = 0
    for (let i = 0; i < 400; i++) {
      now += 100
      AdaptiveTimeout.record(timeout, AdaptiveTimeout.timeoutMillis(timeout, now), now)
    }
    expect(AdaptiveTimeout.timeoutMillis(timeout, now)).toBe(5_000)
  })
})
