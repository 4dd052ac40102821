/**
 * One athlete's training in a class as one source recorded it, from the first sample to the end. What several sources
 * recorded at once becomes one activity in `Merge.ts`.
 *
 * A session is sums over its samples, so that it can be added to for hours and read at once. Zones are measured
 * against the greatest heart rate the athlete had set when it began: changing that later changes the next session,
 * not the points already earned. Once ended, its figures are final.
 *
 * Where a source was silent for long by its own times, one training was over and another began: so what a bridge delivers
 * days late comes to the same sessions as what was heard live, and a clock that was not set yet stretches none.
 */
import {
  type AthleteId,
  type ClassId,
  type DeviceId,
  type SensorName,
  type SessionId,
  type TelemetryRecorded,
  type Workout,
  WorkoutCompleted,
} from "@paceline/core/contract"
import { EffortPoints, SourceRank } from "@paceline/core/kernel"
import { Schema } from "effect"

/** What training knows of an athlete, from `ProfileChanged`. */
export interface Athlete {
  readonly athleteId: AthleteId
  readonly alias: string
  readonly heartRateVisible: boolean
  readonly maxHeartRateBpm: number
}

/** What records a session: a sensor of a device. */
export interface Source {
  readonly deviceId: DeviceId
  readonly sensor: SensorName
  /** What kind it is: as somebody said, else as its name says. */
  readonly kind: SourceRank.Source
}

export const sourceOf = ({ deviceId, sensor, source }: TelemetryRecorded): Source => ({
  deviceId,
  sensor,
  kind: source ?? SourceRank.fromName(sensor),
})

/** Times and heart rates (beats a minute), of the same length. */
export type HeartRates = Pick<TelemetryRecorded, "heartRateAtMs" | "heartRateBpm">

/** Means of ten seconds, metres a second; of the same length. */
export type Speeds = NonNullable<TelemetryRecorded["speed"]>

export const noSpeeds: Speeds = { atMs: [], metresPerSecond: [] }

export const joinedSpeeds = (before: Speeds, after: Speeds | undefined): Speeds =>
  after === undefined
    ? before
    : {
        atMs: [...before.atMs, ...after.atMs],
        metresPerSecond: [...before.metresPerSecond, ...after.metresPerSecond],
      }

/** What is done on machines that are named after it. */
const SPORTS: Readonly<Record<string, string>> = { treadmill: "running", bike: "cycling", rower: "rowing" }

/** The sport that a source says: that of a machine, by the first word of its name. Null where it may be any. */
export const sportOf = (source: Source | null): string | null => {
  if (source?.kind !== "machine") return null
  const word = /^[a-z]+/i.exec(source.sensor)?.[0].toLowerCase() ?? ""
  return (Object.hasOwn(SPORTS, word) ? SPORTS[word] : undefined) ?? null
}

export const noHeartRates: HeartRates = { heartRateAtMs: [], heartRateBpm: [] }

export const joined = (before: HeartRates, after: HeartRates): HeartRates => ({
  heartRateAtMs: [...before.heartRateAtMs, ...after.heartRateAtMs],
  heartRateBpm: [...before.heartRateBpm, ...after.heartRateBpm],
})

export interface TrainingSession {
  readonly sessionId: SessionId
  readonly athleteId: AthleteId
  readonly classId: ClassId
  /** Null for what was recorded before sources were kept. */
  readonly source: Source | null
  /** Counts the writes; 0 before the first. */
  readonly version: number
  readonly startedAtMs: number
  /** Null while it is open. */
  readonly endedAtMs: number | null
  readonly maxHeartRateBpm: number
  readonly effort: EffortPoints.Effort
  readonly heartRateSamples: number
  readonly heartRateSumBpm: number
  readonly highestHeartRateBpm: number
}

/** Telemetry of an athlete whose profile has not arrived here yet. It will: handle the telemetry again. */
export class AthleteNotYetKnown extends Schema.TaggedError<AthleteNotYetKnown>("paceline/AthleteNotYetKnown")(
  "AthleteNotYetKnown",
  { athleteId: Schema.String },
) {
  override get message(): string {
    return `The profile of athlete "${this.athleteId}" has not arrived yet.`
  }
}

export const begin = (
  sessionId: SessionId,
  athlete: Athlete,
  classId: ClassId,
  startedAtMs: number,
  source: Source | null = null,
): TrainingSession => ({
  sessionId,
  athleteId: athlete.athleteId,
  classId,
  source,
  version: 0,
  startedAtMs,
  endedAtMs: null,
  maxHeartRateBpm: athlete.maxHeartRateBpm,
  effort: EffortPoints.empty,
  heartRateSamples: 0,
  heartRateSumBpm: 0,
  highestHeartRateBpm: 0,
})

