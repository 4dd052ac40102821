/**
 * MurmurHash3, the 128-bit variety for 32-bit arithmetic (A. Appleby, 2011): spreads keys evenly and names contents.
 *
 * Chosen because it is the same everywhere, needs no crypto of a platform and no wide integers, and two different texts
 * meet by chance once in 2^64. It withstands no enemy: use it only where who makes two texts meet harms but himself.
 */

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

const mix = (k: number, before: number, by: number, after: number): number =>
  Math.imul(rotate(Math.imul(k, before), by), after)

const finish = (h: number): number => {
  let x = h ^ (h >>> 16)
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  return x ^ (x >>> 16)
}

/** Four unsigned 32-bit words. */
export type Words = readonly [number, number, number, number]

export const ofBytes = (bytes: Uint8Array, seed = 0): Words => {
  let h1 = seed
  let h2 = seed
  let h3 = seed
  let h4 = seed
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const whole = bytes.length - (bytes.length % 16)
  for (let at = 0; at < whole; at += 16) {
    h1 ^= mix(view.getUint32(at, true), C1, 15, C2)
    h1 = Math.imul(rotate(h1, 19) + h2, 5) + 0x561ccd1b
    h2 ^= mix(view.getUint32(at + 4, true), C2, 16, C3)
    h2 = Math.imul(rotate(h2, 17) + h3, 5) + 0x0bcaa747
    h3 ^= mix(view.getUint32(at + 8, true), C3, 17, C4)
    h3 = Math.imul(rotate(h3, 15) + h4, 5) + 0x96cd1c35
    h4 ^= mix(view.getUint32(at + 12, true), C4, 18, C1)
    h4 = Math.imul(rotate(h4, 13) + h1, 5) + 0x32ac3b17
  }
  // What is left, as if it were filled up with zeros; a word of zeros changes nothing.
  const tail = new DataView(new ArrayBuffer(16))
  for (let i = whole; i < bytes.length; i++) tail.setUint8(i - whole, view.getUint8(i))
  h4 ^= mix(tail.getUint32(12, true), C4, 18, C1)
  h3 ^= mix(tail.getUint32(8, true), C3, 17, C4)
  h2 ^= mix(tail.getUint32(4, true), C2, 16, C3)
  h1 ^= mix(tail.getUint32(0, true), C1, 15, C2)

  h1 ^= bytes.length
  h2 ^= bytes.length
  h3 ^= bytes.length
  h4 ^= bytes.length
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = finish(h1)
  h2 = finish(h2)
  h3 = finish(h3)
  h4 = finish(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  return [h1 >>> 0, (h2 + h1) >>> 0, (h3 + h1) >>> 0, (h4 + h1) >>> 0]
}

const encoder = new TextEncoder()

/** Of the text's UTF-8 bytes. Lone surrogates count as U+FFFD. */
export const ofText = (text: string, seed = 0): Words => ofBytes(encoder.encode(text), seed)

/** 32 hexadecimal digits. */
export const hexOf = (words: Words): string => words.map((word) => word.toString(16).padStart(8, "0")).join("")
