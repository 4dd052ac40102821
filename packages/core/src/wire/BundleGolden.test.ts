/**
 * Bytes that never change: a bundle that was written once is read for ever, and every writer writes it so. One bundle
 * for each prediction, code, scale and form of float64. A failure here means that the format has changed: it needs a
 * new version, not new bytes.
 */
import { describe, expect, test } from "vitest"
import * as Bundle from "./Bundle.ts"
import { ByteReader } from "./ByteReader.ts"
import { isFloatLayout, readFloats } from "./FloatColumn.ts"
import * as Code from "./IntegerCode.ts"
import * as Column from "./IntegerColumn.ts"
import { readIntegers } from "./IntegerColumnReader.ts"

const T = 1_700_000_000_000
const indices = (count: number): Array<number> => Array.from({ length: count }, (_, i) => i)
const every = (stepMs: number, count: number): Array<number> => indices(count).map((i) => T + i * stepMs)

/** A block of "s", on a clock that ticks evenly where no times are given. */
const block = (
  kind: Bundle.KindBlock["kind"],
  values: ReadonlyArray<number>,
  atMillis: ReadonlyArray<number> = every(1000, values.length),
): Bundle.KindBlock => ({ sensor: "s", kind, atMillis, values })

/** Scattered, the same everywhere. */
const scattered = (i: number): number => (i * i * 37 + i * 11) % 101

const intervals = indices(24).map((i) => 300 + 10 * scattered(i))

const layout = Column.layoutOf

/** What it shows, the byte at the head of its times and of its values, the bundle, its bytes. */
const golden: ReadonlyArray<readonly [string, number, number, Bundle.KindBlock, string]> = [
  [
    "one sample",
    layout(Column.DELTA, Code.ZERO),
    layout(Column.DELTA, Code.ZERO),
    block("heartRate", [92]),
    "02010173010a00010180a0abfef96201b801",
  ],
  [
    "a line; runs",
    layout(Column.LINE, Code.ZERO),
    layout(Column.DELTA, Code.RUNS),
    block(
      "power",
      indices(200).map((i) => (i < 77 ? 150 : 165)),
    ),
    "02010173013200c8010380a0abfef962b0a51819ac024c1e7a",
  ],
  [
    "a line with jitter; around a reference; both packed",
    layout(Column.LINE, Code.PACKED),
    layout(Column.OFFSET, Code.PACKED),
    block(
      "power",
      indices(64).map((i) => (i * i * 97 + i * 57) % 257),
      every(40, 64).map((at, i) => at + (i % 5 === 2 ? 1 : 0)),
    ),
    "02010173013200401380a0abfef962b0270001420821841042082110f601f50108009af510ee8cec0cef92f71c03ac15402cda4878691b8fc4ba71ea231edb58979758db1e23ea71bac48f1b697848da2c4015ac031cf792ef0cec8cee10f59a00",
  ],
  [
    "times with a pause, as deltas of deltas; an even slope",
    layout(Column.DELTA_OF_DELTA, Code.VARINT),
    layout(Column.DELTA_OF_DELTA, Code.ZERO),
    block("distance", [1, 2.5, 4, 5.5, 7], [T, T + 1000, T + 2000, T + 99_000, T + 196_000]),
    "02010173014e00050a80a0abfef962d00f0080dc0b0021020406",
  ],
  [
    "times at any distance, as deltas of deltas; intervals that are their steps",
    layout(Column.DELTA_OF_DELTA, Code.RICE + 9),
    layout(Column.TIME_STEPS, Code.ZERO),
    block(
      "rrInterval",
      intervals.map((interval) => interval / 1000),
      intervals.map((_, i) => T + intervals.slice(1, i + 1).reduce((sum, interval) => sum + interval, 0)),
    ),
    "02010173011200186a80a0abfef962980c48bbd3a468c268601f438591c7ad8e03006d8835c816752a9008bad84c04d804",
  ],
  [
    "times back and forth, around a reference; Rice with an outlier",
    layout(Column.OFFSET, Code.PACKED),
    layout(Column.DELTA, Code.RICE + 2),
    block(
      "steps",
      indices(40).map((i) => 3 * i + (i % 3) + (i >= 20 ? 100_000 : 0)),
      indices(40).map((i) => T + 50 * (scattered(i) % 2)),
    ),
    "02010173016a002810b2a0abfef96231060020cb802c030020cb802c03b20c00802c03b20c00800cc8002003802ccb310063700c8ec1313806c7e0f8ff7fa48601008ec1313806c7e0181c83",
  ],
  [
    "a scale of tens; large leaps in varints",
    layout(Column.LINE, Code.ZERO),
    layout(Column.DELTA, Code.VARINT),
    block("latitude", [47.1234567, -12.7654321, 89.9999999]),
    "02010173011e00030380a0abfef962a01f07098ee0b3c103efc692bb04e08a86d407",
  ],
  [
    "times that wander, as deltas; a scale of twos",
    layout(Column.DELTA, Code.RICE + 8),
    layout(Column.DELTA, Code.RICE + 5),
    block(
      "accelerationZ",
      indices(24).map((i) => (4096 + scattered(i)) / 4096),
      indices(24).map((i) => T + 7 * indices(i).reduce((sum, k) => sum + scattered(k) - 50, 0)),
    ),
    "02010173016600186180a0abfef962dbb59102db2e32493d1afbc013a2b233edda77462521e0f6a3493d132c4980400752d6c2242eef8d709df52c509d0f691b83b4bd08",
  ],
  [
    "float64 as XOR: NaN, -0, infinities, the least and the greatest",
    layout(Column.LINE, Code.ZERO),
    layout(Column.FLOATS, 1),
    block("altitude", [
      Math.PI,
      Math.PI,
      Math.PI + 2 ** -51,
      -0,
      -0,
      Number.NaN,
      Infinity,
      -Infinity,
      5e-324,
      2 ** 1023,
    ]),
    "020101730142000a0380a0abfef962d08c010d182d4454fb210940fe81037f460b11d57e4802b001e6ff17000280037f000000000000fc7f010000000000e07f",
  ],
  [
    "float64 as it stands, for times too",
    layout(Column.FLOATS, 0),
    layout(Column.FLOATS, 0),
    block("speed", [-0], [Number.MIN_SAFE_INTEGER]),
    "02010173012a000105ffffffffffff3fc3050000000000000080",
  ],
]

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** The bytes at the heads of the columns of a bundle with one block. */
const layoutsOf = (bytes: Uint8Array): ReadonlyArray<number> => {
  // 02, one sensor "s", one block; then its head, and new times.
  const input = new ByteReader(bytes.subarray(5))
  const head = input.varint()
  input.varint()
  const count = input.varint()
  const times = input.byte()
  if (isFloatLayout(times)) readFloats(input, times, count)
  else readIntegers(input, times, count, "a time", 0, [])
  if ((head & 4) !== 0) input.byte()
  return [times, input.byte()]
}

