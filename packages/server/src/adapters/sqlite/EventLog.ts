/**
 * `EventLog` on SQLite, with prepared statements of its own because it is on the hot path.
 *
 * Records lie in the order of their positions (see the migration `0009_log_positions`). Retention deletes the rows of
 * whole segments; a segment is a run of offsets, so nothing has to be kept about it.
 */
import type { StorageError, UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Clock, Context, Effect } from "effect"
import { makeHints } from "../Hints.ts"
import { TOMBSTONE_HEADERS, toRecord } from "../RecordRows.ts"
import { answered } from "./Answered.ts"
import type { Database } from "./Database.ts"
import { GroupLeases, type LeaseStatements, prepareLeases } from "./GroupLeases.ts"
import { encodeRecord, LogAppender } from "./LogAppender.ts"
import { boundsOf, type LogStatements, prepareLog } from "./LogStatements.ts"
import { LogTopics, type Topics } from "./LogTopics.ts"
import { Publisher } from "./Publisher.ts"
import { StoreAccess } from "./StoreAccess.ts"
import type { OpenUnit } from "./UnitOfWork.ts"
import type { Writer } from "./Writer.ts"

type Service = Context.Tag.Service<typeof EventLog.EventLog>

/** Appends in the unit that is open; answers where the records lie. */
export type AppendInUnit = (
  unit: OpenUnit,
  topic: string,
  records: ReadonlyArray<EventLog.NewRecord>,
  nowMs: number,
) => ReadonlyArray<EventLog.Position>

export interface EventLogParts {
  readonly writing: Database
  readonly reading: Database
  readonly writer: Writer
  readonly work: Context.Tag.Service<typeof UnitOfWork>
  readonly topics: Topics
  /** Publishers wait when so many records wait to be stored. 10,000 if not given. */
  readonly maxWaitingRecords?: number | undefined
}

const MAX_WAITING_RECORDS = 10_000

/** The first offset whose label is `atMs` or later; labels of a partition never go back. */
const firstAt = (statements: LogStatements, partitionId: number, atMs: number): number => {
  let { end, start } = boundsOf(statements, partitionId)
  while (start < end) {
    const middle = Math.floor((start + end) / 2)
    if ((statements.appendedAt.get(partitionId, middle)?.atMs ?? 0) < atMs) start = middle + 1
    else end = middle
  }
  return start
}

const segmentsOf = (
  statements: LogStatements,
  partitionId: number,
  segmentRecords: number,
): ReadonlyArray<EventLog.Segment> => {
  const { end, start } = boundsOf(statements, partitionId)
  const segments: Array<EventLog.Segment> = []
  for (let firstOffset = start; firstOffset < end; ) {
    const endOffset = Math.min(end, (Math.floor(firstOffset / segmentRecords) + 1) * segmentRecords)
    const newestAtMs = statements.appendedAt.get(partitionId, endOffset - 1)?.atMs ?? 0
    segments.push({ firstOffset, endOffset, newestAtMs })
    firstOffset = endOffset
  }
  return segments
}

