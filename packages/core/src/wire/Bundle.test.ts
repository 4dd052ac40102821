import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as Bundle from "./Bundle.ts"
import { ALL_KINDS } from "./SensorKind.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const decoded = (bytes: Uint8Array): Bundle.Bundle => {
  const bundle = Bundle.decode(bytes)
  if ("_tag" in bundle) throw new Error(bundle.detail)
  return bundle
}

const text = fc.string({ unit: "grapheme", maxLength: 12 }).filter((name) => name.isWellFormed())
const sensor = fc.oneof(fc.constantFrom("strap-01", "strap-02", "gps"), text)

/** What a block is of, without its samples. */
const stream = fc.oneof(
  { weight: 4, arbitrary: fc.record({ sensor, kind: fc.constantFrom(...ALL_KINDS) }) },
  fc.record({ sensor, kind: fc.constant("custom" as const), name: text, unit: text }),
)

/** Any whole number of milliseconds, backwards and forwards, up to the bounds. */
const anyTime = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  fc.maxSafeInteger(),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 50, 2 ** 50 - 1, -(2 ** 50), 0),
)

/** A clock that ticks, with some jitter and now and then a pause. */
const ticking = (length: number) =>
  fc
    .record({
      first: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
      stepMs: fc.constantFrom(1000, 20, 19.23, 0, -7),
      jitter: fc.array(fc.constantFrom(0, 0, 0, 1, -1, 5000), { minLength: length, maxLength: length }),
    })
    .map(({ first, jitter, stepMs }) => jitter.map((off, i) => first + Math.round(i * stepMs) + off))

const extremes = [Number.NaN, -0, 0, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE]
const integerBounds = [2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1, 2 ** 51, -(2 ** 51), 2 ** 53 - 1, -(2 ** 53 - 1)]
const anyValue = fc.oneof(fc.double(), fc.constantFrom(...extremes, ...integerBounds))
const scaled = fc
  .tuple(
    fc.constantFrom(1, 10, 1000, 10 ** 7, 128, 4096, 2 ** 29 / 45),
    fc.constantFrom(1, 100, 10 ** 6, 2 ** 31 - 1),
    fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { maxLength: 40 }),
  )
  .map(([denominator, range, values]) => values.map((value) => Math.round(value * range) / denominator + 0))
const anyValues = fc.oneof(scaled, fc.array(anyValue, { maxLength: 40 }))

const anyBlock: fc.Arbitrary<Bundle.Block> = fc.tuple(stream, anyValues).chain(([of, values]) =>
  fc
    .oneof(
      ticking(values.length),
      fc.array(anyTime, { minLength: values.length, maxLength: values.length }),
      // Times that blocks have in common.
      fc.constant(values.map((_, i) => 1_700_000_000_000 + i * 1000)),
    )
    .map((atMillis) => ({ ...of, atMillis, values })),
)

const anyBundle = fc.array(anyBlock, { maxLength: 8 })

const T = 1_700_000_000_000
const ticks = (count: number, stepMs = 1000): Array<number> => Array.from({ length: count }, (_, i) => T + i * stepMs)

