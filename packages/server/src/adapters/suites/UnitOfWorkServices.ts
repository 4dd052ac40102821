/** What the parts of the unit of work's suite share: something to write, and what became of it. */
import { SqlClient } from "@effect/sql/SqlClient"
import { AggregateStore, Answers, UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Option } from "effect"

export type UnitServices = UnitOfWork | EventLog.EventLog | AggregateStore.AggregateStore | Answers | SqlClient

export type UnitTest = <A, E>(title: string, body: Effect.Effect<A, E, UnitServices>) => void

export class Refused {
  readonly _tag = "Refused"
}

/** A table of names and counts, as any context would have one. */
export const createTable = UnitOfWork.run(
  Effect.flatMap(SqlClient, (sql) => sql`CREATE TABLE tally (name TEXT PRIMARY KEY, n INTEGER NOT NULL)`),
)

export const add = (name: string, n = 1) =>
  Effect.flatMap(
    SqlClient,
    (sql) =>
      sql`INSERT INTO tally (name, n) VALUES (${name}, ${n}) ON CONFLICT (name) DO UPDATE SET n = tally.n + ${n}`,
  )

export const tallies = Effect.gen(function* () {
  const sql = yield* SqlClient
  const rows = yield* sql<{ name: string; n: number }>`SELECT name, n FROM tally ORDER BY name`
  return Object.fromEntries(rows.map(({ n, name }) => [name, n]))
})

/** State of both kinds, an event, an idempotent answer and an offset, all in the unit that runs this. */
export const everything = Effect.gen(function* () {
  const log = yield* EventLog.EventLog
  const answers = yield* Answers
  const aggregates = yield* AggregateStore.AggregateStore
  yield* add("everything")
  yield* aggregates.insert("thing", "a", { state: 1, dueAtMs: null })
  yield* answers.take("key", "request", { nowMs: 0, expiresAtMs: 1000 })
  yield* answers.put("key", "answer")
  yield* log.append("things", [{ key: "a", payload: { n: 1 } }])
  yield* log.commit("readers", "things", 0, 0, 1)
})

export const whatIsStored = Effect.gen(function* () {
  const log = yield* EventLog.EventLog
  const aggregates = yield* AggregateStore.AggregateStore
  const answer = Effect.flatMap(Answers, (answers) => answers.take("key", "request", { nowMs: 0, expiresAtMs: 1000 }))
  return {
    tallies: yield* tallies,
    aggregates: yield* aggregates.count("thing"),
    answer: Option.getOrUndefined(yield* UnitOfWork.run(answer)),
    events: (yield* log.read("things", 0, 0, 10)).length,
    offset: yield* log.committed("readers", "things", 0),
  }
})

export const nothing = { tallies: {}, aggregates: 0, answer: undefined, events: 0, offset: 0 }
