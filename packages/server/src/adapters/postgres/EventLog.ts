/**
 * `EventLog` on PostgreSQL, for several processes.
 *
 * Appending locks one row a partition until the commit, so offsets are dense and seen in order; an append is one round
 * trip, and `publish` is one transaction for all that many fibers publish meanwhile. Payloads are text. Leases and their
 * epochs go by the database's clock; labels of records go by the process's, and never fall within a partition.
 */
import type { StorageError } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Clock, type Context, Effect, type Scope } from "effect"
import { type RecordRow, TOMBSTONE_HEADERS, toRecord } from "../RecordRows.ts"
import { retryCollisions } from "./Collisions.ts"
import * as GroupPublisher from "./GroupPublisher.ts"
import type { HintHub } from "./HintHub.ts"
import { addRecords, appendStatement, emptyColumns } from "./LogRecords.ts"
import type { Pools, Query } from "./Pools.ts"
import { storageError } from "./PostgresErrors.ts"
import * as Topics from "./Topics.ts"
import { writing } from "./UnitQueries.ts"

type Service = Context.Tag.Service<typeof EventLog.EventLog>

const SQL = {
  read: `SELECT r."offset"::float8 AS "offset", r.key, r.payload, r.id, r.headers, r.appended_at_ms
    FROM log_record AS r
    WHERE r.partition_id = (SELECT id FROM log_partition WHERE topic = $1 AND partition = $2) AND r."offset" >= $3
    ORDER BY r."offset" LIMIT $4`,
  bounds: `SELECT start_offset::float8 AS start, next_offset::float8 AS "end"
    FROM log_partition WHERE topic = $1 AND partition = $2`,
  offsetAt: "SELECT log_offset_at($1, $2, $3) AS at",
  segments: `SELECT s.first AS "firstOffset", s."end" AS "endOffset", r.appended_at_ms AS "newestAtMs"
    FROM log_partition AS p JOIN log_topic AS t USING (topic)
    CROSS JOIN LATERAL (
      SELECT greatest(p.start_offset, k * t.segment_records) AS first,
        least(p.next_offset, (k + 1) * t.segment_records) AS "end"
      FROM generate_series(floor(p.start_offset / t.segment_records)::bigint,
        ceil(p.next_offset / t.segment_records)::bigint - 1) AS k
    ) AS s
    JOIN log_record AS r ON r.partition_id = p.id AND r."offset" = (s."end" - 1)::bigint
    WHERE p.topic = $1 AND p.partition = $2 ORDER BY s.first`,
  dropRecords: `DELETE FROM log_record
    WHERE partition_id = (SELECT id FROM log_partition WHERE topic = $1 AND partition = $2)
      AND "offset" < least($3::bigint, (SELECT next_offset FROM log_partition WHERE topic = $1 AND partition = $2))`,
  moveStart: `UPDATE log_partition SET start_offset = least($3::bigint, next_offset)
    WHERE topic = $1 AND partition = $2 AND start_offset < least($3::bigint, next_offset)`,
  redact: `UPDATE log_record SET key = '', payload = 'null', id = NULL, headers = $6
    WHERE partition_id = (SELECT id FROM log_partition WHERE topic = $1 AND partition = $2)
      AND "offset" >= $4 AND "offset" < $5 AND key = $3
    RETURNING 1`,
  forgetIdsOf: `DELETE FROM log_id USING log_record AS r
    WHERE r.partition_id = (SELECT id FROM log_partition WHERE topic = $1 AND partition = $2)
      AND r."offset" >= $4 AND r."offset" < $5 AND r.key = $3 AND r.id IS NOT NULL
      AND log_id.topic = $1 AND log_id.id = r.id AND log_id.partition = $2 AND log_id."offset" = r."offset"`,
  forgetIds: `WITH old AS MATERIALIZED (
      SELECT topic, id FROM log_id WHERE expires_at_ms <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED
    ), forgotten AS (
      DELETE FROM log_id USING old WHERE log_id.topic = old.topic AND log_id.id = old.id RETURNING 1)
    SELECT count(*)::float8 AS forgotten FROM forgotten`,
  topics: "SELECT topic FROM log_topic ORDER BY topic",
  committed: `SELECT next_offset::float8 AS next FROM log_group
    WHERE consumer_group = $1 AND topic = $2 AND partition = $3`,
  commit: "SELECT log_commit($1, $2, $3, $4, $5, $6) AS found",
  seek: `INSERT INTO log_group (consumer_group, topic, partition, next_offset) VALUES ($1, $2, $3, $4)
    ON CONFLICT (consumer_group, topic, partition) DO UPDATE SET next_offset = excluded.next_offset`,
  subscribe: "SELECT log_subscribe($1, $2)",
  forgetMembers: "DELETE FROM log_member WHERE consumer_group = $1 AND topic = $2",
  forgetOffsets: "DELETE FROM log_group WHERE consumer_group = $1 AND topic = $2",
  lag: `SELECT g.consumer_group AS "group", g.topic, g.partition, g.next_offset::float8 AS committed,
      coalesce(p.start_offset, 0)::float8 AS start, coalesce(p.next_offset, 0)::float8 AS "end"
    FROM log_group AS g LEFT JOIN log_partition AS p USING (topic, partition)
    ORDER BY g.consumer_group, g.topic, g.partition`,
  heartbeat: `SELECT held AS partition, held_epoch AS epoch, was_taken_over AS "takenOver"
    FROM log_heartbeat($1, $2, $3, $4)`,
  release: `WITH gone AS (DELETE FROM log_member WHERE consumer_group = $1 AND topic = $2 AND member = $3)
    UPDATE log_group SET holder = NULL WHERE consumer_group = $1 AND topic = $2 AND holder = $3`,
} as const

