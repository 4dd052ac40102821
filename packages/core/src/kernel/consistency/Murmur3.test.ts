import { describe, expect, it } from "@effect/vitest"
import * as Murmur3 from "./Murmur3.ts"

const littleEndian = (words: Murmur3.Words): Uint8Array => {
  const bytes = new Uint8Array(16)
  words.forEach((word, i) => {
    new DataView(bytes.buffer).setUint32(4 * i, word, true)
  })
  return bytes
}

describe("Murmur3", () => {
  it("passes its author's verification", () => {
    // SMHasher's KeysetTest: the hash of 256 hashes, of the keys "", 00, 00 01, … with the seeds 256, 255, …
    const hashes = new Uint8Array(256 * 16)
    for (let i = 0; i < 256; i++) {
      const key = Uint8Array.from({ length: i }, (_, n) => n)
      hashes.set(littleEndian(Murmur3.ofBytes(key, 256 - i)), 16 * i)
    }
    expect(Murmur3.ofBytes(hashes)[0]).toBe(0xb3ece62a)
  })

  it("reads a part of a larger buffer", () => {
    const whole = Uint8Array.from({ length: 40 }, (_, n) => n)
    expect(Murmur3.ofBytes(whole.subarray(3, 33))).toEqual(Murmur3.ofBytes(whole.slice(3, 33)))
  })

  it("writes 32 digits", () => {
    expect(Murmur3.hexOf(Murmur3.ofText(""))).toBe("0".repeat(32))
    expect(Murmur3.hexOf(Murmur3.ofText("paceline"))).toMatch(/^[0-9a-f]{32}$/)
  })
})
