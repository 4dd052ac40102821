/**
 * CRC-32 as in IEEE 802.3 and zlib (reflected, polynomial 0xEDB88320). Found on every stored chunk:
 * a flipped bit would otherwise decode silently.
 */

const table: Uint32Array = (() => {
  const entries = new Uint32Array(256)
  for (let i = 0; i < 256; i++) {
    let c = i
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
    entries[i] = c >>> 0
  }
  return entries
})()

/** The checksum of `bytes`, an unsigned 32-bit integer. */
export const crc32 = (bytes: Uint8Array): number => {
  let c = 0xffffffff
  for (const byte of bytes) c = (table[(c ^ byte) & 0xff] ?? 0) ^ (c >>> 8)
  return (c ^ 0xffffffff) >>> 0
}
