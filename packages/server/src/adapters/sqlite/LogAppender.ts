/**
 * Appends records inside the transaction that is running.
 *
 * A record gets the offset after the last one of its partition, so offsets are dense, and a reader never sees 8 before
 * 7. Time labels of a partition never go back, whatever the machine's clock does, so that a time names one place in it.
 */
import { type EventLog, partitionOf } from "@paceline/core/messaging"
import type { Database } from "./Database.ts"
import type { LogStatements } from "./LogStatements.ts"
import { tailOf } from "./LogStatements.ts"
import type { StoredTopic } from "./LogTopics.ts"

/** A record as it is stored. */
export interface EncodedRecord {
  readonly key: string
  readonly payload: string
  readonly id: string | null
  readonly headers: string | null
}

const json = (payload: unknown): string => {
  const text = JSON.stringify(payload)
  if (text === undefined) throw new TypeError("A record's payload must be JSON data")
  return text
}

/** Throws `TypeError` when the payload is no JSON data. */
export const encodeRecord = ({ headers, id, key, payload }: EventLog.NewRecord): EncodedRecord => ({
  key,
  payload: json(payload),
  id: id ?? null,
  headers: headers === undefined || isEmpty(headers) ? null : JSON.stringify(headers),
})

const isEmpty = (headers: EventLog.Headers): boolean => {
  for (const _ in headers) return false
  return true
}

interface Tail {
  next: number
  newestAtMs: number
}

export class LogAppender {
  readonly #statements: LogStatements
  readonly #database: Pick<Database, "generation">
  /** The ends of the partitions that were appended to. Good for as long as nobody else writes, and nothing is undone. */
  readonly #tails = new Map<number, Tail>()
  #generation: number

  constructor(statements: LogStatements, database: Pick<Database, "generation">) {
    this.#statements = statements
    this.#database = database
    this.#generation = database.generation
  }

  append(topic: StoredTopic, records: ReadonlyArray<EncodedRecord>, nowMs: number): ReadonlyArray<EventLog.Position> {
    return records.map(
      (record): EventLog.Position => this.#duplicateOf(topic, record, nowMs) ?? this.#appendOne(topic, record, nowMs),
    )
  }

  #duplicateOf(topic: StoredTopic, { id }: EncodedRecord, nowMs: number): EventLog.Position | undefined {
    if (id === null) return undefined
    const seen = this.#statements.findId.get(topicKey(topic), id, nowMs)
    if (seen === null) return undefined
    return { partition: topic.partitionIds.indexOf(seen.partitionId), offset: seen.offset, duplicate: true }
  }

  #appendOne(topic: StoredTopic, record: EncodedRecord, nowMs: number): EventLog.Position {
    const { headers, id, key, payload } = record
    const partition = partitionOf(key, topic.partitionIds.length)
    const partitionId = topic.partitionIds[partition] ?? 0
    const tail = this.#tail(partitionId)
    const offset = tail.next
    const atMs = Math.max(tail.newestAtMs, nowMs)
    // `get`, though nothing comes back: `run` would count the changes each time.
    if (id === null && headers === null) this.#statements.appendBare.get(partitionId, offset, key, payload, atMs)
    else this.#statements.append.get(partitionId, offset, key, payload, id, headers, atMs)
    // Only now: one that failed has no offset, and the unit may go on.
    tail.next = offset + 1
    tail.newestAtMs = atMs
    if (id !== null) {
      this.#statements.rememberId.run(topicKey(topic), id, partitionId, offset, nowMs + topic.dedupMillis)
    }
    return { partition, offset, duplicate: false }
  }

  #tail(partitionId: number): Tail {
    if (this.#generation !== this.#database.generation) {
      this.#generation = this.#database.generation
      this.#tails.clear()
    }
    const known = this.#tails.get(partitionId)
    if (known !== undefined) return known
    const tail: Tail = tailOf(this.#statements, partitionId)
    this.#tails.set(partitionId, tail)
    return tail
  }
}

const topicKey = (topic: StoredTopic): number => topic.partitionIds[0] ?? 0
