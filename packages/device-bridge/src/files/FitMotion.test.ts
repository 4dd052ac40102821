import {
  type AccelerometerDataMesg,
  Encoder,
  type FileIdMesg,
  type LapMesg,
  type MonitoringMesg,
  type RecordMesg,
  type SessionMesg,
  type ThreeDSensorCalibrationMesg,
} from "@garmin/fitsdk"
import { describe, expect, test } from "vitest"
import { type FitActivity, readFitActivity } from "./FitActivity.ts"
import { streamOf } from "./Recording.ts"

/** Message numbers of the FIT profile. */
const FILE_ID = 0
const SESSION = 18
const RECORD = 20
const MONITORING = 55
const ACCELEROMETER_DATA = 165
const CALIBRATION = 167

const START = new Date("2026-03-01T08:00:00Z")
const at = (seconds: number): Date => new Date(START.getTime() + 1000 * seconds)
const atMs = (millis: number): number => START.getTime() + millis

type Fields = AccelerometerDataMesg | LapMesg | MonitoringMesg | RecordMesg | SessionMesg | ThreeDSensorCalibrationMesg

const activityOf = (
  messages: ReadonlyArray<readonly [mesgNum: number, fields: Fields]>,
  type: NonNullable<FileIdMesg["type"]> = "activity",
): FitActivity => {
  const encoder = new Encoder()
  const fileId: FileIdMesg = { type, manufacturer: "garmin", product: 2691, timeCreated: START }
  encoder.onMesg(FILE_ID, fileId)
  for (const [mesgNum, fields] of messages) encoder.onMesg(mesgNum, fields)
  const activity = readFitActivity(encoder.close())
  if ("_tag" in activity) throw new Error(activity.message)
  return activity
}

const axes = (activity: FitActivity) =>
  (["accelerationX", "accelerationY", "accelerationZ"] as const).map((kind) => streamOf(activity, kind))

describe("acceleration", () => {
  test("in 1/1000 g is given in g, each sample at its own offset", () => {
    const block: AccelerometerDataMesg = {
      timestamp: at(0),
      timestampMs: 40,
      sampleTimeOffset: [0, 20, 40],
      compressedCalibratedAccelX: [1000, -12, 3],
      compressedCalibratedAccelY: [0, 1, 2],
      compressedCalibratedAccelZ: [-1000, 998, 1001],
    }
    const atMillis = [atMs(40), atMs(60), atMs(80)]
    expect(axes(activityOf([[ACCELEROMETER_DATA, block]]))).toEqual([
      { kind: "accelerationX", atMillis, values: [1, -0.012, 0.003] },
      { kind: "accelerationY", atMillis, values: [0, 0.001, 0.002] },
      { kind: "accelerationZ", atMillis, values: [-1, 0.998, 1.001] },
    ])
  })

  test("as floats in g is given as it is", () => {
    const block: AccelerometerDataMesg = {
      timestamp: at(0),
      timestampMs: 0,
      sampleTimeOffset: [0, 1],
      calibratedAccelX: [0.5, 0.25],
      calibratedAccelY: [-1, 0],
      calibratedAccelZ: [0.125, 1],
    }
    expect(axes(activityOf([[ACCELEROMETER_DATA, block]])).map((axis) => axis?.values)).toEqual([
      [0.5, 0.25],
      [-1, 0],
      [0.125, 1],
    ])
  })

  const raw: AccelerometerDataMesg = {
    timestamp: at(1),
    timestampMs: 0,
    sampleTimeOffset: [0],
    accelX: [34_768],
    accelY: [32_868],
    accelZ: [32_768],
  }

  test("as raw readings is calibrated: shifted, offset, turned and scaled", () => {
    const calibration: ThreeDSensorCalibrationMesg = {
      timestamp: at(0),
      sensorType: "accelerometer",
      calibrationFactor: 5,
      calibrationDivisor: 10_000,
      levelShift: 32_768,
      offsetCal: [0, 100, -50],
      // X and Y change places.
      orientationMatrix: [0, 1, 0, 1, 0, 0, 0, 0, 1],
    }
    const activity = activityOf([
      [CALIBRATION, calibration],
      [ACCELEROMETER_DATA, raw],
    ])
    expect(axes(activity).map((axis) => axis?.values)).toEqual([[0], [1], [0.025]])
    expect(activity.warnings).toEqual([])
  })

  test("as raw readings without a calibration is left out, and that is said", () => {
    const activity = activityOf([
      [RECORD, { timestamp: at(0), heartRate: 100 }],
      [ACCELEROMETER_DATA, raw],
    ])
    expect(axes(activity)).toEqual([undefined, undefined, undefined])
    expect(activity.warnings).toEqual(["Blocks of acceleration that cannot be calibrated were left out: 1."])
  })
})

