/**
 * How each topic is kept, as it is stored: what the process knows is never asked for again, because the number of
 * partitions is fixed when the topic is first stored.
 */
import type { SqlError } from "@effect/sql/SqlError"
import type { EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import type { Pools } from "./Pools.ts"
import type { OpenUnit } from "./UnitOfWork.ts"

/** How topics are to be kept. One that is not named has one partition, and the defaults of `TopicSettings`. */
export type TopicsSettings = Readonly<Record<string, EventLog.TopicSettings>>

type Topic = Required<EventLog.TopicSettings>

export interface Topics {
  /** As it is stored; as it would be, when it is not. */
  readonly find: (topic: string) => Effect.Effect<Topic, SqlError>
  /** Stores it if it is new, at once. */
  readonly stored: (topic: string) => Effect.Effect<Topic, SqlError>
  /** Stores it if it is new, as part of the unit. */
  readonly storedIn: (unit: OpenUnit, topic: string) => Effect.Effect<Topic, SqlError>
}

interface TopicRow {
  readonly partitions: number
  readonly dedup_ms: number
  readonly segment_records: number
}

const DEFAULT: Topic = { partitions: 1, dedupMillis: 86_400_000, segmentRecords: 10_000 }

const STORED = "SELECT * FROM log_topic_stored($1, $2, $3, $4)"
const CHANGED = "UPDATE log_topic SET dedup_ms = $2, segment_records = $3 WHERE topic = $1"

const toTopic = ([row]: ReadonlyArray<TopicRow>): Topic =>
  row === undefined
    ? DEFAULT
    : { partitions: row.partitions, dedupMillis: row.dedup_ms, segmentRecords: row.segment_records }

const paramsOf = (name: string, { dedupMillis, partitions, segmentRecords }: Topic) => [
  name,
  partitions,
  dedupMillis,
  segmentRecords,
]

/** Stores the topics that are new, and what changed about the others. */
export const make = (pools: Pools, settings: TopicsSettings): Effect.Effect<Topics, SqlError> =>
  Effect.gen(function* () {
    const known = new Map<string, Topic>()
    const remember = (name: string, topic: Topic): Topic => {
      known.set(name, topic)
      return topic
    }

    for (const [name, own] of Object.entries(settings).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const wanted = { ...DEFAULT, ...own }
      const { partitions } = toTopic(yield* pools.queryOutside<TopicRow>(STORED, paramsOf(name, wanted)))
      if (partitions !== wanted.partitions) {
        yield* Effect.logWarning("A topic keeps the number of partitions that it was stored with.").pipe(
          Effect.annotateLogs({ topic: name, stored: partitions, configured: wanted.partitions }),
        )
      }
      yield* pools.queryOutside(CHANGED, [name, wanted.dedupMillis, wanted.segmentRecords])
      remember(name, { ...wanted, partitions })
    }

    return {
      find: (name) => {
        const topic = known.get(name)
        if (topic !== undefined) return Effect.succeed(topic)
        return Effect.map(pools.query<TopicRow>("SELECT * FROM log_topic WHERE topic = $1", [name]), toTopic)
      },
      stored: (name) => {
        const topic = known.get(name)
        if (topic !== undefined) return Effect.succeed(topic)
        return Effect.map(pools.queryOutside<TopicRow>(STORED, paramsOf(name, DEFAULT)), (rows) =>
          remember(name, toTopic(rows)),
        )
      },
      storedIn: (unit, name) => {
        const topic = known.get(name)
        if (topic !== undefined) return Effect.succeed(topic)
        return Effect.map(unit.guarded.executeUnprepared(STORED, paramsOf(name, DEFAULT), undefined), (rows) => {
          const found = toTopic(rows)
          unit.afterCommit(() => remember(name, found))
          return found
        })
      },
    }
  })
