/**
 * Reads what `ByteWriter` writes, from bytes that may be anything.
 *
 * It never throws. The first thing that goes wrong is kept in `problem`, with the place; after that every read
 * gives `FAILED` (or NaN, or null), so a loop stops at the first bad byte and a caller asks once.
 */
import { MAX_VARINT_BYTES } from "./ByteWriter.ts"

/** What `byte`, `varint` and `count` answer when they cannot: no value of theirs is negative. */
export const FAILED = -1

export class ByteReader {
  /** Why reading stopped, or null. */
  problem: string | null = null
  readonly bytes: Uint8Array
  /** Where the next byte lies: for readers that take many at once, and set it again. */
  position = 0
  private view: DataView | null = null

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get remaining(): number {
    return this.bytes.length - this.position
  }

  /** Notes `what` as the problem, with the place, unless there was one before. */
  fail(what: string): typeof FAILED {
    this.problem ??= `${what} (at byte ${this.position})`
    return FAILED
  }

  byte(): number {
    if (this.problem !== null) return FAILED
    const value = this.bytes[this.position]
    if (value === undefined) return this.fail("cut short")
    this.position++
    return value
  }

  /** A whole number from 0 to 2^53 - 1, or `FAILED`. */
  varint(): number {
    const first = this.byte()
    return first < 0x80 ? first : this.longVarint(first & 0x7f)
  }

  /**
   * A varint that counts things of at least `size` bytes each. More of them than the rest of the bytes can hold
   * is a forgery, found here before anything is allocated for it.
   */
  count(size: number, of: string): number {
    const value = this.varint()
    return value * size > this.remaining ? this.fail(`${value} ${of} in ${this.remaining} bytes`) : value
  }

  /** NaN when the bytes end; then `problem` is set. */
  float64(): number {
    if (this.problem !== null) return Number.NaN
    if (this.remaining < 8) {
      this.fail("cut short")
      return Number.NaN
    }
    // Few columns have any.
    this.view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
    const value = this.view.getFloat64(this.position, true)
    this.position += 8
    return value
  }

  /** UTF-8 behind its length in bytes. */
  text(): string | null {
    const length = this.count(1, "bytes of text")
    if (length < 0) return null
    try {
      const text = utf8.decode(this.bytes.subarray(this.position, this.position + length))
      this.position += length
      return text
    } catch {
      this.fail("text that is not UTF-8")
      return null
    }
  }

  private longVarint(first: number): number {
    let value = first
    let scale = 128
    for (let n = 1; n < MAX_VARINT_BYTES; n++) {
      const next = this.byte()
      if (next < 0) return FAILED
      value += (next & 0x7f) * scale
      if (next < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : this.fail("a varint above 2^53 - 1")
      scale *= 128
    }
    return this.fail(`a varint of more than ${MAX_VARINT_BYTES} bytes`)
  }
}

/** The number that zigzag laid on `value`. */
export const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
