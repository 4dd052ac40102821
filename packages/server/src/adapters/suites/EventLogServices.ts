/** What the parts of the event log's suite share: the topics, and how a test asks the log. */
import { type StorageError, type Transaction, UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { type Context, Effect } from "effect"

export type LogServices = UnitOfWork | EventLog.EventLog

export type LogTest = <A, E>(title: string, body: Effect.Effect<A, E, LogServices>, timeoutMs?: number) => void

/** How the adapter must keep these topics; all others as the defaults say. Each is used by one test. */
export const EVENT_LOG_TOPICS: Readonly<Record<string, EventLog.TopicSettings>> = {
  sharded: { partitions: 4 },
  "sharded/ids": { partitions: 4 },
  "sharded/lag": { partitions: 4 },
  "sharded/publish": { partitions: 4 },
  "sharded/shares": { partitions: 6 },
  "sharded/churn": { partitions: 5 },
  "short dedup": { dedupMillis: 2000 },
  "short segments": { segmentRecords: 10 },
  "short segments/age": { segmentRecords: 4 },
}

type Service = Context.Tag.Service<typeof EventLog.EventLog>

let names = 0

/** A name that no other test uses, so that adapters may share one database among tests. */
export const fresh = (name: string): string => `${name}/${++names}`

export const ask = <A, E, R>(
  question: (log: Service) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R | EventLog.EventLog> => Effect.flatMap(EventLog.EventLog, question)

/** One change, as a unit of work of its own. */
export const change = <A, E>(
  write: (log: Service) => Effect.Effect<A, E, Transaction>,
): Effect.Effect<A, E | StorageError, LogServices> => UnitOfWork.run(ask(write))

export const append = (topic: string, records: ReadonlyArray<EventLog.NewRecord>) =>
  change((log) => log.append(topic, records))

export const publish = (topic: string, records: ReadonlyArray<EventLog.NewRecord>) =>
  ask((log) => log.publish(topic, records))

export const numbered = (from: number, count: number, key = "k"): ReadonlyArray<EventLog.NewRecord> =>
  Array.from({ length: count }, (_, i) => ({ key, payload: { n: from + i } }))

export const upTo = (end: number): ReadonlyArray<number> => Array.from({ length: end }, (_, i) => i)

export const offsets = (records: ReadonlyArray<EventLog.LogRecord>): ReadonlyArray<number> =>
  records.map(({ offset }) => offset)
