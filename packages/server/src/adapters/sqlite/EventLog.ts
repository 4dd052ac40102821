/**
 * `EventLog` on SQLite, with prepared statements of its own because it is on the hot path.
 *
 * Offsets are given out from one row a partition, inside the unit that appends: they are dense, and a reader
 * never sees offset 8 before 7. How many partitions a topic has is fixed when the topic is first stored;
 * records of one key always go to the same one.
 */
import { SQLiteError } from "bun:sqlite"
import { type StorageError, Transaction } from "@paceline/core/consistency"
import { EventLog, partitionOf } from "@paceline/core/messaging"
import { Clock, type Context, Effect, Queue } from "effect"
import type { Database } from "./Database.ts"
import { currentUnit, OpenUnit } from "./UnitOfWork.ts"

type Service = Context.Tag.Service<typeof EventLog.EventLog>

interface RecordRow {
  readonly offset: number
  readonly key: string
  readonly payload: string
  readonly appended_at_ms: number
}

const SQL = {
  takeOffsets: `INSERT INTO log_partition (topic, partition, next_offset) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET next_offset = next_offset + ?3 RETURNING next_offset`,
  append: `INSERT INTO log_record (topic, partition, "offset", key, payload, appended_at_ms) VALUES (?, ?, ?, ?, ?, ?)`,
  read: `SELECT "offset", key, payload, appended_at_ms FROM log_record
    WHERE topic = ? AND partition = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?`,
  committed: `SELECT next_offset FROM consumer_offset WHERE consumer_group = ? AND topic = ? AND partition = ?`,
  move: `UPDATE consumer_offset SET next_offset = ?5
    WHERE consumer_group = ?1 AND topic = ?2 AND partition = ?3 AND next_offset = ?4`,
  begin: `INSERT INTO consumer_offset (consumer_group, topic, partition, next_offset) VALUES (?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  lag: `SELECT o.consumer_group AS "group", o.topic, o.partition, o.next_offset AS committed,
      coalesce(p.next_offset, 0) AS "end"
    FROM consumer_offset o LEFT JOIN log_partition p ON p.topic = o.topic AND p.partition = o.partition
    ORDER BY o.consumer_group, o.topic, o.partition`,
  topics: `SELECT topic, count(*) AS partitions FROM log_partition GROUP BY topic`,
  declare: `INSERT INTO log_partition (topic, partition, next_offset) VALUES (?, ?, 0) ON CONFLICT DO NOTHING`,
} as const

/** Partitions a topic, when it is stored first. A topic that is not named has one. */
export type Topics = Readonly<Record<string, { readonly partitions: number }>>

const json = (payload: unknown): string => {
  const text = JSON.stringify(payload)
  if (text === undefined) throw new TypeError("A record's payload must be JSON data")
  return text
}

const toRecord = (row: RecordRow, topic: string, partition: number): EventLog.LogRecord => ({
  topic,
  partition,
  offset: row.offset,
  key: row.key,
  payload: JSON.parse(row.payload),
  appendedAtMs: row.appended_at_ms,
})

/** Those in this process who wait for a topic to grow. */
const makeHints = () => {
  const waiting = new Map<string, Set<Queue.Queue<void>>>()
  return {
    tell: (topic: string): void => {
      for (const queue of waiting.get(topic) ?? []) queue.unsafeOffer(undefined)
    },
    subscribe: (topic: string) =>
      Effect.acquireRelease(
        Effect.tap(Queue.sliding<void>(1), (queue) =>
          Effect.sync(() => {
            const queues = waiting.get(topic) ?? new Set()
            waiting.set(topic, queues.add(queue))
          }),
        ),
        (queue) =>
          Effect.sync(() => {
            const queues = waiting.get(topic)
            queues?.delete(queue)
            if (queues?.size === 0) waiting.delete(topic)
          }),
      ),
  }
}

/** Every statement once for the connection that it runs on. */
const prepare = (database: Database) => ({
  takeOffsets: database.prepare<{ next_offset: number }>(SQL.takeOffsets),
  append: database.prepare(SQL.append),
  read: database.prepare<RecordRow>(SQL.read),
  committed: database.prepare<{ next_offset: number }>(SQL.committed),
  move: database.prepare(SQL.move),
  begin: database.prepare(SQL.begin),
  lag: database.prepare<EventLog.Lag>(SQL.lag),
})

/** Stores the topics that are new, and tells how many partitions each has. */
export const declareTopics = (writer: Database, topics: Topics) =>
  Effect.gen(function* () {
    const known = () =>
      new Map(
        writer
          .prepare<{ topic: string; partitions: number }>(SQL.topics)
          .all()
          .map((row) => [row.topic, row.partitions]),
      )
    const before = known()
    const declare = writer.prepare(SQL.declare)
    for (const [topic, { partitions }] of Object.entries(topics)) {
      const stored = before.get(topic)
      if (stored === undefined) {
        for (let partition = 0; partition < partitions; partition++) declare.run(topic, partition)
      } else if (stored !== partitions) {
        yield* Effect.logWarning("A topic keeps the number of partitions that it was stored with.").pipe(
          Effect.annotateLogs({ topic, stored, configured: partitions }),
        )
      }
    }
    return known()
  })

/** @param partitions how many partitions each stored topic has; a topic that is not stored yet gets one. */
export const make = (writer: Database, reader: Database, partitions: ReadonlyMap<string, number>): Service => {
  const onWriter = prepare(writer)
  const onReader = prepare(reader)
  const hints = makeHints()
  const partitionsOf = (topic: string): number => partitions.get(topic) ?? 1

  const failed = (cause: unknown): StorageError => writer.storageError(cause)

  /** Inside a unit a reader sees what the unit has written; outside, what is committed. */
  const reading = <A>(read: (statements: typeof onReader) => A): Effect.Effect<A, StorageError> =>
    Effect.contextWithEffect((context: Context.Context<never>) =>
      Effect.try({
        try: () => read(currentUnit(context, writer) === undefined ? onReader : onWriter),
        catch: failed,
      }),
    )

  /** Runs against the unit of the caller's transaction. A mistake of the program dies, trouble of the store fails. */
  const writing = <A, E>(
    write: (unit: OpenUnit) => Effect.Effect<A, E>,
  ): Effect.Effect<A, E | StorageError, Transaction> =>
    Effect.flatMap(Transaction, (transaction): Effect.Effect<A, E | StorageError> => {
      if (!(transaction instanceof OpenUnit) || transaction.database !== writer) {
        throw new Error("This transaction belongs to another store")
      }
      transaction.assertOpen()
      try {
        return write(transaction)
      } catch (cause) {
        if (cause instanceof SQLiteError) return Effect.fail(failed(cause))
        throw cause
      }
    })

  const appendTo = (topic: string, partition: number, records: ReadonlyArray<EventLog.NewRecord>, nowMs: number) => {
    const end = onWriter.takeOffsets.get(topic, partition, records.length)?.next_offset ?? 0
    const first = end - records.length
    records.forEach(({ key, payload }, i) => {
      onWriter.append.run(topic, partition, first + i, key, json(payload), nowMs)
    })
  }

  return {
    append: (topic, records) =>
      Effect.flatMap(Clock.currentTimeMillis, (nowMs) =>
        writing((unit) => {
          if (records.length === 0) return Effect.void
          const count = partitionsOf(topic)
          const byPartition = Map.groupBy(records, ({ key }) => partitionOf(key, count))
          for (const [partition, group] of byPartition) appendTo(topic, partition, group, nowMs)
          unit.afterCommit(() => hints.tell(topic))
          return Effect.void
        }),
      ),

    read: (topic, partition, from, limit) =>
      reading(({ read }) => read.all(topic, partition, from, limit).map((row) => toRecord(row, topic, partition))),

    partitions: (topic) => Effect.succeed(Array.from({ length: partitionsOf(topic) }, (_, partition) => partition)),

    committed: (group, topic, partition) =>
      reading(({ committed }) => committed.get(group, topic, partition)?.next_offset ?? 0),

    commit: (group, topic, partition, expected, next) =>
      writing(() => {
        if (onWriter.move.run(group, topic, partition, expected, next).changes === 1) return Effect.void
        if (expected === 0 && onWriter.begin.run(group, topic, partition, next).changes === 1) return Effect.void
        const actual = onWriter.committed.get(group, topic, partition)?.next_offset ?? 0
        return Effect.fail(new EventLog.OffsetMoved({ group, topic, partition, expected, actual }))
      }),

    subscribe: (group, topic) =>
      writing(() => {
        for (let partition = 0; partition < partitionsOf(topic); partition++) {
          onWriter.begin.run(group, topic, partition, 0)
        }
        return Effect.void
      }),

    lag: reading(({ lag }) => lag.all()),

    hints: hints.subscribe,
  }
}
