import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { fromStreams, type Recording } from "../files/Recording.ts"
import { periodMillis, samplesBetween } from "./Playback.ts"

const recording: Recording = fromStreams([
  { kind: "heartRate", atMillis: [5_000, 6_000, 7_000], values: [90, 91, 92] },
  { kind: "rrInterval", atMillis: [5_650, 6_000], values: [0.65, 0.35] },
])

const anyRecording = fc
  .array(
    fc.record({
      kind: fc.constantFrom("heartRate" as const, "power" as const),
      start: fc.integer({ min: 0, max: 3_000 }),
      steps: fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 12 }),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((streams) =>
    fromStreams(
      streams.map(({ kind, start, steps }) => {
        let atMs = start
        const atMillis = steps.map((step) => (atMs += step))
        return { kind, atMillis, values: atMillis.map((_, i) => i) }
      }),
    ),
  )

describe("a playback", () => {
  test("gives what is due after one moment, up to and with another, in order of time", () => {
    expect(samplesBetween(recording, 0, 1_000)).toEqual([
      { kind: "rrInterval", offsetMs: 650, value: 0.65 },
      { kind: "heartRate", offsetMs: 1_000, value: 91 },
      { kind: "rrInterval", offsetMs: 1_000, value: 0.35 },
    ])
  })

  test("begins with the sample at offset 0", () => {
    expect(samplesBetween(recording, -1, 0)).toEqual([{ kind: "heartRate", offsetMs: 0, value: 90 }])
    expect(samplesBetween(recording, -60_000, -1)).toEqual([])
  })

  test("begins again a second after its last sample", () => {
    expect(periodMillis(recording)).toBe(3_000)
    expect(samplesBetween(recording, 1_999, 4_000).map(({ offsetMs, value }) => [offsetMs, value])).toEqual([
      [2_000, 92],
      [3_000, 90],
      [3_650, 0.65],
      [4_000, 91],
      [4_000, 0.35],
    ])
  })

  test("cut into any pieces gives each sample once: a restarted process loses and doubles nothing", () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 12 })
    fc.assert(
      fc.property(anyRecording, cuts, (any, moments) => {
        const ends = [...moments.toSorted((a, b) => a - b), 40_000]
        const pieces = ends.flatMap((end, i) => samplesBetween(any, ends[i - 1] ?? -1, end))
        expect(pieces).toEqual(samplesBetween(any, -1, 40_000))
      }),
    )
  })

  test("repeats itself with its period, for ever", () => {
    fc.assert(
      fc.property(anyRecording, fc.nat(5_000), fc.nat(1_000_000), (any, from, rounds) => {
        const shift = rounds * periodMillis(any)
        const shifted = samplesBetween(any, from + shift, from + shift + 9_000)
        expect(shifted.map((due) => ({ ...due, offsetMs: due.offsetMs - shift }))).toEqual(
          samplesBetween(any, from, from + 9_000),
        )
      }),
    )
  })

  test("gives a whole round exactly what the recording holds", () => {
    fc.assert(
      fc.property(anyRecording, (any) => {
        const due = samplesBetween(any, -1, any.durationMs)
        expect(due).toHaveLength(any.streams.flatMap(({ values }) => values).length)
        expect(due.every(({ offsetMs }, i) => i === 0 || offsetMs >= (due[i - 1]?.offsetMs ?? 0))).toBe(true)
      }),
    )
  })

  test("of nothing has nothing due, and no offset may be endless", () => {
    expect(samplesBetween(fromStreams([]), -1, 1e15)).toEqual([])
    expect(() => samplesBetween(recording, 0, Number.POSITIVE_INFINITY)).toThrow(RangeError)
    expect(() => samplesBetween(recording, Number.NaN, 0)).toThrow(RangeError)
  })
})
