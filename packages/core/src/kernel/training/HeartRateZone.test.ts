import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as HeartRateZone from "./HeartRateZone.ts"

const heartRate = fc.integer({ min: 1, max: 255 })

describe("a heart-rate zone", () => {
  test("begins at 50, 60, 70, 80 and 90 percent, and ends just before the next", () => {
    const bands = [0, 49, 50, 59, 60, 69, 70, 79, 80, 89, 90, 100, 130]
    expect(bands.map(HeartRateZone.ofPercent)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5])
  })

  test("is that of the percent shown beside it: a tile never contradicts itself", () => {
    fc.assert(
      fc.property(heartRate, heartRate, (bpm, max) => {
        expect(HeartRateZone.of(bpm, max)).toBe(HeartRateZone.ofPercent(HeartRateZone.percentOfMax(bpm, max)))
      }),
    )
  })

  test("never falls when the heart beats faster", () => {
    fc.assert(
      fc.property(heartRate, fc.nat(100), heartRate, (bpm, more, max) => {
        expect(HeartRateZone.of(bpm + more, max)).toBeGreaterThanOrEqual(HeartRateZone.of(bpm, max))
      }),
    )
  })

  test("of the greatest heart rate itself is 100 percent, of one beat less it is not", () => {
    fc.assert(
      fc.property(heartRate, (max) => {
        expect(HeartRateZone.percentOfMax(max, max)).toBe(100)
        expect(HeartRateZone.percentOfMax(max - 1, max)).toBeLessThan(100)
      }),
    )
  })

  test("rounds the percent down, exactly", () => {
    fc.assert(
      fc.property(heartRate, heartRate, (bpm, max) => {
        const percent = HeartRateZone.percentOfMax(bpm, max)
        expect(percent * max).toBeLessThanOrEqual(bpm * 100)
        expect((percent + 1) * max).toBeGreaterThan(bpm * 100)
      }),
    )
  })

  test.each([
    [150, 0],
    [150, -10],
    [0, 190],
    [-5, 190],
    [Number.NaN, 190],
    [150, Number.NaN],
  ])("of %d bpm with a maximum of %d is none", (bpm, max) => {
    expect(HeartRateZone.percentOfMax(bpm, max)).toBe(0)
    expect(HeartRateZone.of(bpm, max)).toBe(0)
  })
})
