import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as Bundle from "./Bundle.ts"
import { ALL_KINDS, SENSOR_KINDS } from "./SensorKind.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const decoded = (bytes: Uint8Array): Bundle.Bundle => {
  const bundle = Bundle.decode(bytes)
  if ("_tag" in bundle) throw new Error(bundle.detail)
  return bundle
}

const blockOf = (time: fc.Arbitrary<number>, value: (kind: (typeof ALL_KINDS)[number]) => fc.Arbitrary<number>) =>
  fc.constantFrom(...ALL_KINDS).chain((kind) =>
    fc
      .record({
        sensor: fc.oneof(
          fc.constantFrom("strap-01", "strap-02", "gps"),
          fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => text.isWellFormed()),
        ),
        samples: fc.array(fc.tuple(time, value(kind)), { maxLength: 40 }),
      })
      .map(({ sensor, samples }) => ({
        sensor,
        kind,
        atMillis: samples.map(([atMillis]) => atMillis),
        values: samples.map(([, of]) => of),
      })),
  )

/** Any whole number of milliseconds, backwards and forwards, up to the bounds. */
const anyTime = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  fc.maxSafeInteger(),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 50, 2 ** 50 - 1, -(2 ** 50), 0),
)

const extremes = [Number.NaN, -0, 0, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE]
const integerBounds = [2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1, 2 ** 51, -(2 ** 51), 2 ** 53 - 1, -(2 ** 53 - 1)]
const anyValue = () => fc.oneof(fc.double(), fc.constantFrom(...extremes, ...integerBounds))

const countValue = (kind: (typeof ALL_KINDS)[number]) => {
  const [numerator, denominator] = SENSOR_KINDS[kind].resolution
  return fc.integer().map((count) => (count * numerator) / denominator + 0)
}

const anyBundle = fc.array(fc.oneof(blockOf(anyTime, anyValue), blockOf(anyTime, countValue)), { maxLength: 8 })

describe("a bundle", () => {
  test("[bridge 38] comes back exactly: NaN, -0, infinities, the bounds of integers, any times in any order", () => {
    fc.assert(
      fc.property(anyBundle, (bundle) => {
        expect(decoded(Bundle.encode(bundle))).toStrictEqual(bundle)
      }),
      { numRuns: 500 },
    )
  })

  test("brings back each value that is a count of its kind's resolution as the same number, and never as float64", () => {
    const block = blockOf(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }), countValue)
    fc.assert(
      fc.property(block, (one) => {
        const bytes = Bundle.encode([one])
        expect(decoded(bytes)).toStrictEqual([one])
        const name = new TextEncoder().encode(one.sensor).length
        const countBytes = one.values.length < 128 ? 1 : 2
        expect(bytes[1 + 1 + 1 + name + 1 + 1 + 1 + countBytes]).toBe(0)
      }),
      { numRuns: 500 },
    )
  })

  test("costs two bytes a sample for a steady strap", () => {
    const count = 600
    const atMillis = Array.from({ length: count }, (_, i) => 1_700_000_000_000 + i * 1000)
    const values = Array.from({ length: count }, (_, i) => 140 + (i % 3))
    const bytes = Bundle.encode([{ sensor: "strap-07", kind: "heartRate", atMillis, values }])
    expect(bytes.length).toBeLessThan(2 * count + 40)
  })

  test("counts the samples of all its blocks", () => {
    fc.assert(
      fc.property(anyBundle, (bundle) => {
        expect(Bundle.sampleCount(bundle)).toBe(bundle.flatMap((block) => block.values).length)
      }),
    )
  })

  test("is written the same way for ever: these bytes lie in buffers and databases", () => {
    const bundle: Bundle.Bundle = [
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
    ]
    const golden = [
      "01", // version
      "02 08 73747261702d3037 03 677073", // two sensors: strap-07, gps
      "05", // five blocks
      "00 01 04 00 80a0abfef962 d00f 00 b717 b801 02 00 05",
      "00 02 01 00 980a 980a",
      "01 03 01 00 970a 96c3ca9d04",
      "01 05 01 03 ffffffffffff3f43 0000000000000080",
      "00 64 00 00",
    ]
      .join("")
      .replaceAll(" ", "")
    expect(hex(Bundle.encode(bundle))).toBe(golden)
    expect(decoded(Buffer.from(golden, "hex"))).toStrictEqual(bundle)
  })

  test("keeps every character of a name, a byte-order mark too", () => {
    const bundle: Bundle.Bundle = [{ sensor: "\ufeffstrap \u{1f6b4}\u0000", kind: "power", atMillis: [1], values: [2] }]
    expect(decoded(Bundle.encode(bundle))).toStrictEqual(bundle)
  })

  test("of nothing is three bytes", () => {
    expect(hex(Bundle.encode([]))).toBe("010000")
    expect(decoded(new Uint8Array([1, 0, 0]))).toEqual([])
  })

  test.each([
    ["times and values of different length", { sensor: "s", kind: "power", atMillis: [1, 2], values: [1] }],
    ["a time that is not whole", { sensor: "s", kind: "power", atMillis: [1.5], values: [1] }],
    ["a time that is no number", { sensor: "s", kind: "power", atMillis: [Number.NaN], values: [1] }],
    ["a name with half a surrogate pair", { sensor: "\ud800", kind: "power", atMillis: [1], values: [1] }],
  ] as const)("refuses to be written with %s", (_, block) => {
    expect(() => Bundle.encode([block])).toThrow(RangeError)
  })
})

