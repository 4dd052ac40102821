/**
 * A column of float64, for values that are no counts of any scale: each number to the bit, −0 and infinities too.
 * All NaN are one, written as 7FF8000000000000.
 *
 * A value is written as its XOR with the one before, without the zeros at both ends (Pelkonen et al., "Gorilla: a
 * fast, scalable, in-memory time series database", 2015, section 4.1.2); where that is no smaller, as it stands.
 */
import { BitReader } from "./BitReader.ts"
import { BitWriter } from "./BitWriter.ts"
import type { ByteReader } from "./ByteReader.ts"
import { ByteWriter } from "./ByteWriter.ts"
import { codeOf, FLOATS, layoutOf } from "./IntegerColumn.ts"

/** Eight bytes each. */
const PLAIN = 0
/** XOR with the value before. */
const XORED = 1

/** Writes at least one number. */
export const writeFloats = (out: ByteWriter, values: ReadonlyArray<number>): void => {
  const xored = xorsOf(values)
  if (xored.length < 8 * values.length) {
    out.byte(layoutOf(FLOATS, XORED))
    out.append(xored)
  } else {
    out.byte(layoutOf(FLOATS, PLAIN))
    for (const value of values) out.float64(value)
  }
}

/** The `count` numbers (at least one) of a column with this layout. What is wrong is the reader's `problem`. */
export const readFloats = (input: ByteReader, layout: number, count: number): Array<number> => {
  const values: Array<number> = []
  const size = codeOf(layout) === PLAIN ? 8 * count : Math.ceil((63 + count) / 8)
  if (size > input.remaining) input.fail(`${count} numbers in ${input.remaining} bytes`)
  if (codeOf(layout) === XORED) return readXors(input, count, values)
  for (let i = 0; i < count && input.problem === null; i++) values.push(input.float64())
  return values
}

export const isFloatLayout = (layout: number): boolean =>
  layout === layoutOf(FLOATS, PLAIN) || layout === layoutOf(FLOATS, XORED)

/** The two halves of a float64. One for each column: a shared one would be written from two places. */
const halves = () => {
  const view = new DataView(new ArrayBuffer(8))
  return {
    split: (value: number): readonly [high: number, low: number] => {
      // The payload of a NaN is the engine's own affair, and must not decide what is written.
      if (Number.isNaN(value)) return [0x7ff8_0000, 0]
      view.setFloat64(0, value)
      return [view.getInt32(0), view.getInt32(4)]
    },
    join: (high: number, low: number): number => {
      view.setInt32(0, high)
      view.setInt32(4, low)
      return view.getFloat64(0)
    },
  }
}

const leadingZeros = (high: number, low: number): number => (high === 0 ? 32 + Math.clz32(low) : Math.clz32(high))

const trailingZeros = (high: number, low: number): number =>
  low === 0 ? 63 - Math.clz32(high & -high) : 31 - Math.clz32(low & -low)

const xorsOf = (values: ReadonlyArray<number>): Uint8Array => {
  const out = new ByteWriter(8 * values.length + 16)
  const bits = new BitWriter(out)
  const { split } = halves()
  const [first = 0, ...others] = values
  let [high, low] = split(first)
  bits.put(low >>> 0, 32)
  bits.put(high >>> 0, 32)
  let [leading, trailing] = [64, 0]
  for (const value of others) {
    const [nextHigh, nextLow] = split(value)
    const [xorHigh, xorLow] = [high ^ nextHigh, low ^ nextLow]
    high = nextHigh
    low = nextLow
    if (xorHigh === 0 && xorLow === 0) {
      bits.put(0, 1)
      continue
    }
    const zeros = leadingZeros(xorHigh, xorLow)
    const zerosBehind = trailingZeros(xorHigh, xorLow)
    const fits = leading + trailing < 64 && zeros >= leading && zerosBehind >= trailing
    // The window of the value before is used again while a new one (12 bits to say) would not be smaller.
    if (fits && zeros + zerosBehind - 12 <= leading + trailing) {
      bits.put(0b01, 2)
    } else {
      leading = zeros
      trailing = zerosBehind
      bits.put(0b11, 2)
      bits.put(leading, 6)
      bits.put(63 - leading - trailing, 6)
    }
    putWindow(bits, xorHigh, xorLow, 64 - leading - trailing, trailing)
  }
  bits.finish()
  return out.toBytes()
}

/** `width` bits of the 64, from bit `from` on. */
const putWindow = (bits: BitWriter, high: number, low: number, width: number, from: number): void => {
  const lowPart = from === 0 ? low : from < 32 ? (low >>> from) | (high << (32 - from)) : high >>> (from - 32)
  const highPart = from < 32 ? high >>> from : 0
  bits.put(lowPart >>> 0, Math.min(32, width))
  if (width > 32) bits.put(highPart, width - 32)
}

const readXors = (input: ByteReader, count: number, values: Array<number>): Array<number> => {
  const bits = new BitReader(input)
  const { join } = halves()
  let low = bits.get(32) | 0
  let high = bits.get(32) | 0
  let [leading, trailing] = [64, 0]
  values.push(join(high, low))
  while (values.length < count && input.problem === null) {
    if (bits.get(1) === 1) {
      if (bits.get(1) === 1) {
        leading = bits.get(6)
        trailing = 63 - leading - bits.get(6)
      }
      const width = 64 - leading - trailing
      if (trailing < 0 || width <= 0) {
        input.fail("a window of no bits")
        break
      }
      const lowPart = bits.get(Math.min(32, width))
      const highPart = width > 32 ? bits.get(width - 32) : 0
      low ^= trailing < 32 ? lowPart << trailing : 0
      high ^= trailing === 0 ? highPart : highBits(lowPart, highPart, trailing)
    }
    values.push(join(high, low))
  }
  bits.finish()
  return values
}

/** The upper half of a number that is shifted up by 1 to 63 bits. */
const highBits = (low: number, high: number, by: number): number =>
  by < 32 ? (high << by) | (low >>> (32 - by)) : low << (by - 32)
