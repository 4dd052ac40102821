import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ByteReader } from "./ByteReader.ts"
import { ByteWriter } from "./ByteWriter.ts"
import { isFloatLayout, readFloats, writeFloats } from "./FloatColumn.ts"

const write = (values: ReadonlyArray<number>): Uint8Array => {
  const out = new ByteWriter(0)
  writeFloats(out, values)
  return out.toBytes()
}

const read = (bytes: Uint8Array, count: number): ReadonlyArray<number> => {
  const input = new ByteReader(bytes)
  const layout = input.byte()
  expect(isFloatLayout(layout)).toBe(true)
  const values = readFloats(input, layout, count)
  expect([input.problem, input.remaining]).toEqual([null, 0])
  return values
}

/** Bits one apart, few apart and all apart, so that windows of every place and width occur. */
const fromBits = (bits: bigint): number => new Float64Array(new BigUint64Array([bits]).buffer)[0] ?? 0
const sparse = fc
  .tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat({ max: 63 }))
  .map(([bits, shift]) => fromBits((bits << BigInt(shift)) & (2n ** 64n - 1n)))
const low = fc.nat({ max: 63 }).map((shift) => fromBits(1n << BigInt(shift)))
const anyFloat = fc.oneof(
  fc.double(),
  sparse,
  low,
  fc.constantFrom(0, -0, Infinity, -Infinity, NaN, 1e308, 5e-324, 36.6),
)

describe("a column of float64", () => {
  test("[bridge 38] brings back every number to the bit: NaN, -0, infinities, subnormals", () => {
    fc.assert(
      fc.property(fc.array(anyFloat, { minLength: 1, maxLength: 60 }), (values) => {
        expect(read(write(values), values.length)).toStrictEqual(values)
      }),
      { numRuns: 2000 },
    )
  })

  test("is never longer than eight bytes a number and its head", () => {
    fc.assert(
      fc.property(fc.array(anyFloat, { minLength: 1, maxLength: 60 }), (values) => {
        expect(write(values).length).toBeLessThanOrEqual(1 + 8 * values.length)
      }),
    )
  })

  test("that stands still takes a bit a number", () => {
    expect(write(Array.from({ length: 801 }, () => Math.PI)).length).toBe(1 + 8 + 100)
  })

  test("writes any NaN in one way, whatever its payload", () => {
    const odd = fromBits(0xfff8_0000_0000_1234n)
    expect(Buffer.from(write([odd])).toString("hex")).toBe("05000000000000f87f")
    expect(write([1.5, odd, 2.5])).toEqual(write([1.5, Number.NaN, 2.5]))
  })

  test.each([
    ["a window of no bits", [0, 0, 0, 0, 0, 0, 0, 0, 0b0000_0001], 2, "a window of no bits"],
    ["a count larger than its bytes", [0, 0, 0, 0, 0, 0, 0, 0], 66, "66 numbers in 8 bytes"],
  ])("%s is a problem", (_, bytes, count, problem) => {
    const input = new ByteReader(new Uint8Array(bytes))
    readFloats(input, 0b1101, count)
    expect(input.problem).toMatch(problem)
  })
})
