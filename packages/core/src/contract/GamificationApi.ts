/** The gamification group of the API: leaderboards, and why there is each point. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import { Schema } from "effect"
import { InvalidRequest, Unavailable } from "./Errors.ts"
import { ZoneMillis } from "./Events.ts"
import { AthleteId, ClassId, SessionId } from "./Ids.ts"
import { Standing } from "./LiveModel.ts"
import { describeSession } from "./Session.ts"

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
    HttpApiEndpoint.get("leaderboard")`/classes/${HttpApiSchema.param("classId", ClassId)}/leaderboard`
      .addSuccess(Schema.Array(Standing))
      .addError(InvalidRequest)
      .annotate(OpenApi.Transform, describeSession)
      .annotate(OpenApi.Summary, "A class's leaderboard, best first"),
  )
  .add(
    HttpApiEndpoint.get("points")`/athletes/${HttpApiSchema.param("athleteId", AthleteId)}/points`
      .addSuccess(Schema.Array(PointsAward))
      .addError(InvalidRequest)
      .annotate(OpenApi.Transform, describeSession)
      .annotate(OpenApi.Summary, "The awards of an athlete, each explained, newest first, at most 500"),
  )
  .addError(Unavailable)
  .annotate(OpenApi.Title, "Gamification")
  .annotate(OpenApi.Description, "Points and leaderboards. Public: they show what the wall shows.") {}