describe("bytes that never change", () => {
  test.each(golden)("%s", (_, times, values, of, bytes) => {
    expect(hex(Bundle.encode([of]))).toBe(bytes)
    expect(Bundle.decode(Buffer.from(bytes, "hex"))).toStrictEqual([of])
    expect(layoutsOf(Buffer.from(bytes, "hex"))).toEqual([times, values])
  })

  test("sensors, times and streams that blocks share or bring themselves", () => {
    const bundle: Bundle.Bundle = [
      { sensor: "a", kind: "power", atMillis: every(1000, 3), values: [200, 210, 205] },
      { sensor: "b", kind: "power", atMillis: every(1000, 3), values: [90, 90, 90] },
      { sensor: "b", kind: "cadence", atMillis: [T + 7, T + 1007], values: [88, 89] },
      { sensor: "a", kind: "speed", atMillis: every(1000, 3), values: [9.5, 9.6, 9.7] },
      { sensor: "a", kind: "custom", name: "\u00df", unit: "", atMillis: every(1000, 3), values: [0.5, 1, 1.5] },
      { sensor: "a", kind: "activity", atMillis: [], values: [] },
      { sensor: "b", kind: "activity", atMillis: [], values: [] },
    ]
    const bytes =
      "020201610162073200030380a0abfef962a01f0990031409310101b4013e0002020ed00f0009b001022f00010129be01090402c39f0021290209a2060000a10601"
    expect(hex(Bundle.encode(bundle))).toBe(bytes)
    expect(Bundle.decode(Buffer.from(bytes, "hex"))).toStrictEqual(bundle)
  })
})
