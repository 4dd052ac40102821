/** Series of sessions, merges, and what people decided about them, in SQL. */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction } from "@paceline/core/consistency"
import { type AthleteId, Merge, type MergeId, type SessionId } from "@paceline/core/contract"
import type { ActivityGroups } from "@paceline/core/kernel"
import { Bundle } from "@paceline/core/wire"
import { Effect, Schema } from "effect"
import type { Recorded } from "./Merge.ts"
import type { HeartRates, Speeds } from "./Model.ts"
import { type SessionRow, sessionOf } from "./Repository.ts"

/** So many samples go into one bundle; the codec takes a few more. */
const SAMPLES_A_PART = 100_000

/** So many parts a write, at the most: room for nearly ten million heart rates, and the last one for speeds. */
const PARTS_A_WRITE = 100

const Stored = Schema.parseJson(Merge)
const encode = Schema.encodeSync(Stored)
const decode = Schema.decodeSync(Stored)

export class MergeRepository extends Effect.Service<MergeRepository>()("paceline/training/MergeRepository", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient

    const series = Effect.fnUntraced(function* (sessionId: SessionId) {
      const parts = yield* sql<{ readonly payload: Uint8Array }>`
        SELECT payload FROM session_heart_rate WHERE session_id = ${sessionId} ORDER BY part`
      const heartRateAtMs: Array<number> = []
      const heartRateBpm: Array<number> = []
      const speedAtMs: Array<number> = []
      const metresPerSecond: Array<number> = []
      for (const { payload } of parts) {
        const bundle = Bundle.decode(payload)
        if ("_tag" in bundle) return yield* Effect.dieMessage(`A stored heart rate cannot be read: ${bundle.detail}`)
        for (const { atMillis, kind, values } of bundle) {
          const [times, samples] = kind === "speed" ? [speedAtMs, metresPerSecond] : [heartRateAtMs, heartRateBpm]
          for (const atMs of atMillis) times.push(atMs)
          for (const value of values) samples.push(value)
        }
      }
      const heartRates: HeartRates = { heartRateAtMs, heartRateBpm }
      const speeds: Speeds = { atMs: speedAtMs, metresPerSecond }
      return { heartRates, speeds }
    })

    const recordedOf = (rows: ReadonlyArray<SessionRow>) =>
      Effect.forEach(rows, (row) =>
        Effect.map(series(row.session_id), (kept): Recorded => ({ session: sessionOf(row), ...kept })),
      )

    return {
      /** What was kept of a session: its heart rates as they were counted, and how fast its athlete was meanwhile. */
      series,

      /** Keeps what came in the write that makes this version of the session. */
      addSeries: Effect.fnUntraced(function* (
        sessionId: SessionId,
        version: number,
        { heartRateAtMs, heartRateBpm }: HeartRates,
        { atMs, metresPerSecond }: Speeds,
      ) {
        yield* Transaction
        const insert = (part: number, block: Bundle.Block) => sql`
          INSERT INTO session_heart_rate (session_id, part, payload)
          VALUES (${sessionId}, ${part}, ${Bundle.encode([block])})`
        for (
          let from = 0, part = version * PARTS_A_WRITE;
          from < heartRateAtMs.length;
          from += SAMPLES_A_PART, part++
        ) {
          const atMillis = heartRateAtMs.slice(from, from + SAMPLES_A_PART)
          const values = heartRateBpm.slice(from, from + SAMPLES_A_PART)
          yield* insert(part, { sensor: "", kind: "heartRate", atMillis, values })
        }
        if (atMs.length === 0) return
        const last = version * PARTS_A_WRITE + PARTS_A_WRITE - 1
        yield* insert(last, { sensor: "", kind: "speed", atMillis: atMs, values: metresPerSecond })
      }),

      /** The athlete's completed sessions of that name; of others' none. */
      completed: Effect.fnUntraced(function* (athleteId: AthleteId, ids: ReadonlyArray<SessionId>) {
        if (ids.length === 0) return []
        const rows = yield* sql<SessionRow>`
          SELECT * FROM training_session
          WHERE ${sql.in("session_id", ids)} AND athlete_id = ${athleteId} AND ended_at_ms IS NOT NULL`
        return yield* recordedOf(rows)
      }),

      /** The athlete's completed sessions that reach into this time. */
      completedBetween: Effect.fnUntraced(function* (athleteId: AthleteId, fromMs: number, toMs: number) {
        const rows = yield* sql<SessionRow>`
          SELECT * FROM training_session
          WHERE athlete_id = ${athleteId} AND ended_at_ms IS NOT NULL
            AND ended_at_ms >= ${fromMs} AND started_at_ms <= ${toMs}
          ORDER BY session_id`
        return yield* recordedOf(rows)
      }),

      decisions: Effect.fnUntraced(function* (athleteId: AthleteId) {
        const rows = yield* sql<{ readonly a: string; readonly b: string; readonly apart: 0 | 1 }>`
          SELECT a, b, apart FROM merge_decision WHERE athlete_id = ${athleteId} ORDER BY a, b`
        return rows.map(({ a, apart, b }): ActivityGroups.Decision => ({ a, b, apart: apart === 1 }))
      }),

      /** What a person says about each two of these, in place of what was said before. */
      decide: Effect.fnUntraced(function* (athleteId: AthleteId, sessions: ReadonlyArray<SessionId>, apart: boolean) {
        yield* Transaction
        const sorted = sessions.toSorted()
        for (const [i, a] of sorted.entries()) {
          for (const b of sorted.slice(i + 1)) {
            yield* sql`
              INSERT INTO merge_decision (athlete_id, a, b, apart) VALUES (${athleteId}, ${a}, ${b}, ${apart ? 1 : 0})
              ON CONFLICT (athlete_id, a, b) DO UPDATE SET apart = excluded.apart`
          }
        }
      }),

      /** The merges that have any of these sessions. */
      mergesOf: Effect.fnUntraced(function* (sessions: ReadonlyArray<SessionId>) {
        if (sessions.length === 0) return []
        const rows = yield* sql<{ readonly state: string }>`
          SELECT state FROM activity_merge WHERE merge_id IN (
            SELECT merge_id FROM activity_merge_session WHERE ${sql.in("session_id", sessions)})
          ORDER BY merge_id`
        return rows.map(({ state }) => decode(state))
      }),

      find: Effect.fnUntraced(function* (athleteId: AthleteId, mergeId: MergeId) {
        const [row] = yield* sql<{ readonly state: string }>`
          SELECT state FROM activity_merge WHERE merge_id = ${mergeId} AND athlete_id = ${athleteId}`
        return row === undefined ? null : decode(row.state)
      }),

      /** The newest first. */
      list: Effect.fnUntraced(function* (athleteId: AthleteId, limit: number) {
        const rows = yield* sql<{ readonly state: string }>`
          SELECT state FROM activity_merge WHERE athlete_id = ${athleteId}
          ORDER BY ended_at_ms DESC, merge_id LIMIT ${limit}`
        return rows.map(({ state }) => decode(state))
      }),

      /** In the order of their ids. */
      listAll: Effect.fnUntraced(function* (athleteId: AthleteId) {
        const rows = yield* sql<{ readonly state: string }>`
          SELECT state FROM activity_merge WHERE athlete_id = ${athleteId} ORDER BY merge_id`
        return rows.map(({ state }) => decode(state))
      }),

      insert: Effect.fnUntraced(function* (merge: Merge) {
        yield* Transaction
        yield* sql`
          INSERT INTO activity_merge (merge_id, athlete_id, ended_at_ms, state)
          VALUES (${merge.mergeId}, ${merge.athleteId}, ${merge.endedAtMs}, ${encode(merge)})`
        for (const { sessionId } of merge.recordings) {
          yield* sql`
            INSERT INTO activity_merge_session (session_id, merge_id) VALUES (${sessionId}, ${merge.mergeId})`
        }
      }),

      remove: Effect.fnUntraced(function* (mergeId: MergeId) {
        yield* Transaction
        yield* sql`DELETE FROM activity_merge_session WHERE merge_id = ${mergeId}`
        yield* sql`DELETE FROM activity_merge WHERE merge_id = ${mergeId}`
      }),
    }
  }),
}) {}