const LEASE_OVER = -1

/** `topics` are stored, or changed where they can be. */
export const make = (
  pools: Pools,
  hub: HintHub,
  settings: Topics.TopicsSettings,
): Effect.Effect<Service, StorageError, Scope.Scope> =>
  Effect.gen(function* () {
    const topics = yield* Effect.mapError(Topics.make(pools, settings), storageError)

    const reading = <Row>(
      text: string,
      params: ReadonlyArray<unknown>,
    ): Effect.Effect<ReadonlyArray<Row>, StorageError> => Effect.mapError(pools.query<Row>(text, params), storageError)

    /** A transaction of its own, whatever unit of work the fiber is in. */
    const outside: Query = (text, params) => retryCollisions(() => pools.queryOutside(text, params))

    const publisher = yield* GroupPublisher.make({
      partitionsOf: (topic) => Effect.map(topics.stored(topic), ({ partitions }) => partitions),
      write: (topic, columns) =>
        Effect.gen(function* () {
          const { dedupMillis } = yield* topics.stored(topic)
          const nowMs = yield* Clock.currentTimeMillis
          const statement = appendStatement(topic, columns, nowMs, dedupMillis)
          const [row] = yield* outside<{ answer: unknown }>(statement.text, statement.params)
          return statement.positions(row?.answer)
        }),
      onWritten: hub.topics.tell,
    })

    return {
      append: (topic, records) =>
        writing((query, unit) =>
          Effect.gen(function* () {
            if (records.length === 0) return []
            const { dedupMillis, partitions } = yield* topics.storedIn(unit, topic)
            const columns = emptyColumns()
            addRecords(columns, records, partitions)
            const nowMs = yield* Clock.currentTimeMillis
            const statement = appendStatement(topic, columns, nowMs, dedupMillis)
            const [row] = yield* query<{ answer: unknown }>(statement.text, statement.params)
            unit.afterCommit(() => hub.topics.tell(topic))
            return statement.positions(row?.answer)
          }),
        ),

      publish: publisher.publish,

      read: (topic, partition, from, limit) =>
        Effect.map(reading<RecordRow>(SQL.read, [topic, partition, from, limit]), (rows) =>
          rows.map((row) => toRecord(row, topic, partition)),
        ),

      partitions: (topic) =>
        Effect.map(Effect.mapError(topics.find(topic), storageError), ({ partitions }) =>
          Array.from({ length: partitions }, (_, partition) => partition),
        ),

      topics: Effect.map(reading<{ topic: string }>(SQL.topics, []), (rows) => rows.map(({ topic }) => topic)),

      bounds: (topic, partition) =>
        Effect.map(
          reading<EventLog.Bounds>(SQL.bounds, [topic, partition]),
          ([bounds]) => bounds ?? { start: 0, end: 0 },
        ),

      offsetAt: (topic, partition, atMs) =>
        Effect.map(reading<{ at: number }>(SQL.offsetAt, [topic, partition, atMs]), ([row]) => row?.at ?? 0),

      segments: (topic, partition) => reading<EventLog.Segment>(SQL.segments, [topic, partition]),

      dropBefore: (topic, partition, offset) =>
        writing((query) =>
          Effect.zipRight(
            query(SQL.dropRecords, [topic, partition, offset]),
            Effect.asVoid(query(SQL.moveStart, [topic, partition, offset])),
          ),
        ),

      redact: (topic, partition, key, { from, to }) =>
        writing((query) =>
          Effect.zipRight(
            query(SQL.forgetIdsOf, [topic, partition, key, from, to]),
            Effect.map(query(SQL.redact, [topic, partition, key, from, to, TOMBSTONE_HEADERS]), ({ length }) => length),
          ),
        ),

      forgetIds: (nowMs, limit) =>
        writing((query) =>
          Effect.map(query<{ forgotten: number }>(SQL.forgetIds, [nowMs, limit]), ([row]) => row?.forgotten ?? 0),
        ),

      committed: (group, topic, partition) =>
        Effect.map(reading<{ next: number }>(SQL.committed, [group, topic, partition]), ([row]) => row?.next ?? 0),

      commit: (group, topic, partition, expected, next, epoch) =>
        writing((query) =>
          Effect.flatMap(
            query<{ found: number | null }>(SQL.commit, [group, topic, partition, expected, next, epoch ?? null]),
            ([row]): Effect.Effect<void, EventLog.OffsetMoved | EventLog.LeaseLost> => {
              const found = row?.found ?? undefined
              if (found === undefined) return Effect.void
              if (found === LEASE_OVER) return new EventLog.LeaseLost({ group, topic, partition, epoch: epoch ?? 0 })
              return new EventLog.OffsetMoved({ group, topic, partition, expected, actual: found })
            },
          ),
        ),

      seek: (group, topic, partition, offset) =>
        writing((query, unit) =>
          Effect.gen(function* () {
            yield* query(SQL.seek, [group, topic, partition, offset])
            yield* query(SQL.subscribe, [group, topic])
            unit.afterCommit(() => hub.topics.tell(topic))
          }),
        ),

      subscribe: (group, topic) =>
        writing((query, unit) =>
          Effect.zipRight(topics.storedIn(unit, topic), Effect.asVoid(query(SQL.subscribe, [group, topic]))),
        ),

      unsubscribe: (group, topic) =>
        writing((query) =>
          Effect.zipRight(
            query(SQL.forgetMembers, [group, topic]),
            Effect.asVoid(query(SQL.forgetOffsets, [group, topic])),
          ),
        ),

      lag: reading<EventLog.Lag>(SQL.lag, []),

      heartbeat: ({ group, member, topic }, ttlMillis) =>
        Effect.mapError(
          outside<EventLog.PartitionLease>(SQL.heartbeat, [group, topic, member, ttlMillis]),
          storageError,
        ),

      leave: ({ group, member, topic }) =>
        Effect.asVoid(Effect.mapError(outside(SQL.release, [group, topic, member]), storageError)),

      hints: hub.topics.subscribe,
    }
  })
