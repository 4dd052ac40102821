/** The HTTP API as data: the server implements it, OpenAPI and the docs page are made from it. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import { flow, Schema } from "effect"
import { Authentication } from "./Access.ts"
import { Conflict, Forbidden, InvalidRequest, NotFound, TooManyRequests, Unavailable } from "./Errors.ts"
import { EpochMillis, ZoneMillis } from "./Events.ts"
import { describeIdempotencyKey, Idempotent } from "./Idempotent.ts"
import { AthleteId, ClassId, DeviceId, MergeId, SensorName, SessionId } from "./Ids.ts"
import { Standing } from "./LiveModel.ts"
import { Merge } from "./Merges.ts"
import { OperationsApi } from "./OperationsApi.ts"
import { PrivacyApi } from "./PrivacyApi.ts"
import { SensorSource, SeriesApi } from "./SeriesApi.ts"
import { describeSession, SessionWrites } from "./Session.ts"

const path = {
  device: HttpApiSchema.param("deviceId", DeviceId),
  sensor: HttpApiSchema.param("sensor", SensorName),
  athlete: HttpApiSchema.param("athleteId", AthleteId),
  class: HttpApiSchema.param("classId", ClassId),
  session: HttpApiSchema.param("sessionId", SessionId),
  merge: HttpApiSchema.param("mergeId", MergeId),
}

/** A change that may be sent again, and that its session reads afterwards. */
const describeWrite = flow(describeIdempotencyKey, describeSession)

// ---------------------------------------------------------------- devices

const DeviceName = Schema.Trim.pipe(
  Schema.minLength(1, { message: () => "A name needs at least one character." }),
  Schema.maxLength(100, { message: () => "A name has at most 100 characters." }),
)

export const DeviceCreated = Schema.Struct({
  deviceId: DeviceId,
  name: Schema.String,
  /** Shown once; only its hash is kept. */
  key: Schema.String,
}).annotations({ identifier: "DeviceCreated" })

export const Pairing = Schema.Struct({
  sensor: SensorName,
  athleteId: AthleteId,
  classId: ClassId,
  /** What kind of source the sensor is; read from its name where nobody said so. */
  source: Schema.optional(SensorSource),
}).annotations({
  identifier: "Pairing",
  description: "Who wears a sensor, and in which class.",
})
export type Pairing = typeof Pairing.Type

export const DeviceStatus = Schema.Struct({
  deviceId: DeviceId,
  name: Schema.String,
  /** Whether the bridge has a connection open now. */
  connected: Schema.Boolean,
  chunks: Schema.Int,
  samples: Schema.Int,
  quarantined: Schema.Int,
  redeliveriesSuppressed: Schema.Int,
  /** Chunks that the bridge no longer had when this server asked for them: data that will not come. */
  missingChunks: Schema.Int,
  lastChunkAtMs: Schema.NullOr(EpochMillis),
  sensors: Schema.Array(Pairing),
}).annotations({ identifier: "DeviceStatus" })
export type DeviceStatus = typeof DeviceStatus.Type

/** A chunk that was set aside because its samples could not be read. */
export const QuarantinedChunk = Schema.Struct({
  incarnation: Schema.String,
  n: Schema.Int,
  reason: Schema.String,
  receivedAtMs: EpochMillis,
  bytes: Schema.Int,
}).annotations({ identifier: "QuarantinedChunk" })

/** Chunks that will not come, and why. */
export const DeviceGap = Schema.Struct({
  incarnation: Schema.String,
  /** The first and the last missing chunk's number. */
  first: Schema.Int,
  last: Schema.Int,
  /** How many samples were in them at most; null when the bridge did not know. */
  samples: Schema.NullOr(Schema.Int),
  /** The bridge's wall clock around what is missing. */
  fromMs: Schema.NullOr(EpochMillis),
  toMs: Schema.NullOr(EpochMillis),
  reason: Schema.String.annotations({
    description:
      "`evicted`: the bridge deleted them to make room. `refused`: it had no room for new samples. `damaged`: its disk " +
      "lost them. `unknown`: it no longer had them when this server asked.",
  }),
  /** When this server heard of it. */
  receivedAtMs: EpochMillis,
}).annotations({ identifier: "DeviceGap" })

