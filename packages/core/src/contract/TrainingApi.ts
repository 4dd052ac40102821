/** The training group of the API: sessions, completed workouts, and which recordings are one activity. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import { Schema } from "effect"
import { Authentication } from "./Access.ts"
import { Conflict, Forbidden, InvalidRequest, NotFound, Unavailable } from "./Errors.ts"
import { ActivityFigures } from "./Events.ts"
import { Idempotent } from "./Idempotent.ts"
import { AthleteId, ClassId, DeviceId, MergeId, SensorName, SessionId } from "./Ids.ts"
import { Merge } from "./Merges.ts"
import { SensorSource } from "./SeriesApi.ts"
import { describeWrite, SessionWrites } from "./Session.ts"

const athlete = HttpApiSchema.param("athleteId", AthleteId)

export const Workout = Schema.Struct({
  sessionId: SessionId,
  athleteId: AthleteId,
  classId: ClassId,
  ...ActivityFigures,
  effortPoints: Schema.Int,
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
    HttpApiEndpoint.post("complete")`/classes/${HttpApiSchema.param("classId", ClassId)}/athletes/${athlete}/complete`
      .addSuccess(Workout)
      .addError(NotFound)
      .addError(Conflict)
      .middleware(Idempotent)
      .middleware(SessionWrites)
      .annotate(OpenApi.Transform, describeWrite)
      .annotate(OpenApi.Summary, "End an athlete's session (admin, or the athlete)"),
  )
  .add(
    HttpApiEndpoint.get("workouts")`/athletes/${athlete}/workouts`
      .addSuccess(Schema.Array(Workout))
      .annotate(OpenApi.Summary, "Completed workouts, newest first, at most 500 (admin, or the athlete)"),
  )
  .add(
    HttpApiEndpoint.get("merges")`/athletes/${athlete}/merges`
      .addSuccess(Schema.Array(Merge))
      .annotate(OpenApi.Summary, "Activities that several sources recorded, newest first, and which source gave what"),
  )
  .add(
    HttpApiEndpoint.post("merge")`/athletes/${athlete}/merges`
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
    HttpApiEndpoint.del("undoMerge")`/athletes/${athlete}/merges/${HttpApiSchema.param("mergeId", MergeId)}`
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
