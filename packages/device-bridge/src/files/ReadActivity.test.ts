/** Whatever the bytes are: an activity or a `FileUnreadable`, soon, and never a crash. */
import { Encoder, type FileIdMesg, type HrvMesg, type RecordMesg, type SessionMesg } from "@garmin/fitsdk"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import type { Activity, FileUnreadable } from "./Activity.ts"
import { readActivity } from "./ReadActivity.ts"
import { sampleCount } from "./Recording.ts"

const START = new Date("2026-03-01T08:00:00Z")

const fit = (): Uint8Array => {
  const encoder = new Encoder()
  const fileId: FileIdMesg = { type: "activity", manufacturer: "development", timeCreated: START }
  encoder.onMesg(0, fileId)
  for (let second = 0; second < 3; second++) {
    const timestamp = new Date(START.getTime() + 1000 * second)
    const record: RecordMesg = { timestamp, heartRate: 100 + second, power: 200, positionLat: 5, positionLong: 6 }
    encoder.onMesg(20, record)
    const hrv: HrvMesg = { time: [0.6] }
    encoder.onMesg(78, hrv)
  }
  const session: SessionMesg = { timestamp: START, startTime: START, sport: "running" }
  encoder.onMesg(18, session)
  return encoder.close()
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const gpx = utf8(`<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="x"><trk><type>run</type><trkseg><trkpt lat="47.6" lon="8.5"><ele>1.5</ele><time>2026-03-01T08:00:00Z</time>
<extensions><n:TrackPointExtension xmlns:n="g"><n:hr>143</n:hr></n:TrackPointExtension></extensions></trkpt></trkseg></trk></gpx>
`)

const tcx =
  utf8(`<?xml version="1.0"?><TrainingCenterDatabase><Activities><Activity Sport="Biking"><Lap StartTime="2026-03-01T08:00:00Z">
<TotalTimeSeconds>1</TotalTimeSeconds><Track><Trackpoint><Time>2026-03-01T08:00:00Z</Time><Cadence>80</Cadence></Trackpoint></Track></Lap>
</Activity></Activities></TrainingCenterDatabase>`)

const files = [
  ["FIT", fit()],
  ["GPX", gpx],
  ["TCX", tcx],
] as const

/** Holds what every outcome must; gives it back. */
const sound = (outcome: Activity | FileUnreadable): Activity | FileUnreadable => {
  if ("_tag" in outcome) {
    expect(outcome._tag).toBe("FileUnreadable")
    expect(outcome.message).toMatch(/^[A-Z][\s\S]{20,}[.?]$/)
    return outcome
  }
  expect(sampleCount(outcome)).toBeGreaterThan(0)
  for (const { atMillis, values } of [...outcome.streams, ...outcome.custom]) {
    expect(values.length).toBe(atMillis.length)
    expect(atMillis.every((at, i) => Number.isSafeInteger(at) && at >= (atMillis[i - 1] ?? at))).toBe(true)
    expect(values.every(Number.isFinite)).toBe(true)
  }
  return outcome
}

describe.each(files)("a %s file", (_, bytes) => {
  test("is read when it is whole", () => {
    expect(sound(readActivity(bytes))).not.toHaveProperty("_tag")
  })

  test("[bridge 36] cut anywhere before its end gives an error, never half an activity", () => {
    const whole = new TextDecoder("latin1").decode(bytes).trimEnd().length
    for (let length = 0; length < Math.min(whole, bytes.length); length++) {
      const outcome = sound(readActivity(bytes.subarray(0, length)))
      expect(outcome, `cut at ${length}`).toMatchObject({
        reason: expect.stringMatching(/^(cut-short|unknown-format|damaged)$/),
      })
    }
  })

  test("with any one bit turned gives an error or an activity, and goes on at once", () => {
    const damaged = Uint8Array.from(bytes)
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const at = bit >> 3
      damaged[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7))
      const outcome = sound(readActivity(damaged))
      // The checksum finds every single bit; in XML a digit may become another digit.
      if (bytes[8] === 0x2e) expect(outcome).toHaveProperty("_tag")
      damaged[at] = bytes[at] ?? 0
    }
  })
})

test("a FIT file with anything inside and a right checksum is read, or refused", () => {
  const body = fc.uint8Array({ minLength: 1, maxLength: 400 })
  fc.assert(
    fc.property(body, (data) => void sound(readActivity(sealed(data)))),
    { numRuns: 500 },
  )
})

test("a FIT file whose data was changed and sealed again is read, or refused", () => {
  const original = fit()
  const data = original.subarray(14, original.length - 2)
  const changes = fc.array(fc.tuple(fc.nat(data.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(changes, (edits) => {
      const changed = Uint8Array.from(data)
      for (const [at, byte] of edits) changed[at] = byte
      sound(readActivity(sealed(changed)))
    }),
    { numRuns: 1_000 },
  )
})

test("bytes of any kind are no activity", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(sound(readActivity(bytes))).toMatchObject({ _tag: "FileUnreadable" })
    }),
  )
  for (const text of ["{}", "a,b\n1,2\n", "<html></html>", "<gpx", "<", "   ", "<?xml version='1.0'?>"]) {
    expect(sound(readActivity(utf8(text)))).toMatchObject({ _tag: "FileUnreadable" })
  }
})

/** These bytes as the data of a FIT file, with a header and a checksum of ours. */
const sealed = (data: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(12 + data.length + 2)
  const view = new DataView(bytes.buffer)
  bytes.set([12, 0x20], 0)
  view.setUint32(4, data.length, true)
  bytes.set([0x2e, 0x46, 0x49, 0x54], 8)
  bytes.set(data, 12)
  let crc = 0
  for (const byte of bytes.subarray(0, 12 + data.length)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  }
  view.setUint16(12 + data.length, crc, true)
  return bytes
}
