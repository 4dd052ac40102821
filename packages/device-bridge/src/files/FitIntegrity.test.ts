import { CrcCalculator, Encoder, type FileIdMesg, type RecordMesg } from "@garmin/fitsdk"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { readFitActivity } from "./FitActivity.ts"
import { checkIntegrity, crc16 } from "./FitIntegrity.ts"

const ride = (() => {
  const encoder = new Encoder()
  const start = Date.parse("2026-03-01T08:00:00Z")
  const fileId: FileIdMesg = { type: "activity", timeCreated: new Date(start) }
  encoder.onMesg(0, fileId)
  for (let i = 0; i < 5; i++) {
    const record: RecordMesg = { timestamp: new Date(start + i * 1000), heartRate: 100 + i, power: 200 }
    encoder.onMesg(20, record)
  }
  return encoder.close()
})()

/** A file around `data`, with all checksums right. */
const fileAround = (data: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(14 + data.length + 2)
  const view = new DataView(bytes.buffer)
  bytes.set([14, 0x20, 0, 0, 0, 0, 0, 0, 0x2e, 0x46, 0x49, 0x54])
  view.setUint32(4, data.length, true)
  view.setUint16(12, crc16(bytes, 0, 12), true)
  bytes.set(data, 14)
  view.setUint16(14 + data.length, crc16(bytes, 0, 14 + data.length), true)
  return bytes
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

describe("the CRC", () => {
  test("is CRC-16/ARC, and agrees with the SDK's on any bytes", () => {
    expect(crc16(text("123456789"), 0, 9)).toBe(0xbb3d)
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(crc16(bytes, 0, bytes.length)).toBe(CrcCalculator.calculateCRC(bytes, 0, bytes.length))
      }),
    )
  })
})

describe("a file that is not whole", () => {
  test("[bridge 36] cut anywhere is refused, and never read as half an activity", () => {
    for (let length = 0; length < ride.length; length++) {
      const result = readFitActivity(ride.subarray(0, length))
      expect(result).toMatchObject({ _tag: "FitFileError" })
      if (length >= 4) expect(result).toMatchObject({ reason: "cut-short" })
    }
    expect(readFitActivity(ride)).toMatchObject({ records: 5 })
  })

  test("[bridge 36] with any one byte changed is refused", () => {
    for (let i = 0; i < ride.length; i++) {
      for (const flip of [0x01, 0x02, 0x80, 0xff]) {
        const damaged = ride.slice()
        damaged[i] = (damaged[i] ?? 0) ^ flip
        expect(readFitActivity(damaged), `byte ${i} ^ ${flip}`).toMatchObject({ _tag: "FitFileError" })
      }
    }
  })

  test("[bridge 36] random bytes are refused, also behind right checksums, and nothing throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(readFitActivity(bytes)).toMatchObject({ _tag: "FitFileError" })
        const sealed = readFitActivity(fileAround(bytes))
        if ("_tag" in sealed) expect(sealed.message.length).toBeGreaterThan(20)
      }),
      { numRuns: 500 },
    )
  })

  test("a sound file that makes no sense is unreadable, with the decoder's reason", () => {
    expect(readFitActivity(fileAround(new Uint8Array([0x05, 1, 2, 3])))).toMatchObject({
      reason: "unreadable",
      message: expect.stringContaining("FIT Runtime Error at byte"),
    })
  })

  test("each fault has its name and says what to do", () => {
    const damaged = (at: number): Uint8Array => {
      const bytes = ride.slice()
      bytes[at] = (bytes[at] ?? 0) ^ 0x10
      return bytes
    }
    const broken: ReadonlyArray<readonly [string, Uint8Array, string]> = [
      ["not-fit", new Uint8Array(), "empty"],
      ["not-fit", text("<gpx></gpx>"), '".fit" file'],
      ["not-fit", text("a"), '".fit" file'],
      ["corrupt-header", damaged(0), "Copy it"],
      ["corrupt-header", damaged(9), "Copy it"],
      ["corrupt-header", damaged(2), "checksum is wrong"],
      ["corrupt-header", new Uint8Array([...ride, 0, 0, 0]), `from byte ${ride.length}`],
      ["wrong-crc", damaged(40), "checksum is wrong"],
      ["wrong-crc", damaged(ride.length - 1), "checksum is wrong"],
      ["wrong-crc", new Uint8Array([...ride, ...damaged(40)]), "Part 2"],
      ["cut-short", ride.subarray(0, 10), "inside its header"],
      ["cut-short", ride.subarray(0, -1), "the checksum is not all there"],
      ["cut-short", ride.subarray(0, 50), "only 36 follow"],
      ["cut-short", new Uint8Array([...ride, ...ride.subarray(0, 20)]), "Part 2"],
      ["no-data", fileAround(new Uint8Array()), "did not finish"],
    ]
    for (const [reason, bytes, words] of broken) {
      expect(checkIntegrity(bytes)).toMatchObject({ reason, message: expect.stringContaining(words) })
    }
  })

  test("is found wherever in a larger buffer the bytes lie", () => {
    const buffer = new Uint8Array(ride.length + 7)
    buffer.set(ride, 7)
    expect(checkIntegrity(buffer.subarray(7))).toEqual({ parts: 1 })
    expect(readFitActivity(buffer.subarray(7))).toMatchObject({ records: 5 })
  })
})
