import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as Backoff from "./Backoff.ts"

const shape = fc.record({
  baseMillis: fc.integer({ min: 0, max: 60_000 }),
  maxMillis: fc.integer({ min: 0, max: 3_600_000 }),
  factor: fc.double({ min: 1, max: 10, noNaN: true }),
})
const attempt = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(1_000, 1e9, Number.MAX_SAFE_INTEGER))
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe("the ceiling", () => {
  test("doubles from 100 ms to 10 s by default", () => {
    const ceilings = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((n) => Backoff.ceilingMillis(Backoff.standard, n))
    expect(ceilings).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
  })

  test("never falls from one attempt to the next, never passes the maximum, never overflows", () => {
    fc.assert(
      fc.property(shape, attempt, (backoff, n) => {
        const ceiling = Backoff.ceilingMillis(backoff, n)
        expect(ceiling).toBeGreaterThanOrEqual(0)
        expect(ceiling).toBeLessThanOrEqual(backoff.maxMillis)
        expect(Backoff.ceilingMillis(backoff, n + 1)).toBeGreaterThanOrEqual(ceiling)
      }),
    )
  })

  test("stays zero for a base of zero, however many attempts there were", () => {
    expect(Backoff.ceilingMillis({ baseMillis: 0, maxMillis: 10_000, factor: 2 }, 5_000)).toBe(0)
  })

  test("takes an attempt below zero for the first", () => {
    expect(Backoff.ceilingMillis(Backoff.standard, -3)).toBe(100)
  })
})

describe("the delay", () => {
  test("is a whole number below the ceiling, or zero", () => {
    fc.assert(
      fc.property(shape, attempt, random, (backoff, n, drawn) => {
        const delay = Backoff.delayMillis(backoff, n, drawn)
        const ceiling = Backoff.ceilingMillis(backoff, n)
        expect(Number.isInteger(delay)).toBe(true)
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay < ceiling || ceiling === 0).toBe(true)
      }),
    )
  })

  test("is spread over all of the ceiling (full jitter)", () => {
    expect([0, 0.25, 0.5, 0.999].map((drawn) => Backoff.delayMillis(Backoff.standard, 3, drawn))).toEqual([
      0, 200, 400, 799,
    ])
  })
})
