import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { BitReader } from "./BitReader.ts"
import { BitWriter } from "./BitWriter.ts"
import { ByteReader, FAILED } from "./ByteReader.ts"
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
