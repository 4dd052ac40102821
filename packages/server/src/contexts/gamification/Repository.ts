/** Awards, standings and aliases in SQL. */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction } from "@paceline/core/consistency"
import type { AthleteId, ClassId, SessionId, Standing } from "@paceline/core/contract"
import { Effect } from "effect"
import type { Award } from "./Model.ts"

interface AwardRow {
  readonly session_id: SessionId
  readonly athlete_id: AthleteId
  readonly class_id: ClassId
  readonly points: number
  readonly zone_0_ms: number
  readonly zone_1_ms: number
  readonly zone_2_ms: number
  readonly zone_3_ms: number
  readonly zone_4_ms: number
  readonly zone_5_ms: number
  readonly ended_at_ms: number
}

const rowOf = (award: Award): AwardRow => {
  const [zone0, zone1, zone2, zone3, zone4, zone5] = award.zoneMillis
  return {
    session_id: award.sessionId,
    athlete_id: award.athleteId,
    class_id: award.classId,
    points: award.points,
    zone_0_ms: zone0,
    zone_1_ms: zone1,
    zone_2_ms: zone2,
    zone_3_ms: zone3,
    zone_4_ms: zone4,
    zone_5_ms: zone5,
    ended_at_ms: award.endedAtMs,
  }
}

const awardOf = (row: AwardRow): Award => ({
  sessionId: row.session_id,
  athleteId: row.athlete_id,
  classId: row.class_id,
  points: row.points,
  zoneMillis: [row.zone_0_ms, row.zone_1_ms, row.zone_2_ms, row.zone_3_ms, row.zone_4_ms, row.zone_5_ms],
  endedAtMs: row.ended_at_ms,
})

/** A standing and the class it is in. */
export type ClassStanding = Standing & { readonly classId: ClassId }

export class PointsRepository extends Effect.Service<PointsRepository>()("paceline/gamification/PointsRepository", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    // An athlete whose profile has not arrived yet goes by their id until it does.
    const standings = sql.literal(`
      SELECT class_id AS "classId", athlete_id AS "athleteId", coalesce(alias, athlete_id) AS alias, points, workouts
      FROM standing LEFT JOIN gamification_athlete USING (athlete_id)`)
    return {
      /** Keeps the award; false when this session was awarded before. */
      insertAward: Effect.fn("PointsRepository.insertAward")(function* (award: Award) {
        yield* Transaction
        const written = yield* sql`
          INSERT INTO award ${sql.insert({ ...rowOf(award) })}
          ON CONFLICT (session_id) DO NOTHING RETURNING session_id`
        return written.length > 0
      }),

      addToStanding: Effect.fn("PointsRepository.addToStanding")(function* (award: Award) {
        yield* Transaction
        yield* sql`
          INSERT INTO standing (class_id, athlete_id, points, workouts)
          VALUES (${award.classId}, ${award.athleteId}, ${award.points}, 1)
          ON CONFLICT (class_id, athlete_id) DO UPDATE
          SET points = points + excluded.points, workouts = workouts + 1`
      }),

      saveAlias: Effect.fn("PointsRepository.saveAlias")(function* (athleteId: AthleteId, alias: string) {
        yield* Transaction
        yield* sql`
          INSERT INTO gamification_athlete (athlete_id, alias) VALUES (${athleteId}, ${alias})
          ON CONFLICT (athlete_id) DO UPDATE SET alias = excluded.alias`
      }),

      awards: Effect.fn("PointsRepository.awards")(function* (athleteId: AthleteId) {
        const rows = yield* sql<AwardRow>`
          SELECT * FROM award WHERE athlete_id = ${athleteId} ORDER BY ended_at_ms DESC, session_id`
        return rows.map(awardOf)
      }),

      standings: Effect.fn("PointsRepository.standings")(function* () {
        return yield* sql<ClassStanding>`${standings}`
      }),

      standingsOfClass: Effect.fn("PointsRepository.standingsOfClass")(function* (classId: ClassId) {
        return yield* sql<ClassStanding>`${standings} WHERE class_id = ${classId}`
      }),

      standingsOfAthlete: Effect.fn("PointsRepository.standingsOfAthlete")(function* (athleteId: AthleteId) {
        return yield* sql<ClassStanding>`${standings} WHERE athlete_id = ${athleteId}`
      }),
    }
  }),
}) {}
