import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ByteReader } from "./ByteReader.ts"
import { ByteWriter } from "./ByteWriter.ts"
import { VARINT, ZERO } from "./IntegerCode.ts"
import * as Column from "./IntegerColumn.ts"
import { readIntegers } from "./IntegerColumnReader.ts"

const NUMBERS = [Column.DELTA, Column.DELTA_OF_DELTA, Column.OFFSET]

const write = (
  numbers: ReadonlyArray<number>,
  predictions: ReadonlyArray<number> = NUMBERS,
  times: ReadonlyArray<number> = [],
): Uint8Array => {
  const out = new ByteWriter(0)
  const scratch = new Column.Scratch(numbers.length)
  scratch.numbers.set(numbers)
  Column.writeIntegers(out, scratch, numbers.length, predictions, times)
  return out.toBytes()
}

const read = (bytes: Uint8Array, count: number, times: ReadonlyArray<number> = [], base = 0) => {
  const input = new ByteReader(bytes)
  const layout = input.byte()
  const numbers = readIntegers(input, layout, count, "a number", base, times)
  return { layout, numbers, problem: input.problem, remaining: input.remaining }
}

const bound = 2 ** 51 - 1
const number = fc.oneof(
  fc.integer({ min: -100, max: 100 }),
  fc.integer(),
  fc.integer({ min: -bound, max: bound }),
  fc.constantFrom(bound, -bound, 2 ** 50, -(2 ** 50), 2 ** 50 - 1, 0),
)
const column = fc.array(number, { minLength: 1, maxLength: 200 })
const time = fc.integer({ min: -(2 ** 49), max: 2 ** 49 })

describe("a column of whole numbers", () => {
  test.each([
    ["a reference", Column.OFFSET],
    ["the number before", Column.DELTA],
  ])("[bridge 38] comes back exactly when predicted by %s, up to ±(2^51 - 1)", (_, prediction) => {
    fc.assert(
      fc.property(column, (numbers) => {
        expect(read(write(numbers, [prediction]), numbers.length)).toMatchObject({
          numbers,
          problem: null,
          remaining: 0,
        })
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ["the step before", Column.DELTA_OF_DELTA],
    ["the line between its ends", Column.LINE],
    ["its times", Column.TIME_STEPS],
  ])("comes back exactly when it may be predicted by %s", (_, prediction) => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.oneof(number, fc.integer({ min: 0, max: 10 ** 9 })), time), {
          minLength: 1,
          maxLength: 100,
        }),
        (samples) => {
          // The time steps of a heart are small: differences of any numbers and any times would leave the range.
          const isSteps = prediction === Column.TIME_STEPS
          const numbers = samples.map(([of]) => (isSteps ? of % 2 ** 49 : of) + 0)
          const times = samples.map(([, at]) => at)
          const bytes = write(numbers, [prediction, Column.DELTA], times)
          expect(read(bytes, numbers.length, times)).toMatchObject({ numbers, problem: null, remaining: 0 })
        },
      ),
      { numRuns: 500 },
    )
  })

  const predictionOf = (bytes: Uint8Array) => Column.predictionOf(bytes[0] ?? 0)
  const codeOf = (bytes: Uint8Array) => Column.codeOf(bytes[0] ?? 0)

  test("is never longer than with any one prediction alone", () => {
    fc.assert(
      fc.property(column, (numbers) => {
        const alone = NUMBERS.map((prediction) => {
          try {
            return write(numbers, [prediction]).length
          } catch {
            return Number.POSITIVE_INFINITY
          }
        })
        expect(write(numbers).length).toBe(Math.min(...alone))
      }),
    )
  })

  test("of times that tick evenly, at any rate, costs its two ends and nothing else", () => {
    for (const hz of [1, 3, 12.5, 50, 52, 104, 1000 / 7]) {
      const times = Array.from({ length: 200 }, (_, i) => Math.floor((i * 1000) / hz + 0.5))
      const bytes = write(times, [Column.LINE, Column.DELTA_OF_DELTA, Column.DELTA])
      expect(read(bytes, 200).numbers).toEqual(times)
      // Where the ticks are no whole milliseconds, the ends are rounded too, and some times lie one off the line: a bit each.
      expect(bytes.length).toBeLessThan(Number.isInteger(1000 / hz) ? 8 : 8 + 200 / 8 + 1)
    }
  })

  test("of the intervals between the beats whose times are known costs the first", () => {
    const intervals = Array.from({ length: 100 }, (_, i) => 800 + ((i * 37) % 90))
    let at = 1_700_000_000_000
    const times = intervals.map((interval) => (at += interval))
    const bytes = write(intervals, [Column.TIME_STEPS, ...NUMBERS], times)
    expect(read(bytes, 100, times).numbers).toEqual(intervals)
    expect([predictionOf(bytes), codeOf(bytes), bytes.length]).toEqual([Column.TIME_STEPS, ZERO, 3])
  })

  test("that leaps beyond 2^30 is written in varints", () => {
    const bytes = write([0, 2 ** 40, 3], [Column.DELTA])
    expect(codeOf(bytes)).toBe(VARINT)
    expect(read(bytes, 3).numbers).toEqual([0, 2 ** 40, 3])
  })

  test("is counted from a base", () => {
    expect(read(write([5, 6, 7], [Column.DELTA]), 3, [], 100).numbers).toEqual([105, 106, 107])
  })

  const greatest = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f] // zigzag of 2^52 - 1
  const layout = (prediction: number) => Column.layoutOf(prediction, VARINT)
  test.each([
    ["numbers", Column.DELTA, [...greatest, ...greatest, ...greatest, 0], "a number beyond 2^53"],
    ["steps", Column.DELTA_OF_DELTA, [...greatest, ...greatest, ...greatest, ...greatest], "a number beyond 2^53"],
    ["lines", Column.LINE, [0, ...greatest, 0, 0], "a line as long as 4503599627370495"],
    ["leads", Column.DELTA, [0xff], "cut short"],
  ])("refuses, and does not round, %s that are too large or cut short", (_, prediction, bytes, problem) => {
    expect(read(new Uint8Array([layout(prediction), ...bytes]), 4).problem).toMatch(problem)
  })

  test("refuses steps of times beyond 2^53, and a base beyond it", () => {
    const far = [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]
    expect(read(new Uint8Array([layout(Column.TIME_STEPS), 0, 0]), 2, far).problem).toMatch("beyond 2^53")
    expect(read(new Uint8Array([layout(Column.OFFSET), 2, 0]), 1, [], Number.MAX_SAFE_INTEGER).problem).toMatch(
      "beyond 2^53",
    )
  })
})
