/**
 * How small whole numbers around zero lie in the fewest bytes: the second half of the telemetry codec, behind
 * whatever made the numbers small.
 *
 * `smallestCode` computes the exact size in each of the codes below and takes the least. Numbers are zigzagged:
 * 0, −1, 1, −2 … are 0, 1, 2, 3 …. All of it is documented, byte by byte, in `docs/telemetry.md`. `IntegerCodeReader`
 * reads them back.
 */
import { BitWriter } from "./BitWriter.ts"
import { unzigzag } from "./ByteReader.ts"
import { type ByteWriter, varintBytes } from "./ByteWriter.ts"

/** All are zero: nothing is written. */
export const ZERO = 0
/** Each a varint. The only code for numbers of 2^31 and more. */
export const VARINT = 1
/** Blocks of `PACKED_BLOCK`: the least of the block, a width, and each number's distance from the least in so many bits. */
export const PACKED = 2
/** How many zeros, then a number that is none, and so on. */
export const RUNS = 3
/** With parameter k it is RICE + k: the number over 2^k in unary, then its k low bits. */
export const RICE = 4
export const MAX_RICE_PARAMETER = 27

export const PACKED_BLOCK = 128

/** So many ones say that the whole number follows in 32 bits: one outlier must not cost a thousand bits. */
export const RICE_ESCAPE = 20

/** Zigzagged numbers below it have the choice of all codes. */
export const NARROW = 2 ** 31

export interface Coded {
  readonly code: number
  /** Exactly what `writeCode` will write. */
  readonly bytes: number
}

/** The code in which the first `count` of these zigzagged numbers, all below `NARROW`, take the fewest bytes. */
export const smallestCode = (zigzags: Uint32Array, count: number): Coded => {
  let sum = 0
  let varints = 0
  let runs = 0
  let zeros = 0
  for (let i = 0; i < count; i++) {
    const zigzag = zigzags[i] ?? 0
    sum += zigzag
    varints += zigzag < 0x80 ? 1 : varintBytes(zigzag)
    if (zigzag === 0) {
      zeros++
    } else {
      runs += varintBytes(zeros) + varintBytes(zigzag)
      zeros = 0
    }
  }
  if (sum === 0) return { code: ZERO, bytes: 0 }
  if (zeros > 0) runs += varintBytes(zeros)
  const rice = smallestRice(zigzags, count, sum / count)
  let best: Coded = varints <= runs ? { code: VARINT, bytes: varints } : { code: RUNS, bytes: runs }
  if (rice.bytes < best.bytes) best = rice
  // Only where it can win: a block takes at least two bytes.
  if (2 * Math.ceil(count / PACKED_BLOCK) < best.bytes) {
    const packed = packedBytes(zigzags, count)
    if (packed < best.bytes) best = { code: PACKED, bytes: packed }
  }
  return best
}

/** Writes the first `count` numbers in a code that `smallestCode` chose for them. */
export const writeCode = (out: ByteWriter, zigzags: Uint32Array, count: number, code: number): void => {
  if (code === VARINT) for (let i = 0; i < count; i++) out.varint(zigzags[i] ?? 0)
  else if (code === PACKED) writePacked(out, zigzags, count)
  else if (code === RUNS) writeRuns(out, zigzags, count)
  else if (code >= RICE) writeRice(out, zigzags, count, code - RICE)
}

const riceBits = (zigzags: Uint32Array, count: number, k: number): number => {
  let bits = count * (k + 1)
  for (let i = 0; i < count; i++) {
    const quotient = (zigzags[i] ?? 0) >>> k
    bits += quotient < RICE_ESCAPE ? quotient : RICE_ESCAPE + 32 - (k + 1)
  }
  return bits
}

/** Over the parameter the size has a valley near the logarithm of the mean: go down from there to its bottom. */
const smallestRice = (zigzags: Uint32Array, count: number, mean: number): Coded => {
  let k = Math.min(MAX_RICE_PARAMETER, Math.max(0, 31 - Math.clz32((mean + 1) * Math.SQRT1_2)))
  let bits = riceBits(zigzags, count, k)
  const step = k < MAX_RICE_PARAMETER && riceBits(zigzags, count, k + 1) < bits ? 1 : -1
  for (let next = k + step; next >= 0 && next <= MAX_RICE_PARAMETER; next += step) {
    const nextBits = riceBits(zigzags, count, next)
    if (nextBits >= bits) break
    k = next
    bits = nextBits
  }
  return { code: RICE + k, bytes: Math.ceil(bits / 8) }
}

const writeRice = (out: ByteWriter, zigzags: Uint32Array, count: number, k: number): void => {
  const bits = new BitWriter(out)
  const mask = 2 ** k - 1
  for (let i = 0; i < count; i++) {
    const zigzag = zigzags[i] ?? 0
    const quotient = zigzag >>> k
    if (quotient < RICE_ESCAPE) {
      bits.put((1 << quotient) - 1, quotient + 1)
      bits.put(zigzag & mask, k)
    } else {
      bits.put((1 << RICE_ESCAPE) - 1, RICE_ESCAPE)
      bits.put(zigzag, 32)
    }
  }
  bits.finish()
}

/** The least of a block, and the bits of the greatest distance from it. */
const rangeOf = (zigzags: Uint32Array, from: number, to: number): { least: number; width: number } => {
  let least = unzigzag(zigzags[from] ?? 0)
  let greatest = least
  for (let i = from + 1; i < to; i++) {
    const zigzag = zigzags[i] ?? 0
    const number = (zigzag >>> 1) ^ -(zigzag & 1)
    if (number < least) least = number
    else if (number > greatest) greatest = number
  }
  return { least, width: 32 - Math.clz32(greatest - least) }
}

const packedBytes = (zigzags: Uint32Array, count: number): number => {
  let bytes = 0
  for (let from = 0; from < count; from += PACKED_BLOCK) {
    const to = Math.min(count, from + PACKED_BLOCK)
    const { least, width } = rangeOf(zigzags, from, to)
    bytes += varintBytes(zigzagOf(least)) + 1 + Math.ceil(((to - from) * width) / 8)
  }
  return bytes
}

const writePacked = (out: ByteWriter, zigzags: Uint32Array, count: number): void => {
  const bits = new BitWriter(out)
  for (let from = 0; from < count; from += PACKED_BLOCK) {
    const to = Math.min(count, from + PACKED_BLOCK)
    const { least, width } = rangeOf(zigzags, from, to)
    out.zigzag(least)
    out.byte(width)
    for (let i = from; i < to; i++) bits.put((unzigzag(zigzags[i] ?? 0) - least) >>> 0, width)
    bits.finish()
  }
}

const writeRuns = (out: ByteWriter, zigzags: Uint32Array, count: number): void => {
  let zeros = 0
  for (let i = 0; i < count; i++) {
    const zigzag = zigzags[i] ?? 0
    if (zigzag === 0) {
      zeros++
      continue
    }
    out.varint(zeros)
    out.varint(zigzag)
    zeros = 0
  }
  if (zeros > 0) out.varint(zeros)
}

export const zigzagOf = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value)
