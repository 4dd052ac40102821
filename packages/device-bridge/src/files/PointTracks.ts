/** What the readers of GPX and TCX share: points with a time, gathered track by track into one activity. */
import { type Activity, type FileUnreadable, fileUnreadable, type Session, type Span } from "./Activity.ts"
import { Columns } from "./Columns.ts"
import { fromStreams } from "./Recording.ts"

/** What was measured at one time, each in the unit of its kind. */
export interface Point {
  readonly atMs: number | undefined
  /** WGS 84 degrees. */
  readonly latitude: number | undefined
  readonly longitude: number | undefined
  readonly altitude: number | undefined
  readonly distance: number | undefined
  readonly speed: number | undefined
  readonly heartRate: number | undefined
  readonly cadence: number | undefined
  readonly power: number | undefined
  /** Of the air, degrees Celsius. */
  readonly temperature: number | undefined
}

export class PointTracks {
  readonly #columns = new Columns()
  readonly #sessions: Array<Session> = []
  readonly #laps: Array<Span> = []
  #points = 0
  #withoutTime = 0

  /** A session of one sport. Where none of its points carries a time, there was none. */
  addTrack(sport: string | null, points: Iterable<Point>): void {
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const point of points) {
      this.#points++
      if (point.atMs === undefined) {
        this.#withoutTime++
        continue
      }
      first = Math.min(first, point.atMs)
      last = Math.max(last, point.atMs)
      this.#add(point.atMs, point)
    }
    if (first <= last) this.#sessions.push({ sport, startedAtMs: first, endedAtMs: last })
  }

  addLap(lap: Span): void {
    this.#laps.push(lap)
  }

  #add(atMs: number, point: Point): void {
    const { latitude, longitude } = point
    if (latitude !== undefined && longitude !== undefined && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180) {
      this.#columns.add("latitude", atMs, latitude)
      this.#columns.add("longitude", atMs, longitude)
    }
    // Nobody's heart stands still: 0 is how some devices write that the strap has no contact.
    if (point.heartRate !== 0) this.#columns.add("heartRate", atMs, point.heartRate)
    this.#columns.add("speed", atMs, point.speed)
    this.#columns.add("power", atMs, point.power)
    this.#columns.add("cadence", atMs, point.cadence)
    this.#columns.add("altitude", atMs, point.altitude)
    this.#columns.add("distance", atMs, point.distance)
    this.#columns.addCustom("temperature", "°C", atMs, point.temperature)
  }

  /** The activity, or why there is none; `nothing` says what a file without any point is. */
  activity(format: Activity["format"], creator: string | null, nothing: string): Activity | FileUnreadable {
    const recording = fromStreams(this.#columns.streams())
    if (recording.streams.length === 0) {
      if (this.#points === 0) return fileUnreadable("no-data", nothing)
      const why = this.#withoutTime === this.#points ? "carries a time" : "holds a measurement with its time"
      return fileUnreadable("no-data", `None of the ${this.#points} points in the file ${why}. ${IS_A_PLAN}`)
    }
    const sessions = this.#sessions.toSorted(byStart)
    return {
      ...recording,
      format,
      sport: sessions[0]?.sport ?? null,
      creator,
      sessions,
      laps: this.#laps.toSorted(byStart),
      custom: this.#columns.custom(),
      records: this.#points,
      recordsWithoutTime: this.#withoutTime,
      warnings:
        this.#withoutTime === 0
          ? []
          : [`Points without a time were left out: ${this.#withoutTime} of ${this.#points}.`],
    }
  }
}

const IS_A_PLAN = "It may be a planned route; choose the recording of an activity."

const byStart = (a: Span, b: Span): number => a.startedAtMs - b.startedAtMs
