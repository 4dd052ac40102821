/**
 * Pages of a topic's records, over all its partitions, from a place on or the newest ones; all of them, or one key's.
 *
 * Each partition comes in the order of its offsets. Where a page draws on several, they are merged by the time of
 * appending, which is a label: good for reading, promising nothing.
 */
import { InvalidRequest, type LoggedRecord, type LogPage, NotFound } from "@paceline/core/contract"
import { EventLog, partitionOf } from "@paceline/core/messaging"
import { Clock, Effect } from "effect"
import * as LogPlace from "./LogPlace.ts"

export interface PageOptions {
  /** As `LogPlace` reads it; the newest records if not given. */
  readonly from?: string | undefined
  readonly key?: string | undefined
  readonly limit?: number | undefined
}

const LIMIT = 100

/** So many records are looked through for one page of a key. */
const MOST_LOOKED_AT = 20_000

/** So many are read at once while looking for a key. */
const LOOK = 1_000

interface Partition extends EventLog.Bounds {
  readonly partition: number
}

/** The topic's partitions; a topic that is not stored does not exist. */
export const partitionsOf = Effect.fnUntraced(function* (topic: string) {
  const log = yield* EventLog.EventLog
  const topics = yield* log.topics
  if (!topics.includes(topic)) {
    const known = topics.length === 0 ? "The log has no topics yet." : `There are: ${topics.join(", ")}.`
    return yield* new NotFound({ what: "topic", id: topic, message: `There is no topic "${topic}". ${known}` })
  }
  const partitions = yield* log.partitions(topic)
  return yield* Effect.forEach(partitions, (partition) =>
    Effect.map(log.bounds(topic, partition), (bounds): Partition => ({ partition, ...bounds })),
  )
})

/** Reads a place, or says what could have been given. */
export const placeOf = Effect.fnUntraced(function* (text: string) {
  const place = LogPlace.parse(text, yield* Clock.currentTimeMillis)
  return place ?? (yield* new InvalidRequest({ message: `"${text}" is no place in the log: give ${LogPlace.FORMS}.` }))
})

/** The offset of a place in one partition, not before its start. What lies after its end is its end. */
export const offsetOf = Effect.fnUntraced(function* (
  topic: string,
  { end, partition, start }: Partition,
  place: LogPlace.LogPlace,
) {
  const log = yield* EventLog.EventLog
  const within = (offset: number) => Math.min(end, Math.max(start, offset))
  switch (place._tag) {
    case "Start":
      return start
    case "End":
      return end
    case "Offset":
      return within(place.offset)
    case "Time":
      return within(yield* log.offsetAt(topic, partition, place.atMs))
    case "Positions":
      return within(place.next.get(partition) ?? start)
  }
})

const viewOf = ({ appendedAtMs, headers, id, key, offset, partition, payload }: EventLog.LogRecord): LoggedRecord => ({
  partition,
  offset,
  key,
  payload,
  id: id ?? null,
  headers,
  appendedAtMs: Math.round(appendedAtMs),
})

const byTime = (a: EventLog.LogRecord, b: EventLog.LogRecord): number =>
  a.partition === b.partition ? a.offset - b.offset : a.appendedAtMs - b.appendedAtMs

const pageOf = (
  records: ReadonlyArray<EventLog.LogRecord>,
  partitions: ReadonlyArray<Partition>,
  next: ReadonlyMap<number, number>,
): LogPage => ({
  records: records.map(viewOf),
  next: LogPlace.format(next),
  more: partitions.some(({ end, partition }) => (next.get(partition) ?? end) < end),
})

/** Merges what each partition gave, keeps the first `limit`, and says where each partition is to go on. */
const firstOf = Effect.fnUntraced(function* (
  topic: string,
  partitions: ReadonlyArray<Partition>,
  from: ReadonlyMap<number, number>,
  limit: number,
) {
  const log = yield* EventLog.EventLog
  const read = yield* Effect.forEach(partitions, ({ partition, start }) =>
    log.read(topic, partition, from.get(partition) ?? start, limit),
  )
  const records = merge(read).slice(0, limit)
  const next = new Map(from)
  for (const { offset, partition } of records) next.set(partition, offset + 1)
  return pageOf(records, partitions, next)
})

