import { Encoder, type FileIdMesg, type HrMesg, type HrvMesg, type RecordMesg, type SessionMesg } from "@garmin/fitsdk"
import { Bundle, SensorKind } from "@paceline/core/wire"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type FitActivity, readFitActivity } from "./FitActivity.ts"
import { streamOf } from "./Recording.ts"

/** Message numbers of the FIT profile. */
const FILE_ID = 0
const SESSION = 18
const RECORD = 20
const HRV = 78
const HR = 132

const START = new Date("2026-03-01T08:00:00Z")
const at = (seconds: number): Date => new Date(START.getTime() + 1000 * seconds)
const atMs = (seconds: number): number => START.getTime() + 1000 * seconds

type Fields = RecordMesg | SessionMesg | HrvMesg | HrMesg

/** A FIT file of these messages, behind the file id that each begins with. */
const fitFile = (
  messages: ReadonlyArray<readonly [mesgNum: number, fields: Fields]>,
  type: NonNullable<FileIdMesg["type"]> = "activity",
): Uint8Array => {
  const encoder = new Encoder()
  const fileId: FileIdMesg = { type, manufacturer: "development", timeCreated: START }
  encoder.onMesg(FILE_ID, fileId)
  for (const [mesgNum, fields] of messages) encoder.onMesg(mesgNum, fields)
  return encoder.close()
}

const activityIn = (bytes: Uint8Array): FitActivity => {
  const activity = readFitActivity(bytes)
  if ("_tag" in activity) throw new Error(activity.message)
  return activity
}

describe("a FIT activity", () => {
  test("gives each measurement of a record in its unit, at the time of the record", () => {
    const activity = activityIn(
      fitFile([
        [
          RECORD,
          {
            timestamp: at(0),
            heartRate: 92,
            positionLat: 626_349_397,
            positionLong: 160_000_001,
            speed: 4.759,
            power: 219,
            cadence: 84,
            fractionalCadence: 0.5,
            altitude: 37.8,
            distance: 4.76,
          },
        ],
        [RECORD, { timestamp: at(1), heartRate: 93, power: 0, cadence: 0 }],
        [SESSION, { timestamp: at(1), startTime: at(0), sport: "cycling" }],
      ]),
    )
    expect(activity).toMatchObject({
      startedAtMs: atMs(0),
      durationMs: 1_000,
      parts: 1,
      sessions: [{ sport: "cycling", startedAtMs: atMs(0), endedAtMs: atMs(1) }],
      records: 2,
      recordsWithoutTime: 0,
      beats: 0,
      warnings: [],
    })
    expect(activity.streams).toEqual([
      { kind: "heartRate", atMillis: [atMs(0), atMs(1)], values: [92, 93] },
      { kind: "latitude", atMillis: [atMs(0)], values: [(626_349_397 * 180) / 2 ** 31] },
      { kind: "longitude", atMillis: [atMs(0)], values: [(160_000_001 * 180) / 2 ** 31] },
      { kind: "speed", atMillis: [atMs(0)], values: [4.759] },
      { kind: "power", atMillis: [atMs(0), atMs(1)], values: [219, 0] },
      { kind: "cadence", atMillis: [atMs(0), atMs(1)], values: [84.5, 0] },
      { kind: "altitude", atMillis: [atMs(0)], values: [37.8] },
      { kind: "distance", atMillis: [atMs(0)], values: [4.76] },
    ])
  })

  test("gives values that the telemetry codec carries exactly and as counts, whatever the device wrote", () => {
    const records = fc.array(
      fc.record({
        heartRate: fc.integer({ min: 1, max: 254 }),
        speed: fc.integer({ min: 0, max: 65_534 }).map((count) => count / 1000),
        power: fc.integer({ min: 0, max: 65_534 }),
        cadence: fc.integer({ min: 0, max: 254 }),
        altitude: fc.integer({ min: 0, max: 65_534 }).map((count) => count / 5 - 500),
        distance: fc.integer({ min: 0, max: 2 ** 32 - 2 }).map((count) => count / 100),
        positionLat: fc.integer({ min: -(2 ** 30), max: 2 ** 30 }),
        positionLong: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 2 }),
      }),
      { minLength: 1, maxLength: 20 },
    )
    fc.assert(
      fc.property(records, (rows) => {
        const activity = activityIn(fitFile(rows.map((row, i) => [RECORD, { timestamp: at(i), ...row }])))
        expect(activity.streams).toHaveLength(8)
        for (const { kind, atMillis, values } of activity.streams) {
          const block = { sensor: "fit", kind, atMillis, values }
          const bytes = Bundle.encode([block])
          expect(Bundle.decode(bytes)).toStrictEqual([block])
          const [numerator, denominator] = SensorKind.SENSOR_KINDS[kind].resolution
          const counts = values.map((value) => Math.round((value * denominator) / numerator))
          expect(counts.map((count) => (count * numerator) / denominator + 0)).toStrictEqual(values)
        }
      }),
      { numRuns: 50 },
    )
  })

  test("takes a heart rate of 0 for what it is: a strap without contact", () => {
    const activity = activityIn(
      fitFile([
        [RECORD, { timestamp: at(0), heartRate: 0, power: 100 }],
        [RECORD, { timestamp: at(1), heartRate: 101, power: 100 }],
      ]),
    )
    expect(streamOf(activity, "heartRate")).toEqual({ kind: "heartRate", atMillis: [atMs(1)], values: [101] })
  })

  test("needs both halves of a position", () => {
    const activity = activityIn(fitFile([[RECORD, { timestamp: at(0), positionLat: 1_000, power: 100 }]]))
    expect(activity.streams.map((stream) => stream.kind)).toEqual(["power"])
  })

  test("counts records without a time, and leaves them out", () => {
    const activity = activityIn(
      fitFile([
        [RECORD, { heartRate: 99 }],
        [RECORD, { timestamp: at(0), heartRate: 100 }],
      ]),
    )
    expect(activity).toMatchObject({ records: 2, recordsWithoutTime: 1 })
    expect(streamOf(activity, "heartRate")?.values).toEqual([100])
  })

  test("is one recording in order of time, also when the records are not", () => {
    const activity = activityIn(
      fitFile([5, 6, 4, 4, 7].map((second, i) => [RECORD, { timestamp: at(second), heartRate: 100 + i }])),
    )
    expect(activity).toMatchObject({ startedAtMs: atMs(4), durationMs: 3_000 })
    expect(streamOf(activity, "heartRate")).toEqual({
      kind: "heartRate",
      atMillis: [4, 4, 5, 6, 7].map(atMs),
      values: [102, 103, 100, 101, 104],
    })
  })

  test("reads all files chained in one", () => {
    const first = fitFile([[RECORD, { timestamp: at(0), heartRate: 100 }]])
    const second = fitFile([[RECORD, { timestamp: at(60), heartRate: 140 }]])
    const activity = activityIn(new Uint8Array([...first, ...second]))
    expect(activity).toMatchObject({ parts: 2, records: 2, durationMs: 60_000 })
  })

  test("takes the heart rates that a strap stored by itself (hr messages) into the records", () => {
    const activity = activityIn(
      fitFile([
        [RECORD, { timestamp: at(0), distance: 0 }],
        [RECORD, { timestamp: at(1), distance: 1 }],
        [RECORD, { timestamp: at(2), distance: 2 }],
        [HR, { timestamp: at(0), filteredBpm: [120], eventTimestamp: [10] }],
        [HR, { filteredBpm: [124], eventTimestamp: [11] }],
        [HR, { filteredBpm: [128], eventTimestamp: [12.5] }],
      ]),
    )
    expect(streamOf(activity, "heartRate")?.atMillis).toContain(atMs(1))
    expect(activity.warnings).toEqual([])
  })

  test("says so when such heart rates cannot be placed, and keeps the rest", () => {
    const activity = activityIn(
      fitFile([
        [RECORD, { timestamp: at(0), power: 200 }],
        [HR, { filteredBpm: [124], eventTimestamp: [11] }],
      ]),
    )
    expect(streamOf(activity, "power")?.values).toEqual([200])
    expect(activity.warnings).toEqual([expect.stringContaining("Heart rates stored apart")])
  })
})

