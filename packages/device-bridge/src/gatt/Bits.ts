/**
 * Numbers in a packet, little-endian down to the bit: what comes first lies in the lowest bits. So two fields of
 * 12 bits that share three bytes are read one after the other like any others.
 *
 *     const bits = new BitReader(packet)
 *     const power = bits.signed(16)      // undefined when the packet is too short
 */

export class BitReader {
  private readonly bytes: Uint8Array
  private position = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Bits that were not read yet. */
  get remaining(): number {
    return 8 * this.bytes.length - this.position
  }

  /** The next `width` bits, at most 32, as a number from 0; undefined when fewer are left. */
  unsigned(width: number): number | undefined {
    if (width > this.remaining) return undefined
    let value = 0
    for (let got = 0; got < width; ) {
      const inByte = this.position % 8
      const take = Math.min(8 - inByte, width - got)
      const byte = this.bytes[Math.floor(this.position / 8)] ?? 0
      value += ((byte >> inByte) & (2 ** take - 1)) * 2 ** got
      this.position += take
      got += take
    }
    return value
  }

  /** The same in two's complement. */
  signed(width: number): number | undefined {
    const value = this.unsigned(width)
    return value === undefined || value < 2 ** (width - 1) ? value : value - 2 ** width
  }
}

export class BitWriter {
  private readonly bytes: Array<number> = []
  private position = 0

  /** Lays down the lowest `width` bits, at most 32, of a whole number; negative ones in two's complement. */
  write(value: number, width: number): void {
    let rest = value < 0 ? value + 2 ** width : value
    for (let done = 0; done < width; ) {
      const inByte = this.position % 8
      const take = Math.min(8 - inByte, width - done)
      const index = Math.floor(this.position / 8)
      this.bytes[index] = (this.bytes[index] ?? 0) | ((rest % 2 ** take) << inByte)
      rest = Math.floor(rest / 2 ** take)
      this.position += take
      done += take
    }
  }

  toBytes(): Uint8Array {
    return Uint8Array.from(this.bytes)
  }
}