/** Adds heart rates in the order recorded. One that is older than one already counted changes nothing. */
export const record = (session: TrainingSession, samples: HeartRates): TrainingSession => {
  let { effort, heartRateSamples, heartRateSumBpm, highestHeartRateBpm } = session
  for (const [i, atMs] of samples.heartRateAtMs.entries()) {
    const bpm = samples.heartRateBpm[i]
    if (bpm === undefined) break
    const next = EffortPoints.add(effort, atMs, bpm, session.maxHeartRateBpm)
    if (next === effort) continue
    effort = next
    heartRateSamples++
    heartRateSumBpm += bpm
    highestHeartRateBpm = Math.max(highestHeartRateBpm, bpm)
  }
  return { ...session, effort, heartRateSamples, heartRateSumBpm, highestHeartRateBpm }
}

/** The samples that `record` counts: each newer than all before it. */
export const counted = (session: TrainingSession, samples: HeartRates): HeartRates => {
  let newest = session.effort.last?.atMs ?? Number.NEGATIVE_INFINITY
  const heartRateAtMs: Array<number> = []
  const heartRateBpm: Array<number> = []
  for (const [i, atMs] of samples.heartRateAtMs.entries()) {
    const bpm = samples.heartRateBpm[i]
    if (bpm === undefined) break
    if (atMs <= newest) continue
    newest = atMs
    heartRateAtMs.push(atMs)
    heartRateBpm.push(bpm)
  }
  return { heartRateAtMs, heartRateBpm }
}

/** Cuts what was recorded where the source was silent for longer: each part but the first begins a session of its own. */
export const parts = (
  session: TrainingSession | null,
  samples: HeartRates,
  silentMillis: number,
): ReadonlyArray<HeartRates> => {
  const cuts = [0]
  let newest = session === null ? null : lastSampleAtMs(session)
  for (const [i, atMs] of samples.heartRateAtMs.entries()) {
    if (newest !== null && atMs - newest > silentMillis) cuts.push(i)
    newest = Math.max(newest ?? atMs, atMs)
  }
  return cuts.map((from, i) => ({
    heartRateAtMs: samples.heartRateAtMs.slice(from, cuts[i + 1]),
    heartRateBpm: samples.heartRateBpm.slice(from, cuts[i + 1]),
  }))
}

/** Ends the session. A clock may say that it ended before its last sample; then it ends with that. */
export const complete = (session: TrainingSession, endedAtMs: number): TrainingSession => ({
  ...session,
  endedAtMs: Math.max(endedAtMs, lastSampleAtMs(session)),
})

/**
 * What a source's word that it is over makes of its session. When it comes long after the last sample, the session ended
 * with that one; when it is of long before the session, it means another one, of a file perhaps, and changes nothing: null.
 */
export const endedBySource = (
  session: TrainingSession,
  endedAtMs: number,
  silentMillis: number,
): TrainingSession | null => {
  if (session.startedAtMs - endedAtMs > silentMillis) return null
  const last = lastSampleAtMs(session)
  return complete(session, endedAtMs - last > silentMillis ? last : endedAtMs)
}

/** The time of the last sample counted. */
export const lastSampleAtMs = (session: TrainingSession): number => session.effort.last?.atMs ?? session.startedAtMs

export const points = (session: TrainingSession): number => EffortPoints.points(session.effort.zoneMillis)

/** Beats a minute, to a tenth. */
export const mean = (session: Pick<TrainingSession, "heartRateSamples" | "heartRateSumBpm">): number =>
  session.heartRateSamples === 0 ? 0 : Math.round((session.heartRateSumBpm / session.heartRateSamples) * 10) / 10

const figures = (session: TrainingSession) => ({
  sessionId: session.sessionId,
  athleteId: session.athleteId,
  classId: session.classId,
  startedAtMs: session.startedAtMs,
  endedAtMs: session.endedAtMs ?? lastSampleAtMs(session),
  zoneMillis: session.effort.zoneMillis,
  heartRateSamples: session.heartRateSamples,
  meanHeartRateBpm: mean(session),
  highestHeartRateBpm: session.highestHeartRateBpm,
})

/** What others hear of a session that ended. */
export const completed = (session: TrainingSession): WorkoutCompleted => new WorkoutCompleted(figures(session))

/** A completed session as its athlete sees it. */
export const workout = (session: TrainingSession): Workout => ({
  ...figures(session),
  effortPoints: points(session),
  ...(session.source !== null && { recordedBy: recordedBy(session.source) }),
})

const recordedBy = ({ deviceId, kind, sensor }: Source): Workout["recordedBy"] => ({ deviceId, sensor, source: kind })