export class DevicesApi extends HttpApiGroup.make("devices")
  .add(
    HttpApiEndpoint.post("create", "/devices")
      .setPayload(Schema.Struct({ name: DeviceName }))
      .addSuccess(DeviceCreated, { status: 201 })
      .middleware(Idempotent)
      .annotate(OpenApi.Transform, describeIdempotencyKey)
      .annotate(OpenApi.Summary, "Register a bridge and get its key"),
  )
  .add(
    HttpApiEndpoint.get("list", "/devices")
      .addSuccess(Schema.Array(DeviceStatus))
      .annotate(OpenApi.Summary, "All bridges, with what they delivered"),
  )
  .add(
    HttpApiEndpoint.put("pair")`/devices/${path.device}/sensors/${path.sensor}`
      .setPayload(Pairing.omit("sensor"))
      .addSuccess(Pairing)
      .addError(NotFound)
      .middleware(Idempotent)
      .annotate(OpenApi.Transform, describeIdempotencyKey)
      .annotate(OpenApi.Summary, "Say who wears a sensor, and in which class"),
  )
  .add(
    HttpApiEndpoint.get("quarantine")`/devices/${path.device}/quarantine`
      .addSuccess(Schema.Array(QuarantinedChunk))
      .addError(NotFound)
      .annotate(OpenApi.Summary, "Chunks whose samples could not be read, newest first, at most 100"),
  )
  .add(
    HttpApiEndpoint.get("gaps")`/devices/${path.device}/gaps`
      .addSuccess(Schema.Array(DeviceGap))
      .addError(NotFound)
      .annotate(OpenApi.Summary, "What is missing of a bridge's data and will not come, newest first, at most 1000"),
  )
  .middleware(Authentication)
  .addError(Forbidden)
  .addError(Unavailable)
  .annotate(OpenApi.Title, "Devices")
  .annotate(OpenApi.Description, "Bridges, their keys, and who wears which sensor.") {}

// ---------------------------------------------------------------- people

const Alias = Schema.Trim.pipe(
  Schema.minLength(1, { message: () => "An alias needs at least one character." }),
  Schema.maxLength(24, { message: () => "An alias has at most 24 characters, so that it fits its tile." }),
)

export const Profile = Schema.Struct({
  athleteId: AthleteId,
  alias: Schema.String,
  heartRateVisible: Schema.Boolean,
  maxHeartRateBpm: Schema.Int,
  version: Schema.Int,
}).annotations({
  identifier: "Profile",
  description: "What an athlete lets others see, and what zones are computed from.",
})
export type Profile = typeof Profile.Type

const ProfileFields = {
  alias: Alias,
  heartRateVisible: Schema.Boolean,
  maxHeartRateBpm: Schema.Int.pipe(
    Schema.between(100, 240, { message: () => "The greatest heart rate is between 100 and 240 beats a minute." }),
  ),
}

/** What an athlete chooses of their profile, as it is stored. */
export const ProfileChoices = Schema.Struct({
  alias: Schema.String,
  heartRateVisible: Schema.Boolean,
  maxHeartRateBpm: Schema.Int,
}).annotations({ identifier: "ProfileChoices", description: "What an athlete chooses of their profile." })
export type ProfileChoices = typeof ProfileChoices.Type

/** The names of what an athlete chooses. */
export const ProfileField = Schema.Literal("alias", "heartRateVisible", "maxHeartRateBpm").annotations({
  identifier: "ProfileField",
})
export type ProfileField = typeof ProfileField.Type

/**
 * The athlete changed the same fields on another device meanwhile, to something else. Nothing was written; the athlete
 * chooses. To insist on `mine`, or on some of it, send that from `theirs`: its version, and `theirs` as what was seen.
 */
export class ProfileConflict extends Schema.TaggedError<ProfileConflict>("paceline/ProfileConflict")(
  "Conflict",
  {
    message: Schema.String,
    /** The version that the change was made from. */
    expectedVersion: Schema.Int,
    /** The version that is stored: that of `theirs`. */
    actualVersion: Schema.Int,
    /** The fields to choose for. */
    fields: Schema.Array(ProfileField),
    /** The profile as it would be with the change: what was sent, and theirs where only they changed something. */
    mine: ProfileChoices,
    /** The profile as it is. */
    theirs: Profile,
  },
  HttpApiSchema.annotations({
    status: 409,
    description:
      "The same fields were changed elsewhere meanwhile. Nothing was written: `fields` says which they are, `mine` is the " +
      "profile as it would be with this change, `theirs` the profile as it is. Let the athlete choose, then send that with " +
      "the version of `theirs`, and `theirs` as `seen`.",
  }),
) {}

