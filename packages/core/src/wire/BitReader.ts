/**
 * Reads what `BitWriter` writes, from bytes that may be anything. Like its `ByteReader` it never throws: what goes
 * wrong is the byte reader's `problem`, and every read after it gives `FAILED`.
 *
 * It takes a byte only when it needs a bit of it, so after `finish` the byte reader stands behind the last one used.
 */
import { type ByteReader, FAILED } from "./ByteReader.ts"

/** `rice` holds at least so many bits where there are so many, and never more than 31. */
const HELD_AHEAD = 24

/** The greatest parameter that `rice` takes: a remainder of so many bits is always held. */
export const GREATEST_RICE = HELD_AHEAD

export class BitReader {
  private readonly input: ByteReader
  private held = 0
  private heldBits = 0

  constructor(input: ByteReader) {
    this.input = input
  }

  /** The next `width` bits, 0 to 32, as a whole number from 0; or `FAILED`. */
  get(width: number): number {
    if (width > 24) {
      const low = this.get(16)
      const high = this.get(width - 16)
      return high < 0 ? FAILED : high * 0x1_0000 + low
    }
    while (this.heldBits < width) {
      const byte = this.input.byte()
      if (byte < 0) return FAILED
      this.held |= byte << this.heldBits
      this.heldBits += 8
    }
    const value = this.held & ((1 << width) - 1)
    this.held >>>= width
    this.heldBits -= width
    return value
  }

  /** How many 1 bits come before the next 0, which is taken too; at `limit` it stops, without one. Or `FAILED`. */
  ones(limit: number): number {
    let ones = 0
    while (ones < limit) {
      if (this.heldBits === 0) {
        const byte = this.input.byte()
        if (byte < 0) return FAILED
        this.held = byte
        this.heldBits = 8
      }
      // The zero bits above those held end the run at the latest.
      const run = Math.min(trailingOnes(this.held), this.heldBits, limit - ones)
      const ended = run < this.heldBits && ones + run < limit
      this.held >>>= ended ? run + 1 : run
      this.heldBits -= ended ? run + 1 : run
      ones += run
      if (ended) break
    }
    return ones
  }

  /**
   * Numbers from `from` on, until `numbers[to - 1]`, of which each is a run of fewer than `limit` (at most 22) ones and
   * its `k` low bits: what `ones` and `get` would read, several times as fast, and no longer zigzagged. Stops before a
   * number with more ones. Answers where it stopped; what is cut short is the byte reader's `problem`.
   */
  rice(numbers: Float64Array, from: number, to: number, k: number, limit: number): number {
    const { input } = this
    if (input.problem !== null) return to
    const { bytes } = input
    const end = bytes.length
    const mask = (1 << k) - 1
    let { position } = input
    let { held, heldBits } = this
    let i = from
    for (; i < to; i++) {
      while (heldBits < HELD_AHEAD && position < end) {
        held |= (bytes[position++] ?? 0) << heldBits
        heldBits += 8
      }
      const ones = trailingOnes(held)
      if (ones >= limit) break
      if (ones >= heldBits) {
        input.position = end
        input.fail("cut short")
        return to
      }
      held >>>= ones + 1
      heldBits -= ones + 1
      while (heldBits < k) {
        if (position === end) {
          input.position = end
          input.fail("cut short")
          return to
        }
        held |= (bytes[position++] ?? 0) << heldBits
        heldBits += 8
      }
      const zigzag = (ones << k) | (held & mask)
      held >>>= k
      heldBits -= k
      numbers[i] = (zigzag >>> 1) ^ -(zigzag & 1)
    }
    // Whole bytes that were taken ahead are given back.
    input.position = position - (heldBits >>> 3)
    this.heldBits = heldBits & 7
    this.held = held & ((1 << this.heldBits) - 1)
    return i
  }

  /** Leaves the last byte begun, whose other bits must be 0. */
  finish(): void {
    if (this.held !== 0) this.input.fail("bits after the end of a column")
    this.held = 0
    this.heldBits = 0
  }
}

const trailingOnes = (value: number): number => 31 - Math.clz32(~value & (value + 1))
