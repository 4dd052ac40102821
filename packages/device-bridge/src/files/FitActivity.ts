/**
 * Reads a FIT activity: heart rate, RR intervals, position, speed, power, cadence, altitude, distance, acceleration,
 * steps and temperature; and the steps of a day out of a monitoring file.
 *
 * The bytes are checked before they are read (`FitIntegrity`), so a damaged file gives a `FitFileError` that
 * says what is wrong and what to do, and never half an activity. All sessions of a multisport file, and all
 * files chained in one, become one recording in order of time. Values are brought to the resolution of their
 * kind, which undoes the rounding of the SDK's own arithmetic.
 *
 * Synchronous, pure, and busy: a four-hour ride takes some hundred milliseconds. Call it where that blocks nobody,
 * or take `readActivityFiles`, which reads in a thread of its own.
 * `@garmin/fitsdk` is used under its own licence, the FIT Protocol License.
 *
 * @example
 * const activity = readFitActivity(await readFile("ride.fit"))
 * if ("_tag" in activity) console.error(activity.message)
 */
import { Decoder, type FitMessages, Stream as FitStream, Profile, type RecordMesg } from "@garmin/fitsdk"
import type { Activity, Session, Span } from "./Activity.ts"
import { type BeatGroup, beatTimes } from "./BeatTimes.ts"
import { Columns } from "./Columns.ts"
import { fitTime, numberIn, numbersIn } from "./FitFields.ts"
import { checkIntegrity, type FitFileError, fitFileError } from "./FitIntegrity.ts"
import { type AccelerometerBlock, addAcceleration, addDailySteps, isSteppingSport, stepsOf } from "./FitMotion.ts"
import { fromStreams, type Stream } from "./Recording.ts"

export interface FitActivity extends Activity {
  readonly format: "fit"
  /** FIT files chained in the bytes; nearly always 1. */
  readonly parts: number
  /** Beats with an interval of their own. */
  readonly beats: number
}

/** The activity in `bytes`, or why there is none. Total: never throws. */
export const readFitActivity = (bytes: Uint8Array): FitActivity | FitFileError => {
  const integrity = checkIntegrity(bytes)
  if ("_tag" in integrity) return integrity
  try {
    return activityOf(decodeMessages(bytes), integrity.parts)
  } catch (cause) {
    return fitFileError("unreadable", unreadable(cause))
  }
}

/** Message numbers of the FIT profile. */
const RECORD = 20
const HRV = 78
const ACCELEROMETER_DATA = 165
const THREE_D_SENSOR_CALIBRATION = 167

/** The sensor that a calibration is for. */
const ACCELEROMETER = 0

interface Decoded {
  readonly messages: FitMessages
  readonly records: ReadonlyArray<RecordMesg>
  /** For each hrv message, how many records stood before it in the file. */
  readonly recordsBefore: ReadonlyArray<number>
  readonly accelerometer: ReadonlyArray<AccelerometerBlock>
  readonly errors: ReadonlyArray<unknown>
  readonly warnings: ReadonlyArray<string>
}

const decodeMessages = (bytes: Uint8Array): Decoded => {
  const whole = decode(bytes, true)
  if (whole.errors.length === 0) return whole
  // The file is sound, so the trouble may lie in the extra heart rates (hr messages) alone: read on without them.
  const without = decode(bytes, false)
  const [error] = without.errors
  if (error !== undefined) throw error
  return {
    ...without,
    warnings: [`Heart rates stored apart from the records were left out: ${String(whole.errors[0])}`],
  }
}

