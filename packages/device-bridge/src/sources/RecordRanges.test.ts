import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as RecordRanges from "./RecordRanges.ts"

const addAll = (indexes: ReadonlyArray<number>) =>
  indexes.reduce<RecordRanges.RecordRanges>((ranges, index) => RecordRanges.add(ranges, index), RecordRanges.empty)

describe("the records that were taken", () => {
  test("are a set: what was added is in it, in any order and however often, nothing else is, and its text says the same", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 80 }), (indexes) => {
        const ranges = RecordRanges.parse(RecordRanges.format(addAll(indexes)))!
        for (let index = 0; index <= 61; index++) expect(RecordRanges.has(ranges, index)).toBe(indexes.includes(index))
        for (const [n, [first, last]] of ranges.entries()) {
          expect(first).toBeLessThanOrEqual(last)
          if (n > 0) expect(first).toBeGreaterThan(ranges[n - 1]![1] + 1)
        }
      }),
    )
  })

  test("a log that is read from end to end is one range", () => {
    expect(RecordRanges.format(addAll(Array.from({ length: 5_000 }, (_, n) => 4_999 - n)))).toBe("0-4999")
  })

  test("holes everywhere do not grow it for ever: the lowest is closed", () => {
    const ranges = addAll(Array.from({ length: 2_000 }, (_, n) => 2 * n))
    expect(ranges.length).toBe(RecordRanges.MAX_RANGES)
    expect(RecordRanges.has(ranges, 3_998)).toBe(true)
    expect(RecordRanges.has(ranges, 3_997)).toBe(false)
    expect(RecordRanges.has(ranges, 1)).toBe(true)
  })

  test("any other text is none, and no index may be below 0 or broken", () => {
    for (const text of ["x", "1", "5-4", "0-1,2-3", "0-1,", "3-4,0-1", "0-99999999999999999"]) {
      expect(RecordRanges.parse(text)).toBe(undefined)
    }
    for (const index of [-1, 0.5, Number.NaN]) expect(() => RecordRanges.add([], index)).toThrow(RangeError)
  })
})