describe("steps", () => {
  test("of a run are two a cycle; those of a ride are none", () => {
    const leg = (sport: "running" | "cycling") =>
      activityOf([
        [RECORD, { timestamp: at(0), totalCycles: 0, heartRate: 100 }],
        [RECORD, { timestamp: at(10), totalCycles: 14, heartRate: 110 }],
        [SESSION, { timestamp: at(10), startTime: at(0), totalElapsedTime: 10, sport }],
      ])
    expect(streamOf(leg("running"), "steps")?.values).toEqual([0, 28])
    expect(streamOf(leg("cycling"), "steps")).toBeUndefined()
  })

  test("of a day are those walked and run, at times given whole or in 16 bits; a day is no session", () => {
    const low = (seconds: number): number => (at(seconds).getTime() / 1000 - 631_065_600) & 0xffff
    const activity = activityOf(
      [
        [MONITORING, { timestamp: at(0), activityType: "walking", cycles: 50 }],
        [MONITORING, { timestamp16: low(60), activityType: "running", cycles: 20 }],
        [MONITORING, { timestamp16: low(70_000), activityType: "walking", cycles: 80 }],
        [MONITORING, { timestamp: at(80_000), activityType: "cycling", cycles: 500 }],
      ],
      "monitoringB",
    )
    expect(streamOf(activity, "steps")).toEqual({
      kind: "steps",
      // 70,000 s are more than 16 bits hold: the low bits can only say 4,464 s.
      atMillis: [atMs(0), atMs(60_000), atMs(70_000_000 - 65_536_000)],
      values: [100, 140, 200],
    })
    expect(activity.sessions).toEqual([])
  })
})

describe("the surroundings", () => {
  test("sessions and laps are in order of time, with their sports; the device is named", () => {
    const activity = activityOf([
      [RECORD, { timestamp: at(0), heartRate: 100, temperature: 19 }],
      [RECORD, { timestamp: at(100), heartRate: 120 }],
      [19, { timestamp: at(50), startTime: at(0), totalElapsedTime: 49.5 }],
      [SESSION, { timestamp: at(101), startTime: at(50), totalElapsedTime: 50, sport: "running" }],
      [SESSION, { timestamp: at(101), startTime: at(0), totalElapsedTime: 45, sport: "swimming" }],
    ])
    expect(activity).toMatchObject({
      format: "fit",
      creator: "garmin fr935",
      sport: "swimming",
      sessions: [
        { sport: "swimming", startedAtMs: atMs(0), endedAtMs: atMs(45_000) },
        { sport: "running", startedAtMs: atMs(50_000), endedAtMs: atMs(100_000) },
      ],
      laps: [{ startedAtMs: atMs(0), endedAtMs: atMs(49_500) }],
      custom: [{ name: "temperature", unit: "°C", atMillis: [atMs(0)], values: [19] }],
    })
  })

  test("an activity whose device wrote no session is one", () => {
    const activity = activityOf([[RECORD, { timestamp: at(5), heartRate: 100 }]])
    expect(activity.sessions).toEqual([{ sport: null, startedAtMs: atMs(5_000), endedAtMs: atMs(5_000) }])
  })
})
