/** Awards, standings and aliases in SQL. */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction } from "@paceline/core/consistency"
import { type AthleteId, type ClassId, type MergeId, SessionId, type Standing } from "@paceline/core/contract"
import { Effect, Schema } from "effect"
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
  readonly merged_from: string | null
}

const Sessions = Schema.parseJson(Schema.Array(SessionId))
const encodeSessions = Schema.encodeSync(Sessions)
const decodeSessions = Schema.decodeSync(Sessions)

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
    merged_from: award.mergedFrom.length === 0 ? null : encodeSessions(award.mergedFrom),
  }
}

const awardOf = (row: AwardRow): Award => ({
  sessionId: row.session_id,
  athleteId: row.athlete_id,
  classId: row.class_id,
  points: row.points,
  zoneMillis: [row.zone_0_ms, row.zone_1_ms, row.zone_2_ms, row.zone_3_ms, row.zone_4_ms, row.zone_5_ms],
  endedAtMs: row.ended_at_ms,
  mergedFrom: row.merged_from === null ? [] : decodeSessions(row.merged_from),
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
      insertAward: Effect.fnUntraced(function* (award: Award) {
        yield* Transaction
        const written = yield* sql`
          INSERT INTO award ${sql.insert({ ...rowOf(award) })}
          ON CONFLICT (session_id) DO NOTHING RETURNING session_id`
        return written.length > 0
      }),

      /** The awards of these sessions count through that of the merge from now on. */
      mergeAwards: Effect.fnUntraced(function* (award: Award) {
        yield* Transaction
        yield* sql`
          UPDATE award SET merged_into = ${award.sessionId}
          WHERE ${sql.in("session_id", award.mergedFrom)} AND athlete_id = ${award.athleteId}`
      }),

      /** The award of the merge is gone, and those of its sessions count again. */
      removeMerge: Effect.fnUntraced(function* (mergeId: MergeId, athleteId: AthleteId) {
        yield* Transaction
        yield* sql`DELETE FROM award WHERE session_id = ${mergeId} AND athlete_id = ${athleteId}`
        yield* sql`UPDATE award SET merged_into = NULL WHERE merged_into = ${mergeId} AND athlete_id = ${athleteId}`
      }),

      /** Adds up anew what counts of an athlete's awards, class by class. Answers the classes where nothing is left. */
      addUp: Effect.fnUntraced(function* (athleteId: AthleteId) {
        yield* Transaction
        yield* sql`
          INSERT INTO standing (class_id, athlete_id, points, workouts)
          SELECT class_id, athlete_id, sum(points), count(*) FROM award
          WHERE athlete_id = ${athleteId} AND merged_into IS NULL GROUP BY class_id
          ON CONFLICT (class_id, athlete_id) DO UPDATE
          SET points = excluded.points, workouts = excluded.workouts`
        const gone = yield* sql<{ readonly classId: ClassId }>`
          DELETE FROM standing AS s WHERE athlete_id = ${athleteId} AND NOT EXISTS (
            SELECT 1 FROM award AS a
            WHERE a.athlete_id = ${athleteId} AND a.class_id = s.class_id AND a.merged_into IS NULL)
          RETURNING class_id AS "classId"`
        return gone.map(({ classId }) => classId)
      }),

      saveAlias: Effect.fnUntraced(function* (athleteId: AthleteId, alias: string) {
        yield* Transaction
        yield* sql`
          INSERT INTO gamification_athlete (athlete_id, alias) VALUES (${athleteId}, ${alias})
          ON CONFLICT (athlete_id) DO UPDATE SET alias = excluded.alias`
      }),

      /** Those that count, the newest first. */
      awards: Effect.fnUntraced(function* (athleteId: AthleteId, limit: number) {
        const rows = yield* sql<AwardRow>`
          SELECT * FROM award WHERE athlete_id = ${athleteId} AND merged_into IS NULL
          ORDER BY ended_at_ms DESC, session_id LIMIT ${limit}`
        return rows.map(awardOf)
      }),

      /** Those too that count through a merge, and which one that is. */
      allAwards: Effect.fnUntraced(function* (athleteId: AthleteId) {
        const rows = yield* sql<AwardRow & { readonly merged_into: SessionId | null }>`
          SELECT * FROM award WHERE athlete_id = ${athleteId} ORDER BY ended_at_ms, session_id`
        return rows.map((row) => ({ award: awardOf(row), mergedInto: row.merged_into }))
      }),

      standings: Effect.fnUntraced(function* () {
        return yield* sql<ClassStanding>`${standings}`
      }),

      standingsOfClass: Effect.fnUntraced(function* (classId: ClassId) {
        return yield* sql<ClassStanding>`${standings} WHERE class_id = ${classId}`
      }),

      standingsOfAthlete: Effect.fnUntraced(function* (athleteId: AthleteId) {
        return yield* sql<ClassStanding>`${standings} WHERE athlete_id = ${athleteId}`
      }),
    }
  }),
}) {}
