/**
 * Version 1 is written nowhere any more. What it wrote lies in buffers and databases, so its writer lives on here and
 * its reader is held to all that it could write.
 */
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as Bundle from "./Bundle.ts"
import { ByteWriter } from "./ByteWriter.ts"
import { ALL_KINDS, SENSOR_KINDS } from "./SensorKind.ts"

const block = fc.constantFrom(...ALL_KINDS).chain((kind) => {
  const [numerator, denominator] = SENSOR_KINDS[kind].resolution
  const value = fc.oneof(
    fc.integer().map((count) => (count * numerator) / denominator + 0),
    { weight: 1, arbitrary: fc.oneof(fc.double(), fc.constantFrom(-0, NaN, Infinity, -Infinity)) },
  )
  const time = fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }) },
    fc.maxSafeInteger(),
  )
  return fc
    .record({ sensor: fc.constantFrom("strap-01", "gps"), samples: fc.array(fc.tuple(time, value), { maxLength: 30 }) })
    .map(
      ({ sensor, samples }): Bundle.KindBlock => ({
        sensor,
        kind,
        atMillis: samples.map(([at]) => at),
        values: samples.map(([, of]) => of),
      }),
    )
})

/** Version 1 as it was written, plainly: differences as zigzag varints, or float64. */
const encodeVersion1 = (blocks: ReadonlyArray<Bundle.KindBlock>): Uint8Array => {
  const out = new ByteWriter(0)
  const sensors = [...new Set(blocks.map(({ sensor }) => sensor))]
  out.byte(1)
  out.varint(sensors.length)
  for (const sensor of sensors) out.text(sensor)
  out.varint(blocks.length)
  let base = 0
  for (const { atMillis, kind, sensor, values } of blocks) {
    const { code, resolution } = SENSOR_KINDS[kind]
    const counts = values.map((value) => Math.round((value * resolution[1]) / resolution[0]))
    const isExact = (value: number, i: number) =>
      Math.abs(counts[i]!) < 2 ** 51 && Object.is((counts[i]! * resolution[0]) / resolution[1] + 0, value)
    const rawTimes = atMillis.some((time) => Math.abs(time) >= 2 ** 50)
    const rawValues = !values.every(isExact)
    out.varint(sensors.indexOf(sensor))
    out.varint(code)
    out.varint(values.length)
    out.byte((rawTimes ? 1 : 0) | (rawValues ? 2 : 0))
    for (const [i, time] of atMillis.entries()) {
      const step = time - (atMillis[i - 1] ?? base)
      if (rawTimes) out.float64(time)
      else out.zigzag(i < 2 ? step : step - (atMillis[i - 1]! - atMillis[i - 2]!))
    }
    for (const [i, value] of values.entries()) {
      if (rawValues) out.float64(value)
      else out.zigzag(counts[i]! - (counts[i - 1] ?? 0))
    }
    if (!rawTimes) base = atMillis[0] ?? base
  }
  return out.toBytes()
}

const bytesOf = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(" ", ""), "hex")
const malformed = (...bytes: Array<number>) => Bundle.decode(new Uint8Array(bytes))
const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]

describe("a bundle of version 1", () => {
  test("is read for ever: these bytes lie in buffers and databases", () => {
    const golden = [
      "01", // version
      "02 08 73747261702d3037 03 677073", // two sensors: strap-07, gps
      "05", // five blocks
      "00 01 04 00 80a0abfef962 d00f 00 b717 b801 02 00 05",
      "00 02 01 00 980a 980a",
      "01 03 01 00 970a 96c3ca9d04",
      "01 05 01 03 ffffffffffff3f43 0000000000000080",
      "00 64 00 00",
    ].join("")
    expect(Bundle.decode(bytesOf(golden))).toStrictEqual([
      {
        sensor: "strap-07",
        kind: "heartRate",
        atMillis: [1_700_000_000_000, 1_700_000_001_000, 1_700_000_002_000, 1_700_000_001_500],
        values: [92, 93, 93, 90],
      },
      { sensor: "strap-07", kind: "rrInterval", atMillis: [1_700_000_000_652], values: [0.652] },
      { sensor: "gps", kind: "latitude", atMillis: [1_700_000_000_000], values: [(45 * 567_890_123) / 2 ** 29] },
      { sensor: "gps", kind: "speed", atMillis: [Number.MAX_SAFE_INTEGER], values: [-0] },
      { sensor: "strap-07", kind: "activity", atMillis: [], values: [] },
    ])
  })

  test("of nothing is three bytes", () => {
    expect(malformed(1, 0, 0)).toEqual([])
  })

  test("[bridge 38] comes back exactly, whatever was written", () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 6 }), (bundle) => {
        expect(Bundle.decode(encodeVersion1(bundle))).toStrictEqual(bundle)
      }),
      { numRuns: 300 },
    )
  })

  test("[bridge 36] cut anywhere is a typed error; damaged it is one or another bundle, and never throws", () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (bundle, at, flip) => {
        const bytes = encodeVersion1(bundle)
        for (let length = 0; length < bytes.length; length++) {
          expect(Bundle.decode(bytes.subarray(0, length))).toMatchObject({ _tag: "BundleError", reason: "malformed" })
        }
        bytes[at % bytes.length]! ^= flip
        const result = Bundle.decode(bytes)
        if (!("_tag" in result)) expect(Bundle.decode(Bundle.encode(result))).toStrictEqual(result)
      }),
      { numRuns: 200 },
    )
  })

  test.each([
    ["a forged number of names", [1, ...huge], "sensor names"],
    ["a forged number of blocks", [1, 0, ...huge], "blocks"],
    ["a forged number of samples", [1, 1, 1, 0x73, 1, 0, 1, ...huge], "samples"],
    ["a sensor that is not in the table", [1, 1, 1, 0x73, 1, 1, 1, 0, 0], "sensor 1 of 1"],
    ["an unknown kind", [1, 1, 1, 0x73, 1, 0, 99, 0, 0], "unknown sensor kind 99"],
    ["a column layout of the future", [1, 1, 1, 0x73, 1, 0, 1, 0, 4], "unknown column layout 4"],
    ["a name that is not UTF-8", [1, 1, 1, 0xff, 0], "not UTF-8"],
    ["bytes after the end", [1, 0, 0, 7], "1 bytes after the last block"],
    ["a time that is not whole", [1, 1, 1, 0x73, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 2], "not a whole number"],
  ])("with %s is malformed", (_, bytes, detail) => {
    expect(malformed(...bytes)).toMatchObject({ reason: "malformed", detail: expect.stringContaining(detail) })
  })

  test("with times or counts that add up beyond 2^53 is refused, not rounded", () => {
    const greatest = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f] // zigzag of 2^52 - 1
    const three = [...greatest, ...greatest, ...greatest]
    expect(malformed(1, 1, 1, 0x73, 1, 0, 1, 3, 0, ...three, 0, 0, 0)).toMatchObject({
      detail: expect.stringContaining("a time beyond 2^53"),
    })
    expect(malformed(1, 1, 1, 0x73, 1, 0, 1, 3, 0, 0, 0, 0, ...three)).toMatchObject({
      detail: expect.stringContaining("a count beyond 2^53"),
    })
  })
})
