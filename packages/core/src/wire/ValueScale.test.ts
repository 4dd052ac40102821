import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { COUNT_LIMIT, coarsestScale, denominatorOf, fillCounts, valueOfCount, WHOLE } from "./ValueScale.ts"

const SEMICIRCLES = [45, 2 ** 29] as const

describe("counts of a scale", () => {
  test("bring back the same number, or there are none", () => {
    const value = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, NaN, Infinity, 0.1, 0.5, COUNT_LIMIT))
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 5 }),
        fc.constantFrom(WHOLE, SEMICIRCLES, [1, 128] as const),
        (values, resolution) => {
          for (const scale of [null, coarsestScale(values)]) {
            const unit = scale === null ? resolution : ([1, denominatorOf(scale) ?? 0] as const)
            const counts = new Float64Array(values.length)
            if (!fillCounts(counts, values, unit)) continue
            expect(Array.from(counts, (count) => valueOfCount(count, unit) + 0)).toStrictEqual(values)
          }
        },
      ),
      { numRuns: 1000 },
    )
  })

  test("are found for whatever a sensor says in decimals or in powers of two", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), fc.array(fc.integer(), { minLength: 1 }), (places, counts) => {
        const values = counts.map((count) => count / 10 ** places)
        const scale = coarsestScale(values) ?? 255
        expect(denominatorOf(scale)).toBeLessThanOrEqual(10 ** places)
      }),
    )
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 24 }), fc.array(fc.integer(), { minLength: 1 }), (places, counts) => {
        const values = counts.map((count) => count / 2 ** places)
        const scale = coarsestScale(values) ?? 255
        expect(denominatorOf(scale)).toBeLessThanOrEqual(2 ** places)
      }),
    )
  })

  test.each([
    ["a phone's latitude", [47.6062095, 47.6062123], 7, [476_062_095, 476_062_123]],
    ["an accelerometer's raw counts", [1 / 4096, -4095 / 4096], 32 + 12, [1, -4095]],
    ["cadence in whole revolutions", [88, 91], 0, [88, 91]],
    ["cadence in halves", [88.5, 91], 32 + 1, [177, 182]],
  ] as const)("are the smallest in the coarsest scale: %s", (_, values, scale, expected) => {
    expect(coarsestScale(values)).toBe(scale)
    const counts = new Float64Array(2)
    expect(fillCounts(counts, values, [1, denominatorOf(scale) ?? 0])).toBe(true)
    expect([...counts]).toEqual(expected)
  })

  test("are not looked for in a scale as fine as what there is", () => {
    expect(coarsestScale([1.25], 4)).toBeNull()
    expect(coarsestScale([1.25], 5)).toBe(32 + 2)
    expect(coarsestScale([1.3], 10)).toBeNull()
  })

  test.each([[-0], [Number.NaN], [Infinity], [COUNT_LIMIT], [Math.PI], [1e-12]])("there are none of %d", (value) => {
    const counts = new Float64Array(1)
    const scale = coarsestScale([value])
    for (const unit of [WHOLE, [1, denominatorOf(scale ?? 255) ?? 10 ** 9] as const]) {
      expect(fillCounts(counts, [value], unit)).toBe(false)
    }
  })

  test("know the denominators that are exact, and no others", () => {
    const known = Array.from({ length: 256 }, (_, scale) => scale).filter((scale) => denominatorOf(scale) !== undefined)
    expect(known).toEqual([...Array(23).keys(), ...Array.from({ length: 53 }, (_, places) => 32 + places)])
  })
})