describe("bytes that are none", () => {
  /** What must hold of any bytes: a typed error, or a bundle that is good enough to be written again. */
  const expectTotal = (bytes: Uint8Array) => {
    const result = Bundle.decode(bytes)
    if ("_tag" in result) {
      expect(result._tag).toBe("BundleError")
      expect(result.detail.length).toBeGreaterThan(5)
    } else {
      expect(decoded(Bundle.encode(result))).toStrictEqual(result)
    }
  }

  test("[bridge 36] every prefix of a bundle is a typed error", () => {
    fc.assert(
      fc.property(anyBundle, (bundle) => {
        const bytes = Bundle.encode(bundle)
        for (let length = 0; length < bytes.length; length++) {
          expect(Bundle.decode(bytes.subarray(0, length))).toMatchObject({ _tag: "BundleError", reason: "malformed" })
        }
      }),
      { numRuns: 50 },
    )
  })

  test("[bridge 36] random bytes and flipped bits give a typed error or another bundle, and never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => {
        expectTotal(tail)
        expectTotal(new Uint8Array([Bundle.VERSION, 1, 1, 0x73, ...tail]))
      }),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(anyBundle, fc.nat(), fc.integer({ min: 1, max: 255 }), (bundle, where, flip) => {
        const bytes = Bundle.encode(bundle)
        const at = where % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ flip
        expectTotal(bytes)
      }),
      { numRuns: 1000 },
    )
  })

  const malformed = (...bytes: Array<number>) => Bundle.decode(new Uint8Array(bytes))
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]

  test("a forged count is refused before anything is allocated for it", () => {
    expect(malformed(1, ...huge)).toMatchObject({
      reason: "malformed",
      detail: expect.stringContaining("sensor names"),
    })
    expect(malformed(1, 0, ...huge)).toMatchObject({ detail: expect.stringContaining("blocks") })
    expect(malformed(1, 1, 1, 0x73, 1, 0, 1, ...huge)).toMatchObject({ detail: expect.stringContaining("samples") })
    expect(malformed(1, 1, ...huge)).toMatchObject({ detail: expect.stringContaining("bytes of text") })
  })

  test("a varint above 2^53 - 1, or longer than eight bytes, is refused", () => {
    expect(malformed(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10)).toMatchObject({
      detail: expect.stringContaining("above 2^53"),
    })
    expect(malformed(1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01)).toMatchObject({
      detail: expect.stringContaining("more than 8 bytes"),
    })
  })

  test("times and counts that add up beyond 2^53 are refused, not rounded", () => {
    const greatest = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f] // zigzag of 2^52 - 1
    const three = [...greatest, ...greatest, ...greatest]
    expect(malformed(1, 1, 1, 0x73, 1, 0, 1, 3, 0, ...three, 0, 0, 0)).toMatchObject({
      detail: expect.stringContaining("a time beyond 2^53"),
    })
    expect(malformed(1, 1, 1, 0x73, 1, 0, 1, 3, 0, 0, 0, 0, ...three)).toMatchObject({
      detail: expect.stringContaining("a count beyond 2^53"),
    })
  })

  test("an unknown version is named, and told apart from damage", () => {
    expect(malformed(2, 0, 0)).toEqual({
      _tag: "BundleError",
      reason: "unknown-version",
      detail: "bundle version 2, this side reads 1",
    })
  })

  test("an unknown sensor kind is named", () => {
    expect(malformed(1, 1, 1, 0x73, 1, 0, 99, 0, 0)).toMatchObject({
      reason: "malformed",
      detail: expect.stringContaining("unknown sensor kind 99"),
    })
  })

  test.each([
    ["a sensor that is not in the table", [1, 1, 1, 0x73, 1, 1, 1, 0, 0], "sensor 1 of 1"],
    ["a column layout of the future", [1, 1, 1, 0x73, 1, 0, 1, 0, 4], "unknown column layout 4"],
    ["a name that is not UTF-8", [1, 1, 1, 0xff, 0], "not UTF-8"],
    ["bytes after the end", [1, 0, 0, 7], "1 bytes after the last block"],
    ["a time that is not whole", [1, 1, 1, 0x73, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 2], "not a whole number"],
  ])("%s is malformed", (_, bytes, detail) => {
    expect(Bundle.decode(new Uint8Array(bytes))).toMatchObject({
      reason: "malformed",
      detail: expect.stringContaining(detail),
    })
  })
})