const decode = (bytes: Uint8Array, mergeHeartRates: boolean): Decoded => {
  const recordsBefore: Array<number> = []
  const calibrationBefore: Array<number> = []
  let records = 0
  let calibrations = 0
  const { messages, errors } = new Decoder(FitStream.fromByteArray(bytes)).read({
    mergeHeartRates,
    convertDateTimesToDates: false,
    convertTypesToStrings: false,
    mesgListener: (message) => {
      if (message === RECORD) records++
      else if (message === HRV) recordsBefore.push(records)
      else if (message === THREE_D_SENSOR_CALIBRATION) calibrations++
      else if (message === ACCELEROMETER_DATA) calibrationBefore.push(calibrations)
    },
  })
  const ofAccelerometer = (before: number) =>
    messages.threeDSensorCalibrationMesgs
      ?.slice(0, before)
      .findLast(({ sensorType }) => numberIn(sensorType) === ACCELEROMETER) ?? null
  return {
    messages,
    records: messages.recordMesgs ?? [],
    recordsBefore,
    accelerometer: (messages.accelerometerDataMesgs ?? []).map((message, i) => ({
      message,
      calibration: ofAccelerometer(calibrationBefore[i] ?? 0),
    })),
    errors,
    warnings: [],
  }
}

const activityOf = (decoded: Decoded, parts: number): FitActivity | FitFileError => {
  const { messages, records } = decoded
  const legs = legsOf(messages)
  const times = records.map((record) => fitTime(record.timestamp))
  const columns = new Columns()
  let recordsWithoutTime = 0
  for (const [i, record] of records.entries()) {
    const atMs = times[i]
    if (atMs === undefined) recordsWithoutTime++
    else addRecord(columns, atMs, record, legs)
  }
  const warnings = [...decoded.warnings]
  const blocksLeftOut = addAcceleration(columns, decoded.accelerometer)
  if (blocksLeftOut > 0)
    warnings.push(`Blocks of acceleration that cannot be calibrated were left out: ${blocksLeftOut}.`)
  const daily = addDailySteps(columns, messages.monitoringMesgs ?? [])
  const beats = beatsOf(decoded, times)
  const recording = fromStreams([...columns.streams(), beats])
  if (recording.streams.length === 0) return fitFileError("no-data", noData(decoded))
  const { startedAtMs, durationMs } = recording
  const isTraining = legs.length > 0 || daily === 0
  const sessions =
    isTraining && legs.length === 0
      ? [{ sport: null, startedAtMs, endedAtMs: startedAtMs + durationMs }]
      : legs.map(({ session }) => session)
  return {
    ...recording,
    format: "fit",
    sport: sessions[0]?.sport ?? null,
    creator: creatorOf(messages),
    sessions,
    laps: (messages.lapMesgs ?? []).flatMap((lap) => spanOf(lap) ?? []).toSorted(byStart),
    custom: columns.custom(),
    parts,
    records: records.length,
    recordsWithoutTime,
    beats: beats.values.length,
    warnings,
  }
}

const addRecord = (columns: Columns, atMs: number, record: RecordMesg, legs: ReadonlyArray<Leg>): void => {
  const latitude = numberIn(record.positionLat)
  const longitude = numberIn(record.positionLong)
  if (latitude !== undefined && longitude !== undefined) {
    columns.addCount("latitude", atMs, latitude * DEGREES_PER_SEMICIRCLE)
    columns.addCount("longitude", atMs, longitude * DEGREES_PER_SEMICIRCLE)
  }
  const heartRate = numberIn(record.heartRate)
  // Nobody's heart stands still: 0 is how some devices write that the strap has no contact.
  if (heartRate !== 0) columns.addCount("heartRate", atMs, heartRate)
  columns.addCount("speed", atMs, numberIn(record.enhancedSpeed) ?? numberIn(record.speed))
  columns.addCount("power", atMs, numberIn(record.power))
  const cadence = numberIn(record.cadence)
  if (cadence !== undefined) columns.addCount("cadence", atMs, cadence + (numberIn(record.fractionalCadence) ?? 0))
  columns.addCount("altitude", atMs, numberIn(record.enhancedAltitude) ?? numberIn(record.altitude))
  columns.addCount("distance", atMs, numberIn(record.distance))
  const leg = legs.findLast(({ session }) => session.startedAtMs <= atMs) ?? legs[0]
  if (leg !== undefined && isSteppingSport(leg.sport)) columns.addCount("steps", atMs, stepsOf(record))
  columns.addCustom("temperature", "°C", atMs, numberIn(record.temperature))
}

