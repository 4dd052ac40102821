/**
 * Bytes that grow as they are written: varints, text and float64.
 *
 * A *varint* is a whole number from 0 to 2^53 - 1 in groups of seven bits, lowest first; the high bit of a
 * byte says that another follows (as in Protocol Buffers), so at most `MAX_VARINT_BYTES`. *Zigzag* lays signed
 * numbers on the unsigned ones by nearness to zero: 0, -1, 1, -2 … become 0, 1, 2, 3 ….
 */

/** 2^53 - 1 has 53 bits: eight groups of seven. */
export const MAX_VARINT_BYTES = 8

export class ByteWriter {
  private bytes: Uint8Array<ArrayBuffer>
  private view: DataView
  private length = 0

  constructor(capacity: number) {
    this.bytes = new Uint8Array(Math.max(16, capacity))
    this.view = new DataView(this.bytes.buffer)
  }

  /** A copy of what was written, in a buffer of its own. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length)
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  /** `value` must be a whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    this.reserve(MAX_VARINT_BYTES)
    let rest = value
    while (rest >= 0x8000_0000) {
      this.bytes[this.length++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.bytes[this.length++] = rest
  }

  /** `value` must be a whole number from -2^52 to 2^52 - 1. */
  zigzag(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  float64(value: number): void {
    this.reserve(8)
    this.view.setFloat64(this.length, value, true)
    this.length += 8
  }

  /** The length in bytes, then UTF-8. */
  text(value: string): void {
    const utf8 = new TextEncoder().encode(value)
    this.varint(utf8.length)
    this.reserve(utf8.length)
    this.bytes.set(utf8, this.length)
    this.length += utf8.length
  }

  private reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.bytes.length))
    grown.set(this.bytes)
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }
}
