/** What gamification keeps of an athlete: awards, those that a merge stands for too, their place in classes, their alias. */
import * as SqlClient from "@effect/sql/SqlClient"
import { afterCommit, UnitOfWork } from "@paceline/core/consistency"
import { type ClassId, leaderboardChannel, orUnavailable, type PersonalDataSection } from "@paceline/core/contract"
import { LiveChannels } from "@paceline/core/messaging"
import { Effect, Stream } from "effect"
import { explained } from "./Model.ts"
import { PointsRepository } from "./Repository.ts"

export const section = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const work = yield* UnitOfWork
  const live = yield* LiveChannels
  const points = yield* PointsRepository
  const gamification: PersonalDataSection = {
    name: "gamification",
    export: (athleteId) =>
      Stream.concat(
        Stream.fromIterableEffect(orUnavailable(points.allAwards(athleteId))).pipe(
          Stream.map(({ award, mergedInto }) => ({ type: "points", ...explained(award), mergedInto })),
        ),
        Stream.fromIterableEffect(orUnavailable(points.standingsOfAthlete(athleteId))).pipe(
          Stream.map((standing) => ({ type: "standing", ...standing })),
        ),
      ),
    close: () => Effect.void,
    forget: (athleteId) =>
      Effect.gen(function* () {
        const classes = yield* sql<{ readonly classId: ClassId }>`
          DELETE FROM standing WHERE athlete_id = ${athleteId} RETURNING class_id AS "classId"`
        yield* sql`DELETE FROM award WHERE athlete_id = ${athleteId}`
        yield* sql`DELETE FROM gamification_athlete WHERE athlete_id = ${athleteId}`
        yield* afterCommit(() => {
          for (const { classId } of classes) live.remove(leaderboardChannel(classId), athleteId)
        })
        return null
      }).pipe((unit) => work.run(unit), orUnavailable),
  }
  return gamification
}).pipe(Effect.provide(PointsRepository.Default))
