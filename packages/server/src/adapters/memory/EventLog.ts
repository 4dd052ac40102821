/** `EventLog` in memory: arrays of records, maps of offsets. Leases go by Effect's monotonic clock. */
import { type StorageError, Transaction } from "@paceline/core/consistency"
import { EventLog, partitionOf } from "@paceline/core/messaging"
import { Clock, type Context, Effect } from "effect"
import { makeHints } from "../Hints.ts"
import { Cells } from "./Cells.ts"
import { GroupLeases } from "./GroupLeases.ts"
import { type Kept, Partition } from "./Partition.ts"
import { MemoryUnit, reading, unitOf, type View } from "./UnitOfWork.ts"

type Service = Context.Tag.Service<typeof EventLog.EventLog>

/** How each topic is kept; one that is not named is kept as the defaults say. */
export type Topics = Readonly<Record<string, EventLog.TopicSettings>>

interface Remembered {
  readonly position: EventLog.Position
  readonly expiresAtMs: number
}

interface Group {
  readonly group: string
  readonly topic: string
  /** The next offset to be read, by partition. */
  readonly offsets: ReadonlyArray<number>
}

class Topic {
  readonly partitions: ReadonlyArray<Partition>
  readonly dedupMillis: number
  readonly segmentRecords: number
  readonly ids = new Cells<Remembered>()

  constructor(settings: EventLog.TopicSettings = {}) {
    this.partitions = Array.from({ length: settings.partitions ?? 1 }, () => new Partition())
    this.dedupMillis = settings.dedupMillis ?? 86_400_000
    this.segmentRecords = settings.segmentRecords ?? 10_000
  }
}

const json = (payload: unknown): string => {
  const text = JSON.stringify(payload)
  if (text === undefined) throw new TypeError("A record's payload must be JSON data")
  return text
}

const keyOf = (group: string, topic: string): string => JSON.stringify([group, topic])

