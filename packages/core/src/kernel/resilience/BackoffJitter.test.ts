import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Backoff from "./Backoff.ts"

const anyBackoff = fc.record({
  baseMillis: fc.integer({ min: 1, max: 10_000 }),
  maxMillis: fc.integer({ min: 1, max: 10_000_000 }),
  factor: fc.double({ min: 1, max: 100, noNaN: true }),
})
const drawn = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

/** A small generator with a fixed seed (mulberry32), so that the spread is the same in every run. */
const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

/** Pearson's chi-squared of 10 equal classes; 27.88 is passed by chance once in 1,000 (9 degrees of freedom). */
const chiSquared = (values: ReadonlyArray<number>, from: number, to: number): number => {
  const classes = new Array<number>(10).fill(0)
  for (const value of values) {
    const index = Math.min(9, Math.floor(((value - from) / (to - from)) * 10))
    classes[index] = (classes[index] ?? 0) + 1
  }
  const expected = values.length / 10
  return classes.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

describe("Backoff and its jitter", () => {
  it("[resilience 31] backoff saturates, never negative", () => {
    fc.assert(
      fc.property(anyBackoff, fc.integer({ min: -5, max: 2 ** 31 }), (backoff, attempt) => {
        const ceiling = Backoff.ceilingMillis(backoff, attempt)
        expect(ceiling).toBeGreaterThanOrEqual(0)
        expect(ceiling).toBeLessThanOrEqual(backoff.maxMillis)
        expect(Backoff.ceilingMillis(backoff, attempt + 1)).toBeGreaterThanOrEqual(ceiling)
      }),
    )
    expect(Backoff.ceilingMillis(Backoff.standard, Number.MAX_SAFE_INTEGER)).toBe(10_000)
  })

  it("[resilience 32] jitter never exceeds the greatest delay", () => {
    fc.assert(
      fc.property(anyBackoff, fc.nat(1_000), fc.array(drawn, { maxLength: 50 }), (backoff, attempt, draws) => {
        let previous = 0
        for (const random of draws) {
          expect(Backoff.delayMillis(backoff, attempt, random)).toBeLessThanOrEqual(backoff.maxMillis)
          previous = Backoff.decorrelatedMillis(backoff, previous, random)
          expect(previous).toBeLessThanOrEqual(backoff.maxMillis)
          expect(previous).toBeGreaterThanOrEqual(Math.min(backoff.baseMillis, backoff.maxMillis))
        }
      }),
    )
  })

  it("[resilience 33] jitter passes a spread test: full jitter is uniform below its ceiling", () => {
    const random = seeded(20_261_120)
    const delays = Array.from({ length: 100_000 }, () => Backoff.delayMillis(Backoff.standard, 20, random()))
    expect(chiSquared(delays, 0, 10_000)).toBeLessThan(27.88)
  })

  it("[resilience 33] jitter passes a spread test: decorrelated jitter is uniform up to three times the delay before", () => {
    const random = seeded(7)
    const delays = Array.from({ length: 100_000 }, () => Backoff.decorrelatedMillis(Backoff.standard, 3_000, random()))
    expect(chiSquared(delays, 100, 9_000)).toBeLessThan(27.88)
  })

  it("[resilience 33] a fixed delay fails the spread test", () => {
    expect(chiSquared(new Array<number>(1_000).fill(5_000), 0, 10_000)).toBeGreaterThan(27.88)
  })
})
