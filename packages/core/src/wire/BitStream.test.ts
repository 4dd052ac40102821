import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { BitReader } from "./BitReader.ts"
import { BitWriter } from "./BitWriter.ts"
import { ByteReader, FAILED, unzigzag } from "./ByteReader.ts"
import { ByteWriter } from "./ByteWriter.ts"

const field = fc
  .integer({ min: 0, max: 32 })
  .chain((width) => fc.record({ width: fc.constant(width), value: fc.integer({ min: 0, max: 2 ** width - 1 }) }))

const written = (put: (bits: BitWriter) => void): Uint8Array => {
  const out = new ByteWriter(0)
  const bits = new BitWriter(out)
  put(bits)
  bits.finish()
  return out.toBytes()
}

describe("bits", () => {
  test("come back as they were put, in no more bytes than they need, and leave the next byte alone", () => {
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const bytes = written((bits) => {
          for (const { value, width } of fields) bits.put(value, width)
        })
        expect(bytes.length).toBe(Math.ceil(fields.reduce((sum, { width }) => sum + width, 0) / 8))
        const input = new ByteReader(new Uint8Array([...bytes, 0x5a]))
        const bits = new BitReader(input)
        expect(fields.map(({ width }) => bits.get(width))).toEqual(fields.map(({ value }) => value))
        bits.finish()
        expect(input.problem).toBeNull()
        expect(input.byte()).toBe(0x5a)
      }),
    )
  })

  test("begin at the lowest of a byte", () => {
    const bytes = written((bits) => {
      bits.put(0b1, 1)
      bits.put(0b10, 2)
      bits.put(0b1_0000_0011, 9)
    })
    expect([...bytes]).toEqual([0b0001_1101, 0b0000_1000])
  })

  test("of ones are counted up to the zero behind them, or up to the limit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.nat({ max: 45 })), (limit, runs) => {
        const bytes = written((bits) => {
          for (const run of runs) {
            for (let one = 0; one < Math.min(run, limit); one++) bits.put(1, 1)
            if (run < limit) bits.put(0, 1)
            bits.put(0b101, 3)
          }
        })
        const bits = new BitReader(new ByteReader(bytes))
        for (const run of runs) {
          expect(bits.ones(limit)).toBe(Math.min(run, limit))
          expect(bits.get(3)).toBe(0b101)
        }
      }),
    )
  })

  test("of Rice's code are read at once as they are one by one, from any bit on, up to a number with too many ones", () => {
    const LIMIT = 20
    const number = fc.record({
      ones: fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 3 }) }, fc.nat({ max: LIMIT })),
      rest: fc.nat({ max: 2 ** 24 - 1 }),
    })
    fc.assert(
      fc.property(fc.nat({ max: 24 }), fc.nat({ max: 9 }), fc.array(number), (k, before, numbers) => {
        const bytes = written((bits) => {
          bits.put(0, before)
          for (const { ones, rest } of numbers) {
            bits.put(2 ** ones - 1, ones)
            if (ones < LIMIT) bits.put(0, 1)
            bits.put(rest % 2 ** k, k)
          }
          bits.put(0b101, 3)
        })
        const input = new ByteReader(new Uint8Array([...bytes, 0x5a]))
        const bits = new BitReader(input)
        bits.get(before)
        const read = new Float64Array(numbers.length)
        const stop = bits.rice(read, 0, numbers.length, k, LIMIT)
        const many = numbers.findIndex(({ ones }) => ones === LIMIT)
        expect(stop).toBe(many < 0 ? numbers.length : many)
        const expected = numbers.slice(0, stop).map(({ ones, rest }) => unzigzag(ones * 2 ** k + (rest % 2 ** k)))
        expect(Array.from(read.slice(0, stop))).toEqual(expected)
        // What follows is read one by one, as if nothing had been taken ahead.
        for (const { ones, rest } of numbers.slice(stop)) {
          expect([bits.ones(LIMIT), bits.get(k)]).toEqual([ones, rest % 2 ** k])
        }
        expect(bits.get(3)).toBe(0b101)
        bits.finish()
        expect([input.problem, input.byte()]).toEqual([null, 0x5a])
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ["in its ones", [0xff], 3],
    ["in its low bits", [0b0001_0110], 9],
    ["before it begins", [], 0],
  ])("of Rice's code that are cut short %s are a problem, and there is no end to be waited for", (_, bytes, k) => {
    const input = new ByteReader(new Uint8Array(bytes))
    const stop = new BitReader(input).rice(new Float64Array(3), 0, 3, k, 20)
    expect([stop, input.problem]).toEqual([3, `cut short (at byte ${bytes.length})`])
  })

  test("that are missing, or left over, are a problem", () => {
    const short = new ByteReader(new Uint8Array([0xff]))
    expect(new BitReader(short).get(9)).toBe(FAILED)
    expect(short.problem).toMatch("cut short")
    const endless = new ByteReader(new Uint8Array([0xff, 0xff]))
    expect(new BitReader(endless).ones(20)).toBe(FAILED)
    const leftOver = new ByteReader(new Uint8Array([0b0101]))
    const bits = new BitReader(leftOver)
    expect(bits.get(2)).toBe(1)
    bits.finish()
    expect(leftOver.problem).toMatch("bits after the end of a column")
  })
})
