/**
 * What a FIT file says about motion beside its records: accelerometer blocks, and steps.
 *
 * An `accelerometer_data` message holds up to 30 samples of each axis with their offsets from its own time. The axes
 * come calibrated (in g, or in 1/1000 g), or as raw readings that the `three_d_sensor_calibration` before them turns
 * into g: orientation × (raw − level shift − offset) × factor ÷ divisor. Raw readings without a calibration mean
 * nothing and are left out, with a warning.
 *
 * Steps are counted from the start of the activity (`record.total_cycles`; a cycle is two steps), or of the day
 * (`monitoring.cycles`, counted apart for walking and running, added here). Source: the FIT SDK's profile, and "FIT
 * File Types: Monitoring" (developer.garmin.com/fit).
 */
import type { AccelerometerDataMesg, MonitoringMesg, RecordMesg, ThreeDSensorCalibrationMesg } from "@garmin/fitsdk"
import type { Columns } from "./Columns.ts"
import { FIT_EPOCH_SECONDS, fitTime, numberIn, numbersIn } from "./FitFields.ts"

/** A message that a calibration came before, or none did. */
export interface AccelerometerBlock {
  readonly message: AccelerometerDataMesg
  readonly calibration: ThreeDSensorCalibrationMesg | null
}

const AXES = ["accelerationX", "accelerationY", "accelerationZ"] as const

/** Adds all samples of the blocks; returns how many blocks were left out. */
export const addAcceleration = (columns: Columns, blocks: ReadonlyArray<AccelerometerBlock>): number => {
  let leftOut = 0
  for (const { message, calibration } of blocks) {
    const startMs = fitTime(message.timestamp)
    const offsets = numbersIn(message.sampleTimeOffset)
    const axes = accelerationOf(message, calibration)
    if (startMs === undefined || offsets.length === 0 || axes === null) {
      leftOut++
      continue
    }
    const fromMs = startMs + (numberIn(message.timestampMs) ?? 0)
    for (const [i, kind] of AXES.entries()) {
      for (const [at, offset] of offsets.entries()) columns.add(kind, fromMs + offset, axes[i]?.[at])
    }
  }
  return leftOut
}

type Axes = readonly [x: ReadonlyArray<number>, y: ReadonlyArray<number>, z: ReadonlyArray<number>]

/** In g; null when the message holds no readings that can be brought to it. */
const accelerationOf = (
  message: AccelerometerDataMesg,
  calibration: ThreeDSensorCalibrationMesg | null,
): Axes | null => {
  const { calibratedAccelX, calibratedAccelY, calibratedAccelZ } = message
  const calibrated = allOf([calibratedAccelX, calibratedAccelY, calibratedAccelZ])
  if (calibrated !== null) return calibrated
  const { compressedCalibratedAccelX, compressedCalibratedAccelY, compressedCalibratedAccelZ } = message
  const compressed = allOf([compressedCalibratedAccelX, compressedCalibratedAccelY, compressedCalibratedAccelZ])
  if (compressed !== null) {
    const inG = (axis: ReadonlyArray<number>): ReadonlyArray<number> => axis.map((milli) => milli / 1000)
    return [inG(compressed[0]), inG(compressed[1]), inG(compressed[2])]
  }
  const raw = allOf([message.accelX, message.accelY, message.accelZ])
  return raw === null || calibration === null ? null : calibrate(raw, calibration)
}

const allOf = (fields: readonly [unknown, unknown, unknown]): Axes | null => {
  const axes: Axes = [numbersIn(fields[0]), numbersIn(fields[1]), numbersIn(fields[2])]
  return axes.every((axis) => axis.length > 0) ? axes : null
}

const calibrate = (raw: Axes, calibration: ThreeDSensorCalibrationMesg): Axes | null => {
  const factor = numberIn(calibration.accelCalFactor) ?? numberIn(calibration.calibrationFactor)
  const divisor = numberIn(calibration.calibrationDivisor)
  const shift = numberIn(calibration.levelShift)
  const offsets = numbersIn(calibration.offsetCal)
  const turn = numbersIn(calibration.orientationMatrix)
  if (factor === undefined || divisor === undefined || divisor === 0 || shift === undefined) return null
  if (offsets.length !== 3 || turn.length !== 9) return null
  const axis = (row: number): ReadonlyArray<number> =>
    raw[0].map((_, at) => {
      let sum = 0
      for (let column = 0; column < 3; column++) {
        const reading = raw[column]?.[at] ?? Number.NaN
        sum += (turn[3 * row + column] ?? 0) * (reading - shift - (offsets[column] ?? 0))
      }
      return (sum * factor) / divisor
    })
  return [axis(0), axis(1), axis(2)]
}

/** FIT's numbers of the activities whose cycles are pairs of steps: running, walking, hiking is a sport only. */
const RUNNING = 1
const WALKING = 6

/** The sports whose cycles are pairs of steps: running, walking, hiking. */
const STEPPING_SPORTS: ReadonlySet<number> = new Set([1, 11, 17])

export const isSteppingSport = (sport: unknown): boolean => typeof sport === "number" && STEPPING_SPORTS.has(sport)

/** The steps since the start of the activity, of a record of a sport that has steps. */
export const stepsOf = (record: RecordMesg): number | undefined => {
  const cycles = numberIn(record.totalCycles)
  return cycles === undefined ? undefined : Math.round(2 * cycles)
}

/** Adds the steps of a day's monitoring: walked and run together. Returns how many messages held any. */
export const addDailySteps = (columns: Columns, messages: ReadonlyArray<MonitoringMesg>): number => {
  const counts = new Map<number, number>()
  let lastSeconds: number | undefined
  let held = 0
  for (const message of messages) {
    lastSeconds = secondsOf(message, lastSeconds)
    const activity = numberIn(message.activityType)
    const steps = numberIn(message.steps)
    if (lastSeconds === undefined || steps === undefined || (activity !== RUNNING && activity !== WALKING)) continue
    counts.set(activity, steps)
    held++
    columns.add(
      "steps",
      (lastSeconds + FIT_EPOCH_SECONDS) * 1000,
      Math.round((counts.get(RUNNING) ?? 0) + (counts.get(WALKING) ?? 0)),
    )
  }
  return held
}

/** A monitoring message carries its time whole, or the low 16 bits of it, which go on from the last whole one. */
const secondsOf = (message: MonitoringMesg, last: number | undefined): number | undefined => {
  const whole = numberIn(message.timestamp)
  if (whole !== undefined) return whole
  const low = numberIn(message.timestamp16)
  if (low === undefined || last === undefined) return last
  return last + ((low - last) & 0xffff)
}
