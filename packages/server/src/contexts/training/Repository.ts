/** Sessions, and training's own copy of the profiles, in SQL. */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction, VersionConflict } from "@paceline/core/consistency"
import type { AthleteId, ClassId, DeviceId, SensorName, SessionId } from "@paceline/core/contract"
import { type HeartRateZone, SourceRank } from "@paceline/core/kernel"
import { Effect } from "effect"
import type { Athlete, Source, TrainingSession } from "./Model.ts"

export interface SessionRow {
  readonly session_id: SessionId
  readonly athlete_id: AthleteId
  readonly class_id: ClassId
  readonly device_id: DeviceId | null
  readonly sensor: SensorName | null
  readonly source: SourceRank.Source | null
  readonly version: number
  readonly started_at_ms: number
  readonly ended_at_ms: number | null
  readonly max_heart_rate_bpm: number
  readonly zone_0_ms: number
  readonly zone_1_ms: number
  readonly zone_2_ms: number
  readonly zone_3_ms: number
  readonly zone_4_ms: number
  readonly zone_5_ms: number
  readonly last_at_ms: number | null
  readonly last_zone: HeartRateZone.HeartRateZone | null
  readonly heart_rate_samples: number
  readonly heart_rate_sum_bpm: number
  readonly highest_heart_rate_bpm: number
}

const rowOf = (session: TrainingSession): SessionRow => {
  const [zone0, zone1, zone2, zone3, zone4, zone5] = session.effort.zoneMillis
  return {
    session_id: session.sessionId,
    athlete_id: session.athleteId,
    class_id: session.classId,
    device_id: session.source?.deviceId ?? null,
    sensor: session.source?.sensor ?? null,
    source: session.source?.kind ?? null,
    version: session.version,
    started_at_ms: session.startedAtMs,
    ended_at_ms: session.endedAtMs,
    max_heart_rate_bpm: session.maxHeartRateBpm,
    zone_0_ms: zone0,
    zone_1_ms: zone1,
    zone_2_ms: zone2,
    zone_3_ms: zone3,
    zone_4_ms: zone4,
    zone_5_ms: zone5,
    last_at_ms: session.effort.last?.atMs ?? null,
    last_zone: session.effort.last?.zone ?? null,
    heart_rate_samples: session.heartRateSamples,
    heart_rate_sum_bpm: session.heartRateSumBpm,
    highest_heart_rate_bpm: session.highestHeartRateBpm,
  }
}

const recordedBy = ({ device_id: deviceId, sensor, source }: SessionRow): Source | null =>
  deviceId === null || sensor === null ? null : { deviceId, sensor, kind: source ?? SourceRank.fromName(sensor) }

export const sessionOf = (row: SessionRow): TrainingSession => ({
  sessionId: row.session_id,
  athleteId: row.athlete_id,
  classId: row.class_id,
  source: recordedBy(row),
  version: row.version,
  startedAtMs: row.started_at_ms,
  endedAtMs: row.ended_at_ms,
  maxHeartRateBpm: row.max_heart_rate_bpm,
  effort: {
    zoneMillis: [row.zone_0_ms, row.zone_1_ms, row.zone_2_ms, row.zone_3_ms, row.zone_4_ms, row.zone_5_ms],
    last: row.last_at_ms === null || row.last_zone === null ? null : { atMs: row.last_at_ms, zone: row.last_zone },
  },
  heartRateSamples: row.heart_rate_samples,
  heartRateSumBpm: row.heart_rate_sum_bpm,
  highestHeartRateBpm: row.highest_heart_rate_bpm,
})

interface AthleteRow {
  readonly athleteId: AthleteId
  readonly alias: string
  readonly heartRateVisible: 0 | 1
  readonly maxHeartRateBpm: number
}

const athleteOf = (row: AthleteRow): Athlete => ({ ...row, heartRateVisible: row.heartRateVisible === 1 })

