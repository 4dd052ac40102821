/**
 * CRC-32 as in IEEE 802.3 and zlib (reflected, polynomial 0xEDB88320). Found on every stored chunk:
 * a flipped bit would otherwise decode silently.
 *
 * Eight bytes a step ("slicing by 8": Kounavis and Berry, "A systematic approach to building high performance
 * software-based CRC generators", 2005), since a server checks every byte that it is sent.
 */

const SLICES = 8

/** `tables[256 * slice + byte]` is what a byte comes to with so many bytes behind it. */
const tables: Int32Array = (() => {
  const entries = new Int32Array(256 * SLICES)
  for (let i = 0; i < 256; i++) {
    let c = i
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
    entries[i] = c
  }
  for (let i = 256; i < entries.length; i++) {
    const c = entries[i - 256] ?? 0
    entries[i] = (entries[c & 0xff] ?? 0) ^ (c >>> 8)
  }
  return entries
})()

const entry = (slice: number, byte: number): number => tables[(slice << 8) | (byte & 0xff)] ?? 0

/** The checksum of `bytes`, an unsigned 32-bit integer. */
export const crc32 = (bytes: Uint8Array): number => {
  const { length } = bytes
  const byteAt = (i: number): number => bytes[i] ?? 0
  let c = -1
  let i = 0
  for (; i + SLICES <= length; i += SLICES) {
    c ^= byteAt(i) | (byteAt(i + 1) << 8) | (byteAt(i + 2) << 16) | (byteAt(i + 3) << 24)
    c =
      entry(7, c) ^
      entry(6, c >>> 8) ^
      entry(5, c >>> 16) ^
      entry(4, c >>> 24) ^
      entry(3, byteAt(i + 4)) ^
      entry(2, byteAt(i + 5)) ^
      entry(1, byteAt(i + 6)) ^
      entry(0, byteAt(i + 7))
  }
  for (; i < length; i++) c = entry(0, c ^ byteAt(i)) ^ (c >>> 8)
  return ~c >>> 0
}