/** A new athlete, and the key for their phone, which is shown once. */
export const AthleteCreated = Schema.Struct({ profile: Profile, key: Schema.String }).annotations({
  identifier: "AthleteCreated",
})

/** A change, the version it was made from, and what stood there, so that it can be merged field by field. */
export const ProfileChange = Schema.Struct({
  ...ProfileFields,
  version: Schema.Int.annotations({ description: "The version of the profile that the change was made from." }),
  seen: Schema.optional(
    ProfileChoices.annotations({
      identifier: "ProfileSeen",
      description:
        "What that version said. With it a change of other fields, made elsewhere meanwhile, is kept; without it every " +
        "difference is a conflict.",
    }),
  ),
}).annotations({ identifier: "ProfileChange" })
export type ProfileChange = typeof ProfileChange.Type

export class PeopleApi extends HttpApiGroup.make("people")
  .add(
    HttpApiEndpoint.post("create", "/athletes")
      .setPayload(
        Schema.Struct({
          alias: ProfileFields.alias,
          heartRateVisible: Schema.optionalWith(ProfileFields.heartRateVisible, { default: () => true }),
          maxHeartRateBpm: Schema.optionalWith(ProfileFields.maxHeartRateBpm, { default: () => 190 }),
        }),
      )
      .addSuccess(AthleteCreated, { status: 201 })
      .middleware(Idempotent)
      .middleware(SessionWrites)
      .annotate(OpenApi.Transform, describeWrite)
      .annotate(OpenApi.Summary, "Add an athlete and get the key for their phone"),
  )
  .add(
    HttpApiEndpoint.get("list", "/athletes")
      .addSuccess(Schema.Array(Profile))
      .annotate(OpenApi.Summary, "All athletes (admin)"),
  )
  .add(
    HttpApiEndpoint.get("me", "/me")
      .addSuccess(Profile)
      .addError(NotFound)
      .annotate(OpenApi.Summary, "The athlete's own profile"),
  )
  .add(
    HttpApiEndpoint.put("changeMe", "/me")
      .setPayload(ProfileChange)
      .addSuccess(Profile)
      .addError(NotFound)
      .addError(ProfileConflict)
      .middleware(Idempotent)
      .middleware(SessionWrites)
      .annotate(OpenApi.Transform, describeWrite)
      .annotate(OpenApi.Summary, "Choose alias, visibility of the heart rate, and greatest heart rate"),
  )
  .middleware(Authentication)
  .addError(Forbidden)
  .addError(Unavailable)
  .annotate(OpenApi.Title, "People")
  .annotate(OpenApi.Description, "Athletes and what they let others see.") {}

// ---------------------------------------------------------------- training

export const Workout = Schema.Struct({
  sessionId: SessionId,
  athleteId: AthleteId,
  classId: ClassId,
  startedAtMs: EpochMillis,
  endedAtMs: EpochMillis,
  zoneMillis: ZoneMillis,
  effortPoints: Schema.Int,
  heartRateSamples: Schema.Int,
  meanHeartRateBpm: Schema.Number,
  highestHeartRateBpm: Schema.Number,
  /** The sensor that recorded it; absent for what several sources recorded, and from before sources were kept. */
  recordedBy: Schema.optional(Schema.Struct({ deviceId: DeviceId, sensor: SensorName, source: SensorSource })),
  /** For an activity that several sources recorded: its `sessionId` is then that of the merge. */
  mergedFrom: Schema.optional(Schema.Array(SessionId)),
}).annotations({ identifier: "Workout" })
export type Workout = typeof Workout.Type

/** Which recordings are one activity, by their sessions; a merge's own id stands for all that it has. */
export const MergeRequest = Schema.Struct({
  sessions: Schema.Array(SessionId).pipe(
    Schema.minItems(2, { message: () => "Name at least two recordings, by their session ids." }),
    Schema.maxItems(20, { message: () => "An activity has at most 20 recordings." }),
  ),
}).annotations({ identifier: "MergeRequest" })

