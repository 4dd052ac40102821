/**
 * Bits in a row, the lowest of a byte first, on top of a `ByteWriter`.
 *
 * @example
 * const bits = new BitWriter(out)
 * bits.put(0b101, 3)
 * bits.finish() // the rest of the last byte is 0
 */
import type { ByteWriter } from "./ByteWriter.ts"

export class BitWriter {
  private readonly out: ByteWriter
  /** What is not written yet: fewer than eight bits. */
  private held = 0
  private heldBits = 0

  constructor(out: ByteWriter) {
    this.out = out
  }

  /** The low `width` bits of `value`, the lowest first. `width` is 0 to 32; `value` has no bits above it. */
  put(value: number, width: number): void {
    if (width > 24) {
      this.put(value & 0xffff, 16)
      this.put(value >>> 16, width - 16)
      return
    }
    this.held |= value << this.heldBits
    this.heldBits += width
    while (this.heldBits >= 8) {
      this.out.byte(this.held & 0xff)
      this.held >>>= 8
      this.heldBits -= 8
    }
  }

  /** Fills the last byte with zeros. */
  finish(): void {
    if (this.heldBits > 0) this.out.byte(this.held)
    this.held = 0
    this.heldBits = 0
  }
}