export class TrainingRepository extends Effect.Service<TrainingRepository>()("paceline/training/TrainingRepository", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const athleteColumns = sql.literal(
      `athlete_id AS "athleteId", alias, heart_rate_visible AS "heartRateVisible",
       max_heart_rate_bpm AS "maxHeartRateBpm"`,
    )
    return {
      /** The source's own open session; else one that was begun before sources were kept. */
      findOpen: Effect.fnUntraced(function* (classId: ClassId, athleteId: AthleteId, source: Source) {
        const [row] = yield* sql<SessionRow>`
          SELECT * FROM training_session
          WHERE class_id = ${classId} AND athlete_id = ${athleteId} AND ended_at_ms IS NULL
            AND (device_id IS NULL OR (device_id = ${source.deviceId} AND sensor = ${source.sensor}))
          ORDER BY device_id IS NULL LIMIT 1`
        return row === undefined ? null : { ...sessionOf(row), source }
      }),

      /** Of all sources, in the order in which they began. */
      openOf: Effect.fnUntraced(function* (classId: ClassId, athleteId: AthleteId) {
        const rows = yield* sql<SessionRow>`
          SELECT * FROM training_session
          WHERE class_id = ${classId} AND athlete_id = ${athleteId} AND ended_at_ms IS NULL
          ORDER BY started_at_ms, session_id`
        return rows.map(sessionOf)
      }),

      listOpen: Effect.fnUntraced(function* () {
        return (yield* sql<SessionRow>`SELECT * FROM training_session WHERE ended_at_ms IS NULL`).map(sessionOf)
      }),

      /** Those that are no part of a merge, the newest first. */
      listCompleted: Effect.fnUntraced(function* (athleteId: AthleteId, limit: number) {
        const rows = yield* sql<SessionRow>`
          SELECT * FROM training_session AS s WHERE athlete_id = ${athleteId} AND ended_at_ms IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM activity_merge_session AS m WHERE m.session_id = s.session_id)
          ORDER BY ended_at_ms DESC, session_id LIMIT ${limit}`
        return rows.map(sessionOf)
      }),

      /** All of an athlete, open ones too, in the order of their ids, after this one. */
      page: Effect.fnUntraced(function* (athleteId: AthleteId, after: string, limit: number) {
        const rows = yield* sql<SessionRow>`
          SELECT * FROM training_session WHERE athlete_id = ${athleteId} AND session_id > ${after}
          ORDER BY session_id LIMIT ${limit}`
        return rows.map(sessionOf)
      }),

      /** Writes the session over the version it was read at, or fails when that has moved. */
      save: Effect.fnUntraced(function* (session: TrainingSession) {
        yield* Transaction
        const row = rowOf({ ...session, version: session.version + 1 })
        if (session.version === 0) {
          yield* sql`INSERT INTO training_session ${sql.insert({ ...row })}`
          return
        }
        const written = yield* sql`
          UPDATE training_session SET ${sql.update({ ...row }, ["session_id"])}
          WHERE session_id = ${row.session_id} AND version = ${session.version} RETURNING version`
        if (written.length > 0) return
        const [now] = yield* sql<SessionRow>`SELECT * FROM training_session WHERE session_id = ${row.session_id}`
        return yield* new VersionConflict({
          aggregate: "training session",
          id: row.session_id,
          expectedVersion: session.version,
          actualVersion: now?.version ?? 0,
        })
      }),

      findAthlete: Effect.fnUntraced(function* (athleteId: AthleteId) {
        const [row] = yield* sql<AthleteRow>`
          SELECT ${athleteColumns} FROM training_athlete WHERE athlete_id = ${athleteId}`
        return row === undefined ? null : athleteOf(row)
      }),

      listAthletes: Effect.fnUntraced(function* () {
        return (yield* sql<AthleteRow>`SELECT ${athleteColumns} FROM training_athlete`).map(athleteOf)
      }),

      saveAthlete: Effect.fnUntraced(function* (athlete: Athlete) {
        yield* Transaction
        yield* sql`
          INSERT INTO training_athlete (athlete_id, alias, heart_rate_visible, max_heart_rate_bpm)
          VALUES (${athlete.athleteId}, ${athlete.alias}, ${athlete.heartRateVisible ? 1 : 0},
                  ${athlete.maxHeartRateBpm})
          ON CONFLICT (athlete_id) DO UPDATE
          SET alias = excluded.alias, heart_rate_visible = excluded.heart_rate_visible,
              max_heart_rate_bpm = excluded.max_heart_rate_bpm`
      }),
    }
  }),
}) {}