export class TrainingApi extends HttpApiGroup.make("training")
  .add(
    HttpApiEndpoint.post("complete")`/classes/${path.class}/athletes/${path.athlete}/complete`
      .addSuccess(Workout)
      .addError(NotFound)
      .addError(Conflict)
      .middleware(Idempotent)
      .middleware(SessionWrites)
      .annotate(OpenApi.Transform, describeWrite)
      .annotate(OpenApi.Summary, "End an athlete's session (admin, or the athlete)"),
  )
  .add(
    HttpApiEndpoint.get("workouts")`/athletes/${path.athlete}/workouts`
      .addSuccess(Schema.Array(Workout))
      .annotate(OpenApi.Summary, "Completed workouts, newest first (admin, or the athlete)"),
  )
  .add(
    HttpApiEndpoint.get("merges")`/athletes/${path.athlete}/merges`
      .addSuccess(Schema.Array(Merge))
      .annotate(OpenApi.Summary, "Activities that several sources recorded, newest first, and which source gave what"),
  )
  .add(
    HttpApiEndpoint.post("merge")`/athletes/${path.athlete}/merges`
      .setPayload(MergeRequest)
      .addSuccess(Merge, { status: 201 })
      .addError(NotFound)
      .addError(InvalidRequest)
      .middleware(Idempotent)
      .middleware(SessionWrites)
      .annotate(OpenApi.Transform, describeWrite)
      .annotate(OpenApi.Summary, "Say that recordings are one activity (admin, or the athlete)"),
  )
  .add(
    HttpApiEndpoint.del("undoMerge")`/athletes/${path.athlete}/merges/${path.merge}`
      .addSuccess(Schema.Array(Workout))
      .addError(NotFound)
      .middleware(Idempotent)
      .middleware(SessionWrites)
      .annotate(OpenApi.Transform, describeWrite)
      .annotate(OpenApi.Summary, "Take a merge apart, for good: answers its recordings (admin, or the athlete)"),
  )
  .middleware(Authentication)
  .addError(Forbidden)
  .addError(Unavailable)
  .annotate(OpenApi.Title, "Training")
  .annotate(OpenApi.Description, "Sessions and completed workouts.") {}

// ---------------------------------------------------------------- gamification

/** Why an athlete has a point: one line for each award. */
export const PointsAward = Schema.Struct({
  sessionId: SessionId,
  classId: ClassId,
  points: Schema.Int,
  zoneMillis: ZoneMillis,
  explanation: Schema.String,
  /** The recordings of which this is one activity, where it is that of a merge. */
  mergedFrom: Schema.optional(Schema.Array(SessionId)),
}).annotations({ identifier: "PointsAward" })
export type PointsAward = typeof PointsAward.Type

export class GamificationApi extends HttpApiGroup.make("gamification")
  .add(
    HttpApiEndpoint.get("leaderboard")`/classes/${path.class}/leaderboard`
      .addSuccess(Schema.Array(Standing))
      .addError(InvalidRequest)
      .annotate(OpenApi.Transform, describeSession)
      .annotate(OpenApi.Summary, "A class's leaderboard, best first"),
  )
  .add(
    HttpApiEndpoint.get("points")`/athletes/${path.athlete}/points`
      .addSuccess(Schema.Array(PointsAward))
      .addError(InvalidRequest)
      .annotate(OpenApi.Transform, describeSession)
      .annotate(OpenApi.Summary, "Every award of an athlete, explained"),
  )
  .addError(Unavailable)
  .annotate(OpenApi.Title, "Gamification")
  .annotate(OpenApi.Description, "Points and leaderboards. Public: they show what the wall shows.") {}

// ---------------------------------------------------------------- the whole

export class PacelineApi extends HttpApi.make("paceline")
  .add(DevicesApi)
  .add(PeopleApi)
  .add(TrainingApi)
  .add(GamificationApi)
  .add(SeriesApi)
  .add(OperationsApi)
  .add(PrivacyApi)
  .addError(TooManyRequests)
  .prefix("/v1")
  .annotate(OpenApi.Title, "Paceline")
  .annotate(OpenApi.Version, "1")
  .annotate(OpenApi.Description, "The self-hosted engine for training together.")
  .annotate(OpenApi.License, { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" }) {}
