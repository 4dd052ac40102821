/**
 * What series are computed into, in SQL: streams, which chunks hold what of them, and buckets. Rows go in by the dozen.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { Transaction } from "@paceline/core/consistency"
import type { AthleteId, DeviceId } from "@paceline/core/contract"
import type { Rollup } from "@paceline/core/kernel"
import { Effect } from "effect"
import { manyRows } from "../ManyRows.ts"
import type { Run, StreamKey } from "./Model.ts"

export interface StoredChunk {
  readonly deviceId: DeviceId
  readonly incarnation: string
  readonly n: number
  readonly payload: Uint8Array
  readonly samples: number
  /** The newest of the device's pairings when the chunk came. */
  readonly pairings: number
}

/** Where the walk over all chunks is: the last one it has looked at. */
export type WalkedTo = Pick<StoredChunk, "deviceId" | "incarnation" | "n">

export interface RunRow extends Run {
  readonly streamId: number
  readonly incarnationId: number
  readonly n: number
}

export interface BucketRow {
  readonly streamId: number
  /** 1, 5 or 60. */
  readonly minutes: number
  readonly number: number
  readonly bucket: Rollup.Bucket
}

/** Who wears a sensor since its wearer was erased. */
const NOBODY = ""

export class ProjectionRepository extends Effect.Service<ProjectionRepository>()(
  "paceline/devices/series/ProjectionRepository",
  {
    effect: Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const chunkColumns = sql.literal(`device_id AS "deviceId", incarnation, n, payload, samples, pairings`)
      const insertRuns = manyRows(
        sql,
        7,
        "INSERT INTO series_chunk (stream_id, hour, first_at_ms, incarnation_id, n, last_at_ms, samples)",
      )
      const mergeBuckets = manyRows(
        sql,
        11,
        "INSERT INTO series_bucket (stream_id, minutes, bucket, samples, sum, min, max, first_ms, first, last_ms, last)",
        `ON CONFLICT (stream_id, minutes, bucket) DO UPDATE SET
           samples = samples + excluded.samples, sum = sum + excluded.sum,
           min = min(min, excluded.min), max = max(max, excluded.max),
           first = CASE WHEN (excluded.first_ms, excluded.first) < (first_ms, first) THEN excluded.first ELSE first END,
           first_ms = min(first_ms, excluded.first_ms),
           last = CASE WHEN (excluded.last_ms, excluded.last) > (last_ms, last) THEN excluded.last ELSE last END,
           last_ms = max(last_ms, excluded.last_ms)`,
      )
      const saveMarks = manyRows(
        sql,
        3,
        "INSERT INTO series_incarnation (device_id, incarnation, mark)",
        "ON CONFLICT (device_id, incarnation) DO UPDATE SET mark = max(mark, excluded.mark)",
      )
      return {
        /** The chunks of an incarnation from `first` to `last` that are stored. */
        chunks: (deviceId: DeviceId, incarnation: string, first: number, last: number) =>
          sql<StoredChunk>`
            SELECT ${chunkColumns} FROM chunk
            WHERE device_id = ${deviceId} AND incarnation = ${incarnation} AND n BETWEEN ${first} AND ${last}
            ORDER BY n`,

        /** The next chunks after this one, in the order of their identities. */
        chunksAfter: ({ deviceId, incarnation, n }: WalkedTo, limit: number) =>
          sql<StoredChunk>`
            SELECT ${chunkColumns} FROM chunk WHERE (device_id, incarnation, n) > (${deviceId}, ${incarnation}, ${n})
            ORDER BY device_id, incarnation, n LIMIT ${limit}`,

        /** Who wore each sensor of a device when its newest pairing was this one. Where it says '', nobody did. */
        wearers: (deviceId: DeviceId, pairings: number) =>
          sql<{ readonly sensor: string; readonly athleteId: AthleteId }>`
            SELECT sensor, athlete_id AS "athleteId" FROM worn w
            WHERE device_id = ${deviceId} AND athlete_id <> ${NOBODY} AND since = (
              SELECT max(since) FROM worn
              WHERE device_id = w.device_id AND sensor = w.sensor AND since <= ${pairings})`,

        /** The id of a stream, which is made when it is new. */
        streamId: Effect.fnUntraced(function* ({ athleteId, deviceId, kind, sensor, unit }: StreamKey) {
          yield* Transaction
          const [row] = yield* sql<{ readonly id: number }>`
            INSERT INTO series_stream (athlete_id, kind, unit, device_id, sensor)
            VALUES (${athleteId}, ${kind}, ${unit}, ${deviceId}, ${sensor})
            ON CONFLICT (athlete_id, kind, unit, device_id, sensor) DO UPDATE SET unit = excluded.unit
            RETURNING id`
          return row?.id ?? 0
        }),

        /** An incarnation's id, which is made when it is new, and the greatest number that was looked at. */
        incarnation: Effect.fnUntraced(function* (deviceId: DeviceId, incarnation: string) {
          yield* Transaction
          const find = sql<{ readonly id: number; readonly mark: number }>`
            SELECT id, mark FROM series_incarnation WHERE device_id = ${deviceId} AND incarnation = ${incarnation}`
          const [known] = yield* find
          if (known !== undefined) return known
          yield* saveMarks([deviceId, incarnation, 0])
          const [made] = yield* find
          return made ?? { id: 0, mark: 0 }
        }),

        saveMarks: Effect.fnUntraced(function* (marks: ReadonlyArray<WalkedTo>) {
          yield* Transaction
          yield* saveMarks(marks.flatMap(({ deviceId, incarnation, n }) => [deviceId, incarnation, n]))
        }),

        /** Whether a run was counted before. */
        hasRun: Effect.fnUntraced(function* ({ firstAtMs, hour, incarnationId, n, streamId }: RunRow) {
          const found = yield* sql`
            SELECT 1 FROM series_chunk
            WHERE stream_id = ${streamId} AND hour = ${hour} AND first_at_ms = ${firstAtMs}
              AND incarnation_id = ${incarnationId} AND n = ${n}`
          return found.length > 0
        }),

        insertRuns: Effect.fnUntraced(function* (runs: ReadonlyArray<RunRow>) {
          yield* Transaction
          const values: Array<number> = []
          for (const { firstAtMs, hour, incarnationId, lastAtMs, n, samples, streamId } of runs) {
            values.push(streamId, hour, firstAtMs, incarnationId, n, lastAtMs, samples)
          }
          yield* insertRuns(values)
        }),

        /** Adds to what the buckets come to already. */
        mergeBuckets: Effect.fnUntraced(function* (buckets: ReadonlyArray<BucketRow>) {
          yield* Transaction
          const values: Array<number> = []
          for (const { bucket, minutes, number, streamId } of buckets) {
            const startMs = number * minutes * 60_000
            const { first, firstAtMillis, last, lastAtMillis, max, min, samples, sum } = bucket
            values.push(streamId, minutes, number, samples, sum, min, max)
            values.push(firstAtMillis - startMs, first, lastAtMillis - startMs, last)
          }
          yield* mergeBuckets(values)
        }),

        /** Where the walk over all chunks is, or null when none is under way. */
        walk: Effect.fnUntraced(function* () {
          const [row] = yield* sql<WalkedTo>`SELECT device_id AS "deviceId", incarnation, n FROM series_walk`
          return row ?? null
        }),

        /** Null ends the walk. */
        saveWalk: Effect.fnUntraced(function* (walk: WalkedTo | null) {
          yield* Transaction
          if (walk === null) return yield* sql`DELETE FROM series_walk`
          return yield* sql`
            INSERT INTO series_walk (id, device_id, incarnation, n)
            VALUES (1, ${walk.deviceId}, ${walk.incarnation}, ${walk.n})
            ON CONFLICT (id) DO UPDATE
            SET device_id = excluded.device_id, incarnation = excluded.incarnation, n = excluded.n`
        }),

        /** Throws away all that was computed, and has the walk begin with the first chunk. */
        restart: Effect.fnUntraced(function* () {
          yield* Transaction
          yield* sql`DELETE FROM series_bucket`
          yield* sql`DELETE FROM series_chunk`
          yield* sql`UPDATE series_incarnation SET mark = 0`
          yield* sql`
            INSERT INTO series_walk (id, device_id, incarnation, n) VALUES (1, '', '', 0)
            ON CONFLICT (id) DO UPDATE SET device_id = '', incarnation = '', n = 0`
        }),
      }
    }),
  },
) {}
