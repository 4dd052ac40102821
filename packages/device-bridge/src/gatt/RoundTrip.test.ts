import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { CHARACTERISTICS, type Characteristic, characteristicOf, encode, parse } from "./Characteristic.ts"
import type { Format, Layout } from "./Layout.ts"

const characteristics = fc.constantFrom(...Object.keys(CHARACTERISTICS).flatMap((uuid) => characteristicOf(uuid) ?? []))

const BITS: Record<Exclude<Format, "u8or16">, number> = {
  u8: 8,
  u12: 12,
  u16: 16,
  u24: 24,
  u32: 32,
  s16: 16,
  "u16[]": 16,
  dateTime: 56,
}

const layoutOf = (characteristic: Characteristic): Layout => CHARACTERISTICS[characteristic]

const bitOf = (when: string): number => Number(when.split(" ")[1])

const isThere = (when: string, flags: number): boolean =>
  when === "always" || ((flags >> bitOf(when)) & 1) === (when.startsWith("if") ? 1 : 0)

/** The bits that a table gives a meaning. */
const knownBits = (layout: Layout): number => {
  const bits = [
    ...layout.marks.map(([bit]) => bit),
    ...layout.fields.flatMap(([when]) => (when === "always" ? [] : [bitOf(when)])),
    ...(layout.fields.some(([, , format]) => format === "u8or16") ? [0] : []),
  ]
  return bits.reduce((mask, bit) => mask | (1 << bit), 0)
}

/** A packet with these flags whose fields are taken from `payload`, in bounds where the table sets some. */
const packet = (characteristic: Characteristic, flags: number, payload: (index: number) => number): Uint8Array => {
  const layout = layoutOf(characteristic)
  const bits = layout.fields
    .filter(([when]) => isThere(when, flags))
    .reduce((sum, [, , format]) => sum + (format === "u8or16" ? 8 + 8 * (flags & 1) : BITS[format]), 0)
  const bytes = Array.from({ length: bits / 8 }, (_, index) => payload(index))
  // A heart rate of two bytes is told in two bytes because one would not do.
  if (characteristic === "2A37" && flags & 1) bytes[1] = Math.max(1, bytes[1] ?? 0)
  if (characteristic === "2A19") bytes[0] = (bytes[0] ?? 0) % 101
  return Uint8Array.from([...Array.from({ length: layout.flagBytes }, (_, n) => (flags >> (8 * n)) & 0xff), ...bytes])
}

const reencode = (characteristic: Characteristic, bytes: Uint8Array): Uint8Array => {
  const measurement = parse(characteristic, bytes)
  if (measurement._tag === "GattError") throw new Error(measurement.message)
  return encode(characteristic, measurement)
}

const packets = fc
  .record({
    characteristic: characteristics,
    flags: fc.nat(0xff_ffff),
    payload: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  })
  .map(({ characteristic, flags, payload }) => ({
    characteristic,
    bytes: packet(characteristic, flags & knownBits(layoutOf(characteristic)), (index) => payload[index] ?? 0),
  }))

describe("every characteristic", () => {
  test.each(Object.keys(CHARACTERISTICS))(
    "%s: what is read is written back byte for byte, for every flag combination",
    (uuid) => {
      const characteristic = characteristicOf(uuid)!
      const known = knownBits(layoutOf(characteristic))
      let combinations = 0
      for (let flags = 0; flags <= known; flags++) {
        if ((flags & ~known) !== 0) continue
        const bytes = packet(characteristic, flags, (index) => (flags * 31 + index * 97 + 13) % 256)
        const back = reencode(characteristic, bytes)
        if (!Buffer.from(bytes).equals(back)) expect({ flags, back }).toEqual({ flags, back: bytes })
        combinations++
      }
      expect(combinations).toBe(2 ** known.toString(2).replaceAll("0", "").length)
    },
  )

  test("any values of the fields come back byte for byte", () => {
    fc.assert(
      fc.property(packets, ({ characteristic, bytes }) => {
        expect(reencode(characteristic, bytes)).toEqual(bytes)
      }),
      { numRuns: 2_000 },
    )
  })

  test("[bridge 36] every prefix of a valid packet is a typed error", () => {
    fc.assert(
      fc.property(packets, ({ characteristic, bytes }) => {
        for (let length = 0; length < bytes.length; length++) {
          expect(parse(characteristic, bytes.subarray(0, length))).toMatchObject({
            _tag: "GattError",
            characteristic,
            reason: "cut-short",
          })
        }
      }),
      { numRuns: 500 },
    )
  })

  test("[bridge 36] a heart rate cut between two intervals is one of fewer intervals; cut inside one, an error", () => {
    const whole = Uint8Array.of(0x10, 60, 0x00, 0x04, 0x00, 0x03)
    expect(parse("2A37", whole)).toMatchObject({ rrIntervalsSeconds: [1, 0.75] })
    expect(parse("2A37", whole.subarray(0, 5))).toMatchObject({ _tag: "GattError", field: "rrIntervalsSeconds" })
    expect(parse("2A37", whole.subarray(0, 4))).toMatchObject({ rrIntervalsSeconds: [1] })
    expect(parse("2A37", whole.subarray(0, 2))).toMatchObject({ _tag: "GattError", field: "rrIntervalsSeconds" })
  })

  test("[bridge 36] random bytes are a measurement or a typed error, never a crash", () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(characteristics, fc.uint8Array({ maxLength: 64 }), (characteristic, bytes) => {
        const result = parse(characteristic, bytes)
        const tags = ["GattError", layoutOf(characteristic).tag]
        expect(tags).toContain(result._tag)
        seen.add(result._tag)
      }),
      { numRuns: 5_000 },
    )
    expect(seen.size).toBeGreaterThan(8)
  })

  test("[bridge 37] reserved flag bits, and bytes behind the known fields, leave the known fields as they are", () => {
    fc.assert(
      fc.property(
        packets,
        fc.nat(0xff_ffff),
        fc.uint8Array({ maxLength: 8 }),
        ({ characteristic, bytes }, noise, rest) => {
          const { flagBytes } = layoutOf(characteristic)
          // Behind the intervals of a heart rate there is nothing but more intervals.
          fc.pre(characteristic !== "2A37" || rest.length === 0)
          const noisy = Uint8Array.from([...bytes, ...rest])
          const reserved = noise & ~knownBits(layoutOf(characteristic))
          for (let n = 0; n < flagBytes; n++) noisy[n] = noisy[n]! | ((reserved >> (8 * n)) & 0xff)
          expect(parse(characteristic, noisy)).toEqual(parse(characteristic, bytes))
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

describe("a UUID", () => {
  test.each([0x2a37, "2a37", "2A37", "0x2A37", "00002a37-0000-1000-8000-00805f9b34fb"])(
    "%s is the heart rate",
    (uuid) => {
      expect(characteristicOf(uuid)).toBe("2A37")
    },
  )

  test.each([0x2a38, "", "toString", "2a37-0000", "12342a37-0000-1000-8000-00805f9b34fb"])(
    "%s is none of ours",
    (uuid) => {
      expect(characteristicOf(uuid)).toBeUndefined()
    },
  )
})
