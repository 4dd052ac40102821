import { crc32 as zlibCrc32 } from "node:zlib"
import fc from "fast-check"
import { expect, test } from "vitest"
import { crc32 } from "./Crc32.ts"

test("the check value of CRC-32/ISO-HDLC", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926)
  expect(crc32(new Uint8Array())).toBe(0)
})

test("agrees with zlib on any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      expect(crc32(bytes)).toBe(zlibCrc32(bytes))
    }),
  )
})

test("[bridge 24] finds every single flipped bit", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.nat(), (bytes, where) => {
      const crc = crc32(bytes)
      const bit = where % (8 * bytes.length)
      const at = bit >> 3
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7))
      expect(crc32(bytes)).not.toBe(crc)
    }),
  )
})