export const make = (settings: Topics): Service => {
  const topics = new Map(Object.entries(settings).map(([name, own]) => [name, new Topic(own)]))
  const groups = new Cells<Group>()
  const leases = new GroupLeases()
  const hints = makeHints()

  const topicOf = (name: string): Topic => {
    const known = topics.get(name)
    if (known !== undefined) return known
    const topic = new Topic()
    topics.set(name, topic)
    return topic
  }

  const partitionAt = (topic: string, partition: number): Partition => {
    const found = topicOf(topic).partitions[partition]
    if (found === undefined) throw new Error(`The topic "${topic}" has no partition ${partition}`)
    return found
  }

  const appendAll = (name: string, records: ReadonlyArray<EventLog.NewRecord>, nowMs: number, unit: MemoryUnit) => {
    const topic = topicOf(name)
    const kept = records.map(
      ({ headers = {}, id, key, payload }): Kept => ({ key, payload: json(payload), id, headers, appendedAtMs: nowMs }),
    )
    if (kept.length > 0) unit.afterCommit(() => hints.tell(name))
    return kept.map((record): EventLog.Position => {
      const seen = record.id === undefined ? undefined : topic.ids.get(record.id, "unit")
      if (seen !== undefined && seen.expiresAtMs > nowMs) return { ...seen.position, duplicate: true }
      const partition = partitionOf(record.key, topic.partitions.length)
      const position = { partition, offset: partitionAt(name, partition).append(record, unit), duplicate: false }
      if (record.id !== undefined) {
        topic.ids.set(unit, record.id, { position, expiresAtMs: nowMs + topic.dedupMillis })
      }
      return position
    })
  }

  const committed = (group: string, topic: string, partition: number, view: View): number =>
    groups.get(keyOf(group, topic), view)?.offsets[partition] ?? 0

  const setCommitted = (unit: MemoryUnit, group: string, topic: string, partition: number, next: number): void => {
    const offsets = topicOf(topic).partitions.map((_, p) => committed(group, topic, p, "unit"))
    groups.set(unit, keyOf(group, topic), { group, topic, offsets: offsets.with(partition, next) })
  }

  const inUnit = <A, E = never>(
    body: (unit: MemoryUnit) => Effect.Effect<A, E>,
  ): Effect.Effect<A, E | StorageError, Transaction> =>
    Effect.flatMap(Transaction, (transaction) => body(unitOf(transaction)))

  return {
    append: (topic, records) =>
      Effect.flatMap(Clock.currentTimeMillis, (nowMs) =>
        inUnit((unit) => Effect.sync(() => appendAll(topic, records, nowMs, unit))),
      ),

    publish: (topic, records) =>
      Effect.map(Clock.currentTimeMillis, (nowMs) => {
        const unit = new MemoryUnit()
        let keep = false
        try {
          const positions = appendAll(topic, records, nowMs, unit)
          keep = true
          return positions
        } finally {
          for (const action of unit.endAll(keep)) action()
        }
      }),

    read: (topic, partition, from, limit) =>
      reading((view) =>
        partitionAt(topic, partition)
          .slice(from, limit, view)
          .map(([offset, kept]) => ({ ...kept, topic, partition, offset, payload: JSON.parse(kept.payload) })),
      ),

    partitions: (topic) => Effect.sync(() => topicOf(topic).partitions.map((_, partition) => partition)),

    /** Looking at a topic does not store it: those that were declared, or that something was appended to. */
    topics: reading((view) =>
      Array.from(topics)
        .filter(([name, { partitions }]) => name in settings || partitions.some((one) => one.bounds(view).end > 0))
        .map(([name]) => name)
        .toSorted(),
    ),

    bounds: (topic, partition) => reading((view) => partitionAt(topic, partition).bounds(view)),

    offsetAt: (topic, partition, atMs) => reading((view) => partitionAt(topic, partition).offsetAt(atMs, view)),

    segments: (topic, partition) =>
      reading((view) => partitionAt(topic, partition).segments(topicOf(topic).segmentRecords, view)),

    dropBefore: (topic, partition, offset) =>
      inUnit((unit) => Effect.sync(() => partitionAt(topic, partition).dropBefore(offset, unit))),

    redact: (topic, partition, key, range) =>
      inUnit((unit) =>
        Effect.sync(() => {
          const { ids } = topicOf(topic)
          const kept = partitionAt(topic, partition)
          for (const [offset, record] of kept.slice(range.from, Math.max(0, range.to - range.from), "unit")) {
            if (record.key !== key || record.id === undefined) continue
            const remembered = ids.get(record.id, "unit")?.position
            if (remembered?.partition === partition && remembered.offset === offset) ids.set(unit, record.id, undefined)
          }
          return kept.redact(key, range, unit)
        }),
      ),

    forgetIds: (nowMs, limit) =>
      inUnit((unit) =>
        Effect.sync(() => {
          const over = Array.from(topics.values())
            .flatMap(({ ids }) => Array.from(ids.all("unit"), ([id, { expiresAtMs }]) => ({ ids, id, expiresAtMs })))
            .filter(({ expiresAtMs }) => expiresAtMs <= nowMs)
            .slice(0, limit)
          for (const { id, ids } of over) ids.set(unit, id, undefined)
          return over.length
        }),
      ),

    committed: (group, topic, partition) => reading((view) => committed(group, topic, partition, view)),

    commit: (group, topic, partition, expected, next, epoch) =>
      inUnit((unit): Effect.Effect<void, EventLog.OffsetMoved | EventLog.LeaseLost> => {
        if (epoch !== undefined && !leases.isInForce(group, topic, partition, epoch)) {
          return new EventLog.LeaseLost({ group, topic, partition, epoch })
        }
        const actual = committed(group, topic, partition, "unit")
        if (actual !== expected) return new EventLog.OffsetMoved({ group, topic, partition, expected, actual })
        setCommitted(unit, group, topic, partition, next)
        return Effect.void
      }),

    seek: (group, topic, partition, offset) =>
      inUnit((unit) =>
        Effect.sync(() => {
          setCommitted(unit, group, topic, partition, offset)
          unit.afterCommit(() => hints.tell(topic))
        }),
      ),

    subscribe: (group, topic) =>
      inUnit((unit) => Effect.sync(() => setCommitted(unit, group, topic, 0, committed(group, topic, 0, "unit")))),

    unsubscribe: (group, topic) =>
      inUnit((unit) =>
        Effect.sync(() => {
          groups.set(unit, keyOf(group, topic), undefined)
          unit.afterCommit(() => leases.forget(group, topic))
        }),
      ),

    lag: reading((view) =>
      Array.from(groups.all(view).values())
        .flatMap(({ group, offsets, topic }) =>
          offsets.map((offset, partition) => ({
            group,
            topic,
            partition,
            committed: offset,
            ...partitionAt(topic, partition).bounds(view),
          })),
        )
        .toSorted((a, b) => compare(a.group, b.group) || compare(a.topic, b.topic) || a.partition - b.partition),
    ),

    heartbeat: (member, ttlMillis) =>
      Effect.clockWith((clock) =>
        Effect.sync(() =>
          leases.heartbeat(member, topicOf(member.topic).partitions.length, ttlMillis, monotonicMillis(clock)),
        ),
      ),

    leave: (member) => Effect.sync(() => leases.leave(member)),

    hints: hints.subscribe,
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Does not jump with the wall clock. */
const monotonicMillis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
