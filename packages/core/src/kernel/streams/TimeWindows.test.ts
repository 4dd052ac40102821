import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as TimeWindows from "./TimeWindows.ts"
import { contains } from "./WindowPane.ts"

describe("TimeWindows", () => {
  it("[log 48] a window's start is in, its end is out", () => {
    const minute = TimeWindows.tumbling(TimeWindows.MINUTE)
    expect(minute({ atMillis: 60_000 })).toEqual([{ startMillis: 60_000, endMillis: 120_000 }])
    expect(minute({ atMillis: 119_999 })).toEqual([{ startMillis: 60_000, endMillis: 120_000 }])
    expect(minute({ atMillis: 120_000 })).toEqual([{ startMillis: 120_000, endMillis: 180_000 }])
    expect(minute({ atMillis: -1 })).toEqual([{ startMillis: -60_000, endMillis: 0 }])
  })

  it.each([TimeWindows.SECOND, TimeWindows.MINUTE, TimeWindows.FIVE_MINUTES, TimeWindows.HOUR])(
    "[log 52] windows of %i ms are aligned to the epoch, whatever came first",
    (size) => {
      const atMillis = Date.UTC(2026, 10, 20, 11, 22, 33, 444)
      expect(TimeWindows.tumbling(size)({ atMillis })[0]!.startMillis).toBe(Math.floor(atMillis / size) * size)
    },
  )

  const lengths = fc.record({ size: fc.integer({ min: 1, max: 400 }), share: fc.integer({ min: 1, max: 20 }) })

  it("[log 48] [log 52] an instant is in exactly the aligned windows whose start is not after it and whose end is", () => {
    fc.assert(
      fc.property(
        lengths,
        fc.integer({ min: -2_000, max: 2_000 }),
        fc.integer({ min: -50, max: 50 }),
        (length, at, offset) => {
          const every = Math.max(1, Math.floor(length.size / length.share))
          const expected = []
          for (let n = -3_000; n <= 3_000; n++) {
            const span = { startMillis: offset + n * every, endMillis: offset + n * every + length.size }
            if (contains(span, at)) expected.push(span)
          }
          expect(TimeWindows.sliding(length.size, every, offset)({ atMillis: at })).toEqual(expected)
        },
      ),
    )
  })

  it("refuses lengths that are no length, and windows with gaps between them", () => {
    for (const size of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => TimeWindows.tumbling(size)).toThrow(RangeError)
    expect(() => TimeWindows.sliding(10, 11)).toThrow(RangeError)
    expect(() => TimeWindows.sliding(10, 0)).toThrow(RangeError)
  })
})