/** A semicircle is 180 / 2^31 degrees, which a float64 holds exactly. */
const DEGREES_PER_SEMICIRCLE = 180 / 2 ** 31

/** A session with FIT's number of its sport. */
interface Leg {
  readonly sport: number | undefined
  readonly session: Session
}

const legsOf = (messages: FitMessages): ReadonlyArray<Leg> =>
  (messages.sessionMesgs ?? [])
    .flatMap((message): ReadonlyArray<Leg> => {
      const span = spanOf(message)
      if (span === null) return []
      const sport = numberIn(message.sport)
      return [{ sport, session: { ...span, sport: nameOf("sport", sport) } }]
    })
    .toSorted((a, b) => byStart(a.session, b.session))

/** A lap's or session's: its timestamp is when it was written, which may be later than its end. */
const spanOf = (message: { startTime?: unknown; timestamp?: unknown; totalElapsedTime?: unknown }): Span | null => {
  const startedAtMs = fitTime(message.startTime)
  if (startedAtMs === undefined) return null
  const seconds = numberIn(message.totalElapsedTime)
  const endedAtMs =
    seconds === undefined ? (fitTime(message.timestamp) ?? startedAtMs) : startedAtMs + Math.round(1000 * seconds)
  return { startedAtMs, endedAtMs }
}

const byStart = (a: Span, b: Span): number => a.startedAtMs - b.startedAtMs

/** The profile's name of a number, such as `running` of the sport 1. */
const nameOf = (type: string, value: number | undefined): string | null =>
  value === undefined ? null : (Profile.types[type]?.[value] ?? null)

const creatorOf = ({ fileIdMesgs }: FitMessages): string | null => {
  const id = fileIdMesgs?.[0]
  const maker = nameOf("manufacturer", numberIn(id?.manufacturer))
  const product =
    typeof id?.productName === "string" ? id.productName : nameOf("garminProduct", numberIn(id?.garminProduct))
  return [maker, product].filter((name) => name !== null && name !== "").join(" ") || null
}

/** What the field can hold, in seconds; a file that says otherwise of its type is wrong. */
const LONGEST_INTERVAL = 65.534

const beatsOf = (decoded: Decoded, times: ReadonlyArray<number | undefined>): Stream => {
  const groups: Array<BeatGroup> = []
  for (const [i, hrv] of (decoded.messages.hrvMesgs ?? []).entries()) {
    const recordAtMs = nearestTime(times, (decoded.recordsBefore[i] ?? 0) - 1)
    const intervalsMs = numbersIn(hrv.time).flatMap((seconds) =>
      seconds > 0 && seconds <= LONGEST_INTERVAL ? [Math.round(seconds * 1000)] : [],
    )
    if (recordAtMs !== undefined && intervalsMs.length > 0) groups.push({ recordAtMs, intervalsMs })
  }
  return {
    kind: "rrInterval",
    atMillis: beatTimes(groups),
    values: groups.flatMap((group) => group.intervalsMs.map((interval) => interval / 1000)),
  }
}

/** The time of the last record with one up to `index`, or else of the first after it. */
const nearestTime = (times: ReadonlyArray<number | undefined>, index: number): number | undefined => {
  for (let i = index; i >= 0; i--) if (times[i] !== undefined) return times[i]
  return times.find((time) => time !== undefined)
}

const noData = ({ messages, records }: Decoded): string => {
  if (records.length > 0) return `None of the ${records.length} records in the file holds a time and a measurement.`
  const name = nameOf("file", numberIn(messages.fileIdMesgs?.[0]?.type))
  return name === null || name === "activity"
    ? "The file is sound, but holds no records. Was the activity ended as soon as it began?"
    : `The file holds no records: it is a "${name}" file. Choose an activity.`
}

const unreadable = (cause: unknown): string =>
  `The file is whole, but cannot be decoded: ${cause instanceof Error ? cause.message : String(cause)}. ` +
  "Export it again with newer software, or report it together with the file."
