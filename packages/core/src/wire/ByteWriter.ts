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
  private view: DataView | null = null
  private length = 0

  constructor(capacity: number) {
    this.bytes = new Uint8Array(Math.max(16, capacity))
  }

  /** How many bytes were written. */
  get size(): number {
    return this.length
  }

  /** A copy of what was written, in a buffer of its own. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length)
  }

  /** Forgets what was written, and keeps the room. */
  clear(): void {
    this.length = 0
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

  /** Any NaN as the same one: an engine may keep the payload that it came with. */
  float64(value: number): void {
    this.reserve(8)
    this.view ??= new DataView(this.bytes.buffer)
    if (Number.isNaN(value)) this.view.setBigUint64(this.length, 0x7ff8_0000_0000_0000n, true)
    else this.view.setFloat64(this.length, value, true)
    this.length += 8
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** All that another has written. */
  appendFrom(other: ByteWriter): void {
    // A view of a few bytes costs more than the bytes.
    if (other.length > 64) {
      this.append(other.bytes.subarray(0, other.length))
      return
    }
    this.reserve(other.length)
    for (let i = 0; i < other.length; i++) this.bytes[this.length++] = other.bytes[i] ?? 0
  }

  /** The length in bytes, then UTF-8. */
  text(value: string): void {
    if (this.ascii(value)) return
    const utf8 = encoder.encode(value)
    this.varint(utf8.length)
    this.append(utf8)
  }

  /** Names are short and mostly ASCII, where an encoder costs more than the text; false when this one is not. */
  private ascii(value: string): boolean {
    if (value.length >= 0x80) return false
    this.reserve(1 + value.length)
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code >= 0x80) return false
      this.bytes[this.length + 1 + i] = code
    }
    this.bytes[this.length] = value.length
    this.length += 1 + value.length
    return true
  }

  private reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.bytes.length))
    grown.set(this.bytes)
    this.bytes = grown
    this.view = null
  }
}

/** How many bytes `varint` writes for `value`. */
export const varintBytes = (value: number): number => {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

const encoder = new TextEncoder()