describe("the beats of a FIT activity", () => {
  test("[bridge 34] follow each other by their intervals, from the record before them", () => {
    const activity = activityIn(
      fitFile([
        [RECORD, { timestamp: at(0), heartRate: 120 }],
        [HRV, { time: [0.467, 0.464] }],
        [RECORD, { timestamp: at(1), heartRate: 120 }],
        [HRV, { time: [0.5] }],
      ]),
    )
    expect(activity.beats).toBe(3)
    expect(streamOf(activity, "rrInterval")).toEqual({
      kind: "rrInterval",
      atMillis: [atMs(0) + 467, atMs(0) + 931, atMs(0) + 1431],
      values: [0.467, 0.464, 0.5],
    })
  })

  test("begin at the first record when they were heard before it", () => {
    const activity = activityIn(
      fitFile([
        [HRV, { time: [0.8] }],
        [RECORD, { timestamp: at(9), heartRate: 75 }],
      ]),
    )
    expect(streamOf(activity, "rrInterval")?.atMillis).toEqual([atMs(9) + 800])
  })
})

describe("a file that is none", () => {
  test.each(["settings", "workout", "course"] as const)("a %s file is told apart from an activity", (type) => {
    const result = readFitActivity(fitFile([], type))
    expect(result).toMatchObject({ _tag: "FitFileError", reason: "no-data" })
    expect(result).toMatchObject({ message: expect.stringContaining(`"${type}" file`) })
  })

  test("an activity that ended as it began", () => {
    expect(readFitActivity(fitFile([]))).toMatchObject({ reason: "no-data", message: expect.stringContaining("sound") })
  })

  test("records that measured nothing", () => {
    expect(readFitActivity(fitFile([[RECORD, { timestamp: at(0), temperature: 20 }]]))).toMatchObject({
      reason: "no-data",
      message: expect.stringContaining("None of the 1 records"),
    })
  })
})