describe("a bundle", () => {
  test("[bridge 38] comes back exactly: NaN, -0, infinities, the bounds of integers, any times in any order", () => {
    fc.assert(
      fc.property(anyBundle, (bundle) => {
        expect(decoded(Bundle.encode(bundle))).toStrictEqual(bundle)
      }),
      { numRuns: 1000 },
    )
  })

  test("is written the same way again, whatever was written in between", () => {
    fc.assert(
      fc.property(anyBundle, anyBundle, (bundle, other) => {
        const bytes = Bundle.encode(bundle)
        const copy = hex(bytes)
        Bundle.encode(other)
        expect(hex(Bundle.encode(bundle))).toBe(copy)
        expect(hex(bytes)).toBe(copy)
      }),
    )
  })

  test("carries streams of no profile, with their name and unit", () => {
    const bundle: Bundle.Bundle = [
      { sensor: "moxy", kind: "custom", name: "muscleOxygen", unit: "%", atMillis: [T], values: [61.5] },
      { sensor: "moxy", kind: "custom", name: "haemoglobin", unit: "g/dL", atMillis: [T, T + 1], values: [12.1, 12] },
    ]
    expect(decoded(Bundle.encode(bundle))).toStrictEqual(bundle)
  })

  test("counts the samples of all its blocks", () => {
    fc.assert(
      fc.property(anyBundle, (bundle) => {
        expect(Bundle.sampleCount(bundle)).toBe(bundle.flatMap((block) => block.values).length)
      }),
    )
  })

  test("names times that blocks have in common once, and pays three bytes for a block that stands still", () => {
    const atMillis = ticks(600)
    const values = atMillis.map(() => 0)
    const one: Bundle.Bundle = [{ sensor: "bike", kind: "power", atMillis, values }]
    const two: Bundle.Bundle = [...one, { sensor: "bike", kind: "speed", atMillis: [...atMillis], values }]
    // Its head, the layout of its column, and the 0 that it begins with.
    expect(Bundle.encode(two).length - Bundle.encode(one).length).toBe(3)
    expect(decoded(Bundle.encode(two))).toStrictEqual(two)
  })

  test("takes next to nothing for ten minutes that tick evenly and stand still", () => {
    const values = new Array<number>(600).fill(140)
    expect(Bundle.encode([{ sensor: "s", kind: "heartRate", atMillis: ticks(600), values }]).length).toBeLessThan(24)
  })

  test("keeps every character of a name, a byte-order mark too", () => {
    const bundle: Bundle.Bundle = [{ sensor: "\ufeffstrap \u{1f6b4}\u0000", kind: "power", atMillis: [1], values: [2] }]
    expect(decoded(Bundle.encode(bundle))).toStrictEqual(bundle)
  })

  test("of nothing is three bytes", () => {
    expect(hex(Bundle.encode([]))).toBe("020000")
    expect(decoded(new Uint8Array([2, 0, 0]))).toEqual([])
  })

  test("may hold MAX_SAMPLES, and comes back", () => {
    const atMillis = ticks(Bundle.MAX_SAMPLES, 20)
    const bundle: Bundle.Bundle = [{ sensor: "s", kind: "steps", atMillis, values: atMillis.map((_, i) => i >> 5) }]
    expect(decoded(Bundle.encode(bundle))).toStrictEqual(bundle)
  })

  test.each([
    ["times and values of different length", { sensor: "s", kind: "power", atMillis: [1, 2], values: [1] }],
    ["a time that is not whole", { sensor: "s", kind: "power", atMillis: [1.5], values: [1] }],
    ["a time that is no number", { sensor: "s", kind: "power", atMillis: [Number.NaN], values: [1] }],
    ["a name with half a surrogate pair", { sensor: "\ud800", kind: "power", atMillis: [1], values: [1] }],
    [
      "a unit with half a surrogate pair",
      { sensor: "s", kind: "custom", name: "n", unit: "\udfff", atMillis: [1], values: [1] },
    ],
    [
      "more samples than a bundle may hold",
      {
        sensor: "s",
        kind: "power",
        atMillis: ticks(Bundle.MAX_SAMPLES + 1),
        values: ticks(Bundle.MAX_SAMPLES + 1),
      },
    ],
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
      expect(Bundle.sampleCount(result)).toBeLessThanOrEqual(Bundle.MAX_SAMPLES)
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
      { numRuns: 100 },
    )
  })

  test("[bridge 36] random bytes and flipped bits give a typed error or another bundle, and never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 255 }), (tail, layout) => {
        expectTotal(tail)
        expectTotal(new Uint8Array([Bundle.VERSION, 1, 1, 0x73, ...tail]))
        // One block of some samples, whose columns may be anything.
        expectTotal(new Uint8Array([Bundle.VERSION, 1, 1, 0x73, 1, 10, 0, 3, layout, ...tail]))
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
      { numRuns: 2000 },
    )
  })

  const malformed = (...bytes: Array<number>) => Bundle.decode(new Uint8Array(bytes))
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]
  /** One sensor, "s". What follows is the number of blocks. */
  const one = [2, 1, 1, 0x73]

  test.each([
    ["sensor names", [2, ...huge], "sensor names"],
    ["bytes of text", [2, 1, ...huge], "bytes of text"],
    ["blocks", [2, 0, ...huge], "blocks"],
    ["samples", [...one, 1, 10, 0, ...huge, 3, 0, 0], "samples, where 131072 are the most"],
    ["samples beyond the most", [...one, 1, 10, 0, 0x81, 0x80, 0x08, 3, 0, 0], "131073 samples"],
    ["numbers in few bytes", [...one, 1, 10, 0, 0x80, 0x80, 0x08, 0x21, 0, 0], "131071 numbers in 1 bytes"],
  ])("a forged count of %s is refused before anything is allocated for it", (_, bytes, detail) => {
    expect(malformed(...bytes)).toMatchObject({ reason: "malformed", detail: expect.stringContaining(detail) })
  })

  test("many blocks over the same long times are refused: few bytes never make more than the most samples", () => {
    // 100,000 samples that tick evenly, of a kind that stands still, again and again.
    const block = [8, 1, 0]
    const first = [10, 0, 0xa0, 0x8d, 0x06, 3, 0, 0xc0, 0x9a, 0x0c, 1, 0]
    expect(malformed(...one, 1, ...first)).toHaveLength(1)
    expect(malformed(...one, 3, ...first, ...block, ...block)).toMatchObject({
      detail: expect.stringContaining("200000 samples, where 131072 are the most"),
    })
  })

  test("a varint above 2^53 - 1, or longer than eight bytes, is refused", () => {
    expect(malformed(2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10)).toMatchObject({
      detail: expect.stringContaining("above 2^53"),
    })
    expect(malformed(2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01)).toMatchObject({
      detail: expect.stringContaining("more than 8 bytes"),
    })
  })

  test("an unknown version is named, and told apart from damage", () => {
    expect(malformed(3, 0, 0)).toEqual({
      _tag: "BundleError",
      reason: "unknown-version",
      detail: "bundle version 3, this side reads 1 and 2",
    })
  })

  test.each([
    ["an unknown sensor kind", [...one, 1, 0x9a, 0x06, 0, 0], "unknown sensor kind 99"],
    ["a sensor that is not in the table", [...one, 1, 11, 1, 0, 0], "sensor 1 of 1"],
    ["times that nobody wrote", [...one, 1, 10, 1], "times 0 of 0"],
    ["a first block without times", [...one, 1, 8], "times -1 of 0"],
    ["an unknown scale", [...one, 1, 14, 0, 0, 23], "unknown scale 23"],
    ["times laid down as values are", [...one, 1, 10, 0, 1, 4], "unknown layout 4 of times"],
    ["values laid down as times are", [...one, 1, 10, 0, 1, 1, 0, 3], "unknown layout 3 of values"],
    ["a column of the future", [...one, 1, 10, 0, 1, 1, 0, 7], "unknown layout 7 of values"],
    ["a third form of float64", [...one, 1, 10, 0, 1, 1, 0, 5 + 16], "unknown layout 21 of values"],
    ["a name that is not UTF-8", [2, 1, 1, 0xff, 0], "not UTF-8"],
    ["a unit that is not UTF-8", [...one, 1, 2, 1, 0x6e, 1, 0xff, 0, 0], "not UTF-8"],
    ["bytes after the end", [2, 0, 0, 7], "1 bytes after the last block"],
    ["a time that is not whole", [...one, 1, 10, 0, 1, 5, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 1, 0], "not a whole number"],
  ])("%s is malformed", (_, bytes, detail) => {
    expect(malformed(...bytes)).toMatchObject({
      reason: "malformed",
      detail: expect.stringContaining(detail),
    })
  })
})
