import { Bundle, crc32, SensorKind } from "@paceline/core/wire"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { SampleRefused } from "./Errors.ts"
import { Pending, type SealedChunk } from "./Pending.ts"

const decode = (chunk: SealedChunk): Bundle.Bundle => {
  const bundle = Bundle.decode(chunk.payload)
  if ("_tag" in bundle) throw new Error(bundle.detail)
  return bundle
}

describe("sealing", () => {
  test("one chunk holds all sensors and kinds, each in the order recorded, with its checksum and count", () => {
    const pending = new Pending(100)
    pending.add("strap-02", "heartRate", 1_000, 90)
    pending.add("strap-01", "heartRate", 1_000, 120)
    pending.add("strap-02", "heartRate", 2_000, 91)
    pending.add("strap-02", "power", 2_000, 200)
    const [chunk, ...more] = pending.chunks()
    expect(more).toEqual([])
    expect(chunk?.sampleCount).toBe(4)
    expect(chunk?.crc).toBe(crc32(chunk?.payload ?? new Uint8Array()))
    expect(decode(chunk!)).toEqual([
      { sensor: "strap-02", kind: "heartRate", atMillis: [1_000, 2_000], values: [90, 91] },
      { sensor: "strap-01", kind: "heartRate", atMillis: [1_000], values: [120] },
      { sensor: "strap-02", kind: "power", atMillis: [2_000], values: [200] },
    ])
  })

  test("chunks that were not cleared come again, before newer ones, and are not encoded anew", () => {
    const pending = new Pending(100)
    pending.add("s", "heartRate", 1, 60)
    const [first] = pending.chunks()
    pending.add("s", "heartRate", 2, 61)
    const [again, second] = pending.chunks()
    expect(again).toBe(first)
    expect(decode(second!)[0]?.values).toEqual([61])
    pending.clear()
    expect(pending.chunks()).toEqual([])
    expect(pending.sampleCount).toBe(0)
  })

  test("a chunk that grows too large is sealed", () => {
    const pending = new Pending(100_000)
    for (let at = 0; at < 40_000; at++) pending.add("s", "power", at, at % 300)
    expect(pending.chunks().map((chunk) => chunk.sampleCount)).toEqual([16_384, 16_384, 7_232])
  })

  test("nor does one of many streams with long names, each with little in it: a frame holds a megabyte", () => {
    const pending = new Pending(100_000)
    const record = (n: number, value: number): void => {
      const name = `n${n}`.padEnd(64, "x")
      pending.addCustom(name, { name, unit: "µ".repeat(16) }, Math.round(Math.sin(n) * 2 ** 50), value)
    }
    for (let n = 0; n < 9_000; n++) record(n, Math.cos(n))
    const chunks = pending.chunks()
    for (const { payload } of chunks) expect(payload.length).toBeLessThan(900_000)
    expect(chunks.length).toBeLessThan(10)
    expect(chunks.flatMap((chunk) => decode(chunk).flatMap(({ values }) => values))).toEqual(
      Array.from({ length: 9_000 }, (_, n) => Math.cos(n)),
    )
    // As many streams as a chunk may have do not make it short.
    pending.clear()
    for (let round = 0; round < 4; round++) for (let n = 0; n < 2_048; n++) record(n, round)
    expect(pending.chunks().map(({ sampleCount }) => sampleCount)).toEqual([4 * 2_048])
  })

  test("no chunk holds what a sensor gave after its end mark in that chunk, whatever the order", () => {
    const sample = fc.record({
      sensor: fc.constantFrom("a", "b"),
      kind: fc.constantFrom("heartRate" as const, "activity" as const),
      value: fc.constantFrom(SensorKind.ACTIVITY_ENDED, SensorKind.ACTIVITY_STARTED),
    })
    fc.assert(
      fc.property(fc.array(sample), (samples) => {
        const pending = new Pending(1_000)
        // The time stands for the order of recording.
        for (const [at, { sensor, kind, value }] of samples.entries()) pending.add(sensor, kind, at, value)
        const chunks = pending.chunks().map(decode)
        for (const bundle of chunks) {
          for (const marks of bundle.filter((block) => block.kind === "activity")) {
            const end = marks.values.indexOf(SensorKind.ACTIVITY_ENDED)
            const endedAt = end < 0 ? Number.POSITIVE_INFINITY : (marks.atMillis[end] ?? 0)
            const ofSensor = bundle.filter((block) => block.sensor === marks.sensor)
            expect(Math.max(...ofSensor.flatMap((block) => block.atMillis))).toBeLessThanOrEqual(endedAt)
          }
        }
        const all = chunks.flatMap((bundle) => bundle.flatMap((block) => block.atMillis))
        expect(all.toSorted((a, b) => a - b)).toEqual(samples.map((_, at) => at))
      }),
      { seed: 20_261_120 },
    )
  })
})

describe("bounds and refusals", () => {
  test("beyond the bound a sample is turned away, and there is room again after clearing", () => {
    const pending = new Pending(2)
    expect(pending.add("s", "heartRate", 1, 60)).toBe(true)
    pending.chunks()
    expect(pending.add("s", "heartRate", 2, 60)).toBe(true)
    expect(pending.add("s", "heartRate", 3, 60)).toBe(false)
    expect(pending.add("s", "activity", 3, SensorKind.ACTIVITY_ENDED)).toBe(true)
    expect(pending.sampleCount).toBe(3)
    pending.chunks()
    pending.clear()
    expect(pending.add("s", "heartRate", 3, 60)).toBe(true)
  })

  test.each([
    ["an empty name", "", "heartRate", 1],
    ["a name of 65 characters", "x".repeat(65), "heartRate", 1],
    ["a name with a line break", "strap\n7", "heartRate", 1],
    ["an unknown kind", "s", "mood", 1],
    ["a kind that every object has", "s", "constructor", 1],
    ["half a millisecond", "s", "heartRate", 0.5],
    ["a time that is no number", "s", "heartRate", Number.NaN],
  ])("%s is refused and leaves nothing", (_, sensor, kind, atMillis) => {
    const pending = new Pending(10)
    // @ts-expect-error callers in plain JavaScript can pass any kind
    expect(() => pending.add(sensor, kind, atMillis, 60)).toThrow(SampleRefused)
    expect(pending.chunks()).toEqual([])
  })

  test("values are kept to the bit, those that are no numbers of a sensor too", () => {
    const values = [Number.NaN, -0, 0, 1e300, Number.NEGATIVE_INFINITY]
    const pending = new Pending(10)
    for (const [at, value] of values.entries()) pending.add("s", "power", at, value)
    expect(decode(pending.chunks()[0]!)[0]?.values).toEqual(values)
  })
})
