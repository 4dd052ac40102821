/**
 * Reads a FIT activity: heart rate, RR intervals, position, speed, power, cadence, altitude and distance.
 *
 * The bytes are checked before they are read (`FitIntegrity`), so a damaged file gives a `FitFileError` that
 * says what is wrong and what to do, and never half an activity. All sessions of a multisport file, and all
 * files chained in one, become one recording in order of time. Values are brought to the resolution of their
 * kind, which undoes the rounding of the SDK's own arithmetic.
 *
 * Synchronous, pure, and busy: a four-hour ride takes some hundred milliseconds. Call it where that blocks nobody.
 * `@garmin/fitsdk` is used under its own licence, the FIT Protocol License.
 *
 * @example
 * const activity = readFitActivity(await readFile("ride.fit"))
 * if ("_tag" in activity) console.error(activity.message)
 */
import { Decoder, Stream as FitStream, type HrvMesg, Profile, type RecordMesg } from "@garmin/fitsdk"
import { SensorKind } from "@paceline/core/wire"
import { type BeatGroup, beatTimes } from "./BeatTimes.ts"
import { checkIntegrity, type FitFileError, fitFileError } from "./FitIntegrity.ts"
import { fromStreams, type Recording, type Stream } from "./Recording.ts"

export interface FitActivity extends Recording {
  /** FIT files chained in the bytes; nearly always 1. */
  readonly parts: number
  /** Sessions: more than 1 in a multisport activity. */
  readonly sessions: number
  /** Records (rows of measurements) in the file. */
  readonly records: number
  /** Records left out because they carry no time. */
  readonly recordsWithoutTime: number
  /** Beats with an interval of their own. */
  readonly beats: number
  /** What could not be read of a file that is otherwise sound, for a person. Mostly empty. */
  readonly warnings: ReadonlyArray<string>
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

/** Seconds between 1970-01-01 and 1989-12-31, where FIT begins to count. */
const FIT_EPOCH_SECONDS = 631_065_600

const RECORD = 20
const HRV = 78

interface Messages {
  readonly records: ReadonlyArray<RecordMesg>
  readonly hrvs: ReadonlyArray<HrvMesg>
  /** For each hrv message, how many records stood before it in the file. */
  readonly recordsBefore: ReadonlyArray<number>
  readonly sessions: number
  readonly fileType: unknown
  readonly warnings: ReadonlyArray<string>
}

const decodeMessages = (bytes: Uint8Array): Messages => {
  const whole = decode(bytes, true)
  if (whole.errors.length === 0) return { ...whole, warnings: [] }
  // The file is sound, so the trouble may lie in the extra heart rates (hr messages) alone: read on without them.
  const without = decode(bytes, false)
  const [error] = without.errors
  if (error !== undefined) throw error
  return {
    ...without,
    warnings: [`Heart rates stored apart from the records were left out: ${String(whole.errors[0])}`],
  }
}

const decode = (bytes: Uint8Array, mergeHeartRates: boolean) => {
  const recordsBefore: Array<number> = []
  let seen = 0
  const { messages, errors } = new Decoder(FitStream.fromByteArray(bytes)).read({
    mergeHeartRates,
    convertDateTimesToDates: false,
    convertTypesToStrings: false,
    mesgListener: (message) => {
      if (message === RECORD) seen++
      else if (message === HRV) recordsBefore.push(seen)
    },
  })
  return {
    records: messages.recordMesgs ?? [],
    hrvs: messages.hrvMesgs ?? [],
    recordsBefore,
    sessions: messages.sessionMesgs?.length ?? 0,
    fileType: messages.fileIdMesgs?.[0]?.type,
    errors,
  }
}

const activityOf = (messages: Messages, parts: number): FitActivity | FitFileError => {
  const { records, sessions, warnings } = messages
  const times = records.map(timeOf)
  const beats = beatsOf(messages, times)
  const columns = new Columns()
  let recordsWithoutTime = 0
  for (const [i, record] of records.entries()) {
    const atMs = times[i]
    if (atMs === undefined) recordsWithoutTime++
    else addRecord(columns, atMs, record)
  }
  const recording = fromStreams([...columns.streams(), beats])
  if (recording.streams.length === 0) return fitFileError("no-data", noData(messages))
  return {
    ...recording,
    parts,
    sessions,
    records: records.length,
    recordsWithoutTime,
    beats: beats.values.length,
    warnings,
  }
}

const addRecord = (columns: Columns, atMs: number, record: RecordMesg): void => {
  const latitude = numberIn(record.positionLat)
  const longitude = numberIn(record.positionLong)
  if (latitude !== undefined && longitude !== undefined) {
    columns.add("latitude", atMs, latitude * DEGREES_PER_SEMICIRCLE)
    columns.add("longitude", atMs, longitude * DEGREES_PER_SEMICIRCLE)
  }
  const heartRate = numberIn(record.heartRate)
  // Nobody's heart stands still: 0 is how some devices write that the strap has no contact.
  if (heartRate !== 0) columns.add("heartRate", atMs, heartRate)
  columns.add("speed", atMs, numberIn(record.enhancedSpeed) ?? numberIn(record.speed))
  columns.add("power", atMs, numberIn(record.power))
  const cadence = numberIn(record.cadence)
  if (cadence !== undefined) columns.add("cadence", atMs, cadence + (numberIn(record.fractionalCadence) ?? 0))
  columns.add("altitude", atMs, numberIn(record.enhancedAltitude) ?? numberIn(record.altitude))
  columns.add("distance", atMs, numberIn(record.distance))
}

/** A semicircle is 180 / 2^31 degrees, which a float64 holds exactly. */
const DEGREES_PER_SEMICIRCLE = 180 / 2 ** 31

const beatsOf = (messages: Messages, times: ReadonlyArray<number | undefined>): Stream => {
  const groups: Array<BeatGroup> = []
  for (const [i, hrv] of messages.hrvs.entries()) {
    const recordAtMs = nearestTime(times, (messages.recordsBefore[i] ?? 0) - 1)
    const listed: ReadonlyArray<unknown> = Array.isArray(hrv.time) ? hrv.time : []
    const intervalsMs = listed.flatMap((time) => {
      const seconds = numberIn(time)
      return seconds !== undefined && seconds > 0 ? [Math.round(seconds * 1000)] : []
    })
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

const timeOf = (record: RecordMesg): number | undefined => {
  const seconds = numberIn(record.timestamp)
  return seconds === undefined ? undefined : (seconds + FIT_EPOCH_SECONDS) * 1000
}

/** What a file says of a field may differ from what the profile says (an array for a number): only numbers pass. */
const numberIn = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

/** Streams that grow record by record. */
class Columns {
  private readonly columns = new Map<SensorKind.SensorKind, { atMillis: Array<number>; values: Array<number> }>()

  add(kind: SensorKind.SensorKind, atMs: number, value: number | undefined): void {
    if (value === undefined) return
    const [numerator, denominator] = SensorKind.SENSOR_KINDS[kind].resolution
    let column = this.columns.get(kind)
    if (column === undefined) {
      column = { atMillis: [], values: [] }
      this.columns.set(kind, column)
    }
    column.atMillis.push(atMs)
    column.values.push((Math.round((value * denominator) / numerator) * numerator) / denominator + 0)
  }

  streams(): Array<Stream> {
    return SensorKind.ALL_KINDS.flatMap((kind) => {
      const column = this.columns.get(kind)
      return column === undefined ? [] : [{ kind, ...column }]
    })
  }
}

const noData = ({ fileType, records }: Messages): string => {
  if (records.length > 0) return `None of the ${records.length} records in the file holds a time and a measurement.`
  const name = typeof fileType === "number" ? Profile.types["file"]?.[fileType] : undefined
  return name === undefined || name === "activity"
    ? "The file is sound, but holds no records. Was the activity ended as soon as it began?"
    : `The file holds no records: it is a "${name}" file. Choose an activity.`
}

const unreadable = (cause: unknown): string =>
  `The file is whole, but cannot be decoded: ${cause instanceof Error ? cause.message : String(cause)}. ` +
  "Export it again with newer software, or report it together with the file."
