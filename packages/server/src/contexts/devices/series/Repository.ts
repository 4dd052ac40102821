/** Series in SQL, to be read: an athlete's streams, their buckets, and which chunks hold what of a time. */
import * as SqlClient from "@effect/sql/SqlClient"
import type { AthleteId, ClockLabel, DeviceId, SeriesGap } from "@paceline/core/contract"
import type { Rollup } from "@paceline/core/kernel"
import { Effect } from "effect"

export interface Stream {
  readonly id: number
  readonly kind: string
  readonly unit: string
  readonly deviceId: DeviceId
  readonly deviceName: string
  readonly sensor: string
  /** What kind of source somebody said it is. */
  readonly source: string | null
}

export interface Extent {
  readonly streamId: number
  readonly samples: number
  readonly firstAtMs: number
  readonly lastAtMs: number
}

/** What a chunk holds of a stream in an hour, before it is opened. */
export interface IndexedRun {
  readonly streamId: number
  readonly hour: number
  readonly firstAtMs: number
  readonly lastAtMs: number
  readonly samples: number
  readonly incarnationId: number
  readonly incarnation: string
  readonly n: number
}

/** Where a list of runs goes on: with this one, or the first behind it. */
export type RunPlace = Pick<IndexedRun, "hour" | "firstAtMs" | "incarnationId" | "n">

export interface OpenedChunk {
  readonly n: number
  readonly receivedAtMs: number
  readonly clock: ClockLabel
  readonly payload: Uint8Array
}

interface BucketRow {
  readonly bucket: number
  readonly samples: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly first_ms: number
  readonly first: number
  readonly last_ms: number
  readonly last: number
}

const HOUR = 3_600_000

export class SeriesRepository extends Effect.Service<SeriesRepository>()("paceline/devices/series/SeriesRepository", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    return {
      streams: Effect.fnUntraced(function* (athleteId: AthleteId, kind?: string) {
        const ofKind = kind === undefined ? sql`` : sql`AND s.kind = ${kind}`
        return yield* sql<Stream>`
          SELECT s.id, s.kind, s.unit, s.device_id AS "deviceId", coalesce(d.name, s.device_id) AS "deviceName",
                 s.sensor, p.source
          FROM series_stream s
          LEFT JOIN device d ON d.device_id = s.device_id
          LEFT JOIN pairing p ON p.device_id = s.device_id AND p.sensor = s.sensor
          WHERE s.athlete_id = ${athleteId} ${ofKind}
          ORDER BY s.kind, s.unit, s.id`
      }),

      /** How many samples the athlete's streams have, and from when to when. */
      extents: Effect.fnUntraced(function* (athleteId: AthleteId) {
        return yield* sql<Extent>`
          SELECT b.stream_id AS "streamId", sum(b.samples) AS samples,
                 min(b.bucket * ${HOUR} + b.first_ms) AS "firstAtMs", max(b.bucket * ${HOUR} + b.last_ms) AS "lastAtMs"
          FROM series_bucket b JOIN series_stream s ON s.id = b.stream_id
          WHERE s.athlete_id = ${athleteId} AND b.minutes = 60
          GROUP BY b.stream_id`
      }),

      /** Buckets of so many minutes, from the number `first` to `last`, in order. */
      buckets: Effect.fnUntraced(function* (streamId: number, minutes: number, first: number, last: number) {
        const rows = yield* sql<BucketRow>`
          SELECT bucket, samples, sum, min, max, first_ms, first, last_ms, last FROM series_bucket
          WHERE stream_id = ${streamId} AND minutes = ${minutes} AND bucket BETWEEN ${first} AND ${last}
          ORDER BY bucket`
        const buckets: Rollup.Buckets = new Map()
        for (const { bucket, first, first_ms, last, last_ms, max, min, samples, sum } of rows) {
          const startMs = bucket * minutes * 60_000
          const [firstAtMillis, lastAtMillis] = [startMs + first_ms, startMs + last_ms]
          buckets.set(bucket, { samples, sum, min, max, firstAtMillis, first, lastAtMillis, last })
        }
        return buckets
      }),

      /** What chunks hold of a stream between two instants, from a place on, in the order of their first times. */
      runs: Effect.fnUntraced(function* (
        streamId: number,
        range: { readonly fromMs: number; readonly toMs: number },
        from: RunPlace,
        limit: number,
      ) {
        return yield* sql<IndexedRun>`
          SELECT stream_id AS "streamId", hour, first_at_ms AS "firstAtMs", last_at_ms AS "lastAtMs", samples,
                 incarnation_id AS "incarnationId", incarnation, n
          FROM series_chunk JOIN series_incarnation ON id = incarnation_id
          WHERE stream_id = ${streamId} AND hour <= ${Math.floor((range.toMs - 1) / HOUR)}
            AND (hour, first_at_ms, incarnation_id, n) >= (${from.hour}, ${from.firstAtMs}, ${from.incarnationId}, ${from.n})
            AND last_at_ms >= ${range.fromMs} AND first_at_ms < ${range.toMs}
          ORDER BY hour, first_at_ms, incarnation_id, n LIMIT ${limit}`
      }),

      /** How many samples of a stream the chunks hold in the hours between two instants. */
      samplesIn: Effect.fnUntraced(function* (
        streamId: number,
        range: { readonly fromMs: number; readonly toMs: number },
      ) {
        const [row] = yield* sql<{ readonly samples: number }>`
          SELECT coalesce(sum(samples), 0) AS samples FROM series_chunk
          WHERE stream_id = ${streamId}
            AND hour BETWEEN ${Math.floor(range.fromMs / HOUR)} AND ${Math.floor((range.toMs - 1) / HOUR)}
            AND last_at_ms >= ${range.fromMs} AND first_at_ms < ${range.toMs}`
        return row?.samples ?? 0
      }),

      /** Those of an incarnation's chunks from `first` to `last` that are stored. */
      chunks: Effect.fnUntraced(function* (deviceId: DeviceId, incarnation: string, first: number, last: number) {
        return yield* sql<OpenedChunk>`
          SELECT n, received_at_ms AS "receivedAtMs", clock, payload FROM chunk
          WHERE device_id = ${deviceId} AND incarnation = ${incarnation} AND n BETWEEN ${first} AND ${last}`
      }),

      /** What a device declared missing of this time, or without saying of when; the newest first. */
      gaps: Effect.fnUntraced(function* (
        deviceId: DeviceId,
        range: { readonly fromMs: number; readonly toMs: number },
        limit: number,
      ) {
        return yield* sql<SeriesGap>`
          SELECT device_id AS "deviceId", incarnation, first_missing AS "first", last_missing AS "last", samples,
                 from_ms AS "fromMs", to_ms AS "toMs", reason, declared_at_ms AS "receivedAtMs"
          FROM gap
          WHERE device_id = ${deviceId} AND coalesce(from_ms, ${range.fromMs}) < ${range.toMs}
            AND coalesce(to_ms, ${range.fromMs}) >= ${range.fromMs}
          ORDER BY id DESC LIMIT ${limit}`
      }),

      /** Whether older chunks are still looked through. */
      computing: Effect.fnUntraced(function* () {
        return (yield* sql`SELECT 1 FROM series_walk`).length > 0
      }),

      countChunks: Effect.fnUntraced(function* () {
        const [row] = yield* sql<{ readonly chunks: number }>`SELECT coalesce(sum(chunks), 0) AS chunks FROM device`
        return row?.chunks ?? 0
      }),
    }
  }),
}) {}
