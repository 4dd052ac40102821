/**
 * The topics that are stored, and how each is kept.
 *
 * How many partitions a topic has is fixed when it is first stored: records of one key always go to the same one. A
 * topic that nobody declared is stored with one partition when something is first appended to it.
 */
import type { EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import type { LogStatements } from "./LogStatements.ts"

/** How each topic is kept; one that is not named is kept as the defaults say. */
export type Topics = Readonly<Record<string, EventLog.TopicSettings>>

export interface StoredTopic {
  readonly name: string
  /** The number of each partition among all partitions of all topics. */
  readonly partitionIds: ReadonlyArray<number>
  readonly dedupMillis: number
  readonly segmentRecords: number
}

const DEDUP_MILLIS = 86_400_000
const SEGMENT_RECORDS = 10_000

export class LogTopics {
  readonly #settings: Topics
  readonly #stored = new Map<string, StoredTopic>()

  constructor(settings: Topics) {
    for (const [topic, { partitions = 1, segmentRecords = 1 }] of Object.entries(settings)) {
      if (!Number.isInteger(partitions) || partitions < 1 || !(segmentRecords >= 1)) {
        throw new Error(`The topic "${topic}" must have at least one partition, and segments of at least one record`)
      }
    }
    this.#settings = settings
  }

  find(name: string): StoredTopic | undefined {
    return this.#stored.get(name)
  }

  get names(): ReadonlyArray<string> {
    return Array.from(this.#stored.keys()).toSorted()
  }

  /** How many partitions the topic has, or will have. */
  countOf(name: string): number {
    return this.#stored.get(name)?.partitionIds.length ?? 1
  }

  /** The partition's number among all; undefined before its first record. */
  partitionId(name: string, partition: number): number | undefined {
    return this.#stored.get(name)?.partitionIds[partition]
  }

  segmentRecords(name: string): number {
    return this.#settings[name]?.segmentRecords ?? SEGMENT_RECORDS
  }

  /** The topic, stored in the transaction that is running if it was not; to be remembered once that is committed. */
  open(name: string, statements: LogStatements): StoredTopic {
    const known = this.#stored.get(name)
    if (known !== undefined) return known
    const found = statements.findPartition.get(name, 0) ?? statements.makePartition.get(name, 0)
    if (found === null) throw new Error(`SQLite gave the new topic "${name}" no number`)
    return this.#kept(name, [found.id])
  }

  remember(topic: StoredTopic): void {
    if (!this.#stored.has(topic.name)) this.#stored.set(topic.name, topic)
  }

  /** Stores the topics that are new, and learns of those that were there. Runs in the unit of work of the opening. */
  declare(statements: LogStatements): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      const before = this.#load(statements)
      for (const [topic, { partitions = 1 }] of Object.entries(this.#settings)) {
        const stored = before.get(topic)?.length
        if (stored === undefined) {
          for (let partition = 0; partition < partitions; partition++) statements.makePartition.get(topic, partition)
        } else if (stored !== partitions) {
          yield* Effect.logWarning("A topic keeps the number of partitions that it was stored with.").pipe(
            Effect.annotateLogs({ topic, stored, configured: partitions }),
          )
        }
      }
      for (const [name, ids] of this.#load(statements)) this.#stored.set(name, this.#kept(name, ids))
    })
  }

  #load(statements: LogStatements): Map<string, Array<number>> {
    const ids = new Map<string, Array<number>>()
    for (const { id, topic } of statements.partitions.all()) {
      const own = ids.get(topic)
      if (own === undefined) ids.set(topic, [id])
      else own.push(id)
    }
    return ids
  }

  #kept(name: string, partitionIds: ReadonlyArray<number>): StoredTopic {
    const { dedupMillis = DEDUP_MILLIS, segmentRecords = SEGMENT_RECORDS } = this.#settings[name] ?? {}
    return { name, partitionIds, dedupMillis, segmentRecords }
  }
}
