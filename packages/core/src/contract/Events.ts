/** What contexts tell each other, through the event log. Past tense; never changed once published, only added to. */
import { Schema } from "effect"
import * as SourceRank from "../kernel/training/SourceRank.ts"
import { AthleteId, ClassId, DeviceId, MergeId, SensorName, SessionId } from "./Ids.ts"

/** Milliseconds since the Unix epoch, a whole number. A label, never an order. */
export const EpochMillis = Schema.Int.annotations({
  identifier: "EpochMillis",
  description: "Milliseconds since the Unix epoch.",
})

/** Milliseconds below zone 1 and in zones 1 to 5. */
export const ZoneMillis = Schema.Tuple(
  Schema.Int,
  Schema.Int,
  Schema.Int,
  Schema.Int,
  Schema.Int,
  Schema.Int,
).annotations({
  identifier: "ZoneMillis",
  description: "Milliseconds below zone 1 and in zones 1 to 5.",
})

/** What an activity comes to, of one recording or of several that are one. */
export const ActivityFigures = {
  startedAtMs: EpochMillis,
  endedAtMs: EpochMillis,
  zoneMillis: ZoneMillis,
  heartRateSamples: Schema.Int,
  /** Beats a minute, as the highest is. */
  meanHeartRateBpm: Schema.Number,
  highestHeartRateBpm: Schema.Number,
}

/** What an athlete lets others see, and what zones are computed from. */
export class ProfileChanged extends Schema.TaggedClass<ProfileChanged>("paceline/ProfileChanged")("ProfileChanged", {
  athleteId: AthleteId,
  alias: Schema.String,
  heartRateVisible: Schema.Boolean,
  maxHeartRateBpm: Schema.Int,
}) {}

/**
 * A chunk of telemetry became durable, and this is what it says of one athlete's heart.
 * The identity is (deviceId, incarnation, n, sensor); one athlete's events come in the order of their chunks.
 */
export class TelemetryRecorded extends Schema.TaggedClass<TelemetryRecorded>("paceline/TelemetryRecorded")(
  "TelemetryRecorded",
  {
    deviceId: DeviceId,
    incarnation: Schema.String,
    n: Schema.Int,
    sensor: SensorName,
    /** What kind of source it is, where somebody said so. */
    source: Schema.optional(Schema.Literal(...SourceRank.SOURCES)),
    athleteId: AthleteId,
    classId: ClassId,
    /** Sample times and heart rates (beats a minute), of the same length, in the order recorded. */
    heartRateAtMs: Schema.Array(EpochMillis),
    heartRateBpm: Schema.Array(Schema.Number),
    /** How fast the athlete was by the same sensor, where it says so: means of ten seconds, metres a second. */
    speed: Schema.optional(
      Schema.Struct({ atMs: Schema.Array(EpochMillis), metresPerSecond: Schema.Array(Schema.Number) }),
    ),
    /** Set when the athlete ended the activity in this chunk, after its samples. */
    endedAtMs: Schema.NullOr(EpochMillis),
  },
) {}

/**
 * Chunks of a device became durable: of one incarnation, from number `first` to `last`, without those between that were
 * set aside or are missing. The chunks themselves stay with the devices; one device's events come in their order.
 */
export class ChunksStored extends Schema.TaggedClass<ChunksStored>("paceline/ChunksStored")("ChunksStored", {
  deviceId: DeviceId,
  incarnation: Schema.String,
  first: Schema.Int,
  last: Schema.Int,
}) {}

/** An athlete's session ended; its figures are final. */
export class WorkoutCompleted extends Schema.TaggedClass<WorkoutCompleted>("paceline/WorkoutCompleted")(
  "WorkoutCompleted",
  {
    sessionId: SessionId,
    athleteId: AthleteId,
    classId: ClassId,
    ...ActivityFigures,
  },
) {}

/**
 * Recordings of an athlete are one activity, and count once: with these figures, in place of those that each had by
 * itself. Each of them was told as `WorkoutCompleted` before.
 */
export class ActivitiesMerged extends Schema.TaggedClass<ActivitiesMerged>("paceline/ActivitiesMerged")(
  "ActivitiesMerged",
  {
    mergeId: MergeId,
    athleteId: AthleteId,
    classId: ClassId,
    ...ActivityFigures,
    sessions: Schema.Array(SessionId),
  },
) {}

/** A merge is no more: each of its recordings counts by itself again, unless another merge that follows has it. */
export class MergeUndone extends Schema.TaggedClass<MergeUndone>("paceline/MergeUndone")("MergeUndone", {
  mergeId: MergeId,
  athleteId: AthleteId,
  sessions: Schema.Array(SessionId),
  /** Whether a person wanted it, or what else arrived shows it otherwise. */
  byHand: Schema.Boolean,
}) {}

/**
 * Everything of an athlete goes: the last that is ever told of them. Whoever keeps something of theirs forgets it; this
 * record too is redacted when all have read it.
 */
export class AthleteErased extends Schema.TaggedClass<AthleteErased>("paceline/AthleteErased")("AthleteErased", {
  athleteId: AthleteId,
}) {}

/** A topic of the event log, as `EventLog.Topic` of core/messaging wants it: its schema, compiled once. */
const topic = <A, I>(name: string, schema: Schema.Schema<A, I>) => ({
  name,
  schema,
  encode: Schema.encodeSync(schema),
  decode: Schema.decodeUnknownEither(schema),
})

/** The topics of the event log, each with its events. Records of one athlete share a key, and so keep their order. */
export const Topics = {
  people: topic("people", Schema.Union(ProfileChanged, AthleteErased)),
  telemetry: topic("telemetry", TelemetryRecorded),
  training: topic("training", Schema.Union(WorkoutCompleted, ActivitiesMerged, MergeUndone)),
  chunks: topic("chunks", ChunksStored),
}