/** By Effect's monotonic clock: leases do not end when the wall clock is set. */
const monotonicMillis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/** The log, with its topics stored as `parts.topics` says. */
export const make = (
  parts: EventLogParts,
): Effect.Effect<{ readonly service: Service; readonly appendInUnit: AppendInUnit }, StorageError> =>
  Effect.gen(function* () {
    const { reading, work, writer, writing } = parts
    const log = new StoreAccess(writing, reading, prepareLog)
    const leasing = new StoreAccess(writing, reading, prepareLeases)
    const topics = new LogTopics(parts.topics)
    const appender = new LogAppender(log.onWriter, writing)
    const leases = new GroupLeases()
    const hints = makeHints()
    const publisher = new Publisher(
      { database: writing, statements: log.onWriter, writer, topics, appender, onGrown: hints.tell },
      parts.maxWaitingRecords ?? MAX_WAITING_RECORDS,
    )
    yield* work.run(topics.declare(log.onWriter))

    /** Reads a partition; before the topic's first record it is as one that is empty. */
    const readingPartition = <A>(
      topic: string,
      partition: number,
      empty: A,
      read: (statements: LogStatements, partitionId: number) => A,
    ) =>
      log.reading((statements) => {
        const id = topics.partitionId(topic, partition) ?? statements.findPartition.get(topic, partition)?.id
        return id === undefined ? empty : read(statements, id)
      })

    const appendInUnit: AppendInUnit = (unit, topic, records, nowMs) => {
      if (records.length === 0) return []
      const stored = topics.open(topic, log.onWriter)
      const positions = appender.append(stored, records.map(encodeRecord), nowMs)
      unit.afterCommit(() => {
        topics.remember(stored)
        hints.tell(topic)
      })
      return positions
    }

    const service: Service = {
      append: (topic, records) => log.changing((unit, nowMs) => appendInUnit(unit, topic, records, nowMs)),

      publish: (topic, records) =>
        records.length === 0
          ? Effect.succeed([])
          : answered((answer, isWanted, fiber) => {
              const nowMs = Context.get(fiber.currentDefaultServices, Clock.Clock).unsafeCurrentTimeMillis()
              publisher.submit({ topic, records, nowMs, isWanted, answer })
            }),

      read: (topic, partition, from, limit) =>
        readingPartition<ReadonlyArray<EventLog.LogRecord>>(topic, partition, [], (statements, id) =>
          statements.read.all(id, Math.max(0, from), limit).map((row) => toRecord(row, topic, partition)),
        ),

      partitions: (topic) => Effect.sync(() => Array.from({ length: topics.countOf(topic) }, (_, i) => i)),

      topics: Effect.sync(() => topics.names),

      bounds: (topic, partition) => readingPartition(topic, partition, { start: 0, end: 0 }, boundsOf),

      offsetAt: (topic, partition, atMs) =>
        readingPartition(topic, partition, 0, (statements, id) => firstAt(statements, id, atMs)),

      segments: (topic, partition) =>
        readingPartition<ReadonlyArray<EventLog.Segment>>(topic, partition, [], (statements, id) =>
          segmentsOf(statements, id, topics.segmentRecords(topic)),
        ),

      dropBefore: (topic, partition, offset) =>
        log.changing(() => {
          const id = topics.partitionId(topic, partition) ?? log.onWriter.findPartition.get(topic, partition)?.id
          if (id === undefined) return
          const { end, start } = boundsOf(log.onWriter, id)
          const first = Math.min(offset, end)
          if (first <= start) return
          log.onWriter.setStart.run(id, first)
          log.onWriter.drop.run(id, first)
        }),

      redact: (topic, partition, key, range) =>
        log.changing(() => {
          const { findPartition, forgetIdsOf, redact } = log.onWriter
          const id = topics.partitionId(topic, partition) ?? findPartition.get(topic, partition)?.id
          const topicKey = topics.partitionId(topic, 0) ?? findPartition.get(topic, 0)?.id
          if (id === undefined || topicKey === undefined) return 0
          const { end, start } = boundsOf(log.onWriter, id)
          const [from, to] = [Math.max(range.from, start), Math.min(range.to, end)]
          if (from >= to) return 0
          forgetIdsOf.run(id, from, to, key, topicKey)
          return redact.run(id, from, to, key, TOMBSTONE_HEADERS).changes
        }),

      forgetIds: (nowMs, limit) => log.changing(() => log.onWriter.forgetIds.run(nowMs, limit).changes),

      committed: (group, topic, partition) =>
        log.reading(({ committed }) => committed.get(group, topic, partition)?.next_offset ?? 0),

      commit: (group, topic, partition, expected, next, epoch) =>
        log.writing((): Effect.Effect<void, EventLog.OffsetMoved | EventLog.LeaseLost> => {
          const { begin, committed, move } = log.onWriter
          if (epoch !== undefined && !leases.isInForce(leasing.onWriter, group, topic, partition, epoch)) {
            return Effect.fail(new EventLog.LeaseLost({ group, topic, partition, epoch }))
          }
          if (move.run(group, topic, partition, expected, next).changes === 1) return Effect.void
          if (expected === 0 && begin.run(group, topic, partition, next).changes === 1) return Effect.void
          const actual = committed.get(group, topic, partition)?.next_offset ?? 0
          return Effect.fail(new EventLog.OffsetMoved({ group, topic, partition, expected, actual }))
        }),

      seek: (group, topic, partition, offset) =>
        log.changing((unit) => {
          log.onWriter.seek.run(group, topic, partition, offset)
          unit.afterCommit(() => hints.tell(topic))
        }),

      subscribe: (group, topic) =>
        log.changing(() => {
          for (let partition = 0; partition < topics.countOf(topic); partition++) {
            log.onWriter.begin.run(group, topic, partition, 0)
          }
        }),

      unsubscribe: (group, topic) =>
        log.changing((unit) => {
          log.onWriter.forgetGroup.run(group, topic)
          leasing.onWriter.forget.run(group, topic)
          unit.afterCommit(() => leases.forgetGroup(group, topic))
        }),

      lag: log.reading(({ lag }) => lag.all()),

      heartbeat: (member, ttlMillis) =>
        Effect.flatMap(monotonicMillis, (nowMs) => {
          const beat = (statements: LeaseStatements) =>
            leases.beat(statements, member, topics.countOf(member.topic), nowMs)
          leases.note(member, nowMs + ttlMillis)
          return Effect.flatMap(leasing.reading(beat), ({ changes, held }) =>
            changes.length === 0
              ? Effect.succeed(held)
              : work.run(
                  leasing.changing(() => {
                    const beaten = beat(leasing.onWriter)
                    leases.keep(leasing.onWriter, member, beaten)
                    return beaten.held
                  }),
                ),
          )
        }),

      leave: (member) =>
        work.run(
          leasing.changing((unit) => {
            leases.leave(leasing.onWriter, member, topics.countOf(member.topic))
            unit.afterCommit(() => leases.forgetMember(member))
          }),
        ),

      hints: hints.subscribe,
    }
    return { service, appendInUnit }
  })