/** Merges by time, each partition staying in its own order, also where its times do not. */
const merge = (lists: ReadonlyArray<ReadonlyArray<EventLog.LogRecord>>): ReadonlyArray<EventLog.LogRecord> => {
  const heads = lists.map(() => 0)
  const merged: Array<EventLog.LogRecord> = []
  for (;;) {
    let best: EventLog.LogRecord | undefined
    let from = -1
    for (const [index, list] of lists.entries()) {
      const record = list[heads[index] ?? 0]
      if (record === undefined || (best !== undefined && byTime(best, record) <= 0)) continue
      best = record
      from = index
    }
    if (best === undefined) return merged
    merged.push(best)
    heads[from] = (heads[from] ?? 0) + 1
  }
}

/** Looks forward for a key in its partition. */
const keyFrom = Effect.fnUntraced(function* (
  topic: string,
  partition: Partition,
  from: number,
  key: string,
  limit: number,
) {
  const log = yield* EventLog.EventLog
  const found: Array<EventLog.LogRecord> = []
  let next = from
  for (let looked = 0; looked < MOST_LOOKED_AT && found.length < limit; looked += LOOK) {
    const records = yield* log.read(topic, partition.partition, next, LOOK)
    for (const record of records) {
      next = record.offset + 1
      if (record.key === key) found.push(record)
      if (found.length === limit) break
    }
    if (records.length < LOOK) break
  }
  return pageOf(found, [partition], new Map([[partition.partition, next]]))
})

/** Looks backward for the newest records of a key. */
const newestOfKey = Effect.fnUntraced(function* (topic: string, partition: Partition, key: string, limit: number) {
  const log = yield* EventLog.EventLog
  const { end, start } = partition
  let found: ReadonlyArray<EventLog.LogRecord> = []
  let upTo = end
  while (upTo > start && end - upTo < MOST_LOOKED_AT && found.length < limit) {
    const from = Math.max(start, upTo - LOOK)
    const records = yield* log.read(topic, partition.partition, from, upTo - from)
    found = [...records.filter((record) => record.key === key && record.offset < upTo), ...found]
    upTo = from
  }
  return pageOf(found.slice(-limit), [partition], new Map([[partition.partition, end]]))
})

export const page = Effect.fn("LogReading.page")(function* (topic: string, { from, key, limit = LIMIT }: PageOptions) {
  const all = yield* partitionsOf(topic)
  // A key's records lie in one partition.
  const own = key === undefined ? undefined : partitionOf(key, all.length)
  const partitions = all.filter(({ partition }) => own === undefined || partition === own)
  if (from === undefined) {
    const [single] = partitions
    if (key !== undefined && single !== undefined) return yield* newestOfKey(topic, single, key, limit)
    const starts = new Map(partitions.map(({ end, partition, start }) => [partition, Math.max(start, end - limit)]))
    const newest = yield* firstOf(topic, partitions, starts, limit * partitions.length)
    const ends = new Map(partitions.map(({ end, partition }) => [partition, end]))
    return { ...newest, records: newest.records.slice(-limit), next: LogPlace.format(ends), more: false }
  }
  const place = yield* placeOf(from)
  const starts = new Map<number, number>()
  for (const one of partitions) starts.set(one.partition, yield* offsetOf(topic, one, place))
  const [single] = partitions
  return key !== undefined && single !== undefined
    ? yield* keyFrom(topic, single, starts.get(single.partition) ?? single.start, key, limit)
    : yield* firstOf(topic, partitions, starts, limit)
})

/** All topics, and what each holds. */
export const topics = Effect.gen(function* () {
  const log = yield* EventLog.EventLog
  return yield* Effect.forEach(yield* log.topics, (topic) =>
    Effect.gen(function* () {
      const partitions = yield* log.partitions(topic)
      return {
        topic,
        partitions: yield* Effect.forEach(partitions, (partition) =>
          Effect.map(log.bounds(topic, partition), (bounds) => ({ partition, ...bounds })),
        ),
      }
    }),
  )
})
