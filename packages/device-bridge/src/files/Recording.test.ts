import { describe, expect, test } from "vitest"
import { fromStreams, sampleCount, streamOf } from "./Recording.ts"

describe("a recording", () => {
  test("begins with its first sample and ends with its last, in whichever stream they are", () => {
    const recording = fromStreams([
      { kind: "heartRate", atMillis: [2_000, 3_000], values: [90, 91] },
      { kind: "power", atMillis: [1_000, 2_500], values: [100, 110] },
      { kind: "speed", atMillis: [], values: [] },
    ])
    expect(recording).toMatchObject({ startedAtMs: 1_000, durationMs: 2_000 })
    expect(recording.streams.map(({ kind }) => kind)).toEqual(["heartRate", "power"])
    expect(sampleCount(recording)).toBe(4)
    expect(streamOf(recording, "power")?.values).toEqual([100, 110])
    expect(streamOf(recording, "cadence")).toBeUndefined()
  })

  test("of nothing is empty", () => {
    expect(fromStreams([])).toEqual({ startedAtMs: 0, durationMs: 0, streams: [] })
  })

  test("puts times in order and leaves equal ones as they were", () => {
    const [stream] = fromStreams([{ kind: "power", atMillis: [3, 1, 2, 1], values: [30, 10, 20, 11] }]).streams
    expect(stream).toEqual({ kind: "power", atMillis: [1, 1, 2, 3], values: [10, 11, 20, 30] })
  })
})
