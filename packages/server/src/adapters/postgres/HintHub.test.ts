/** What only hints among processes can show: two stores on one database, each with its own listener. */
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { AggregateStore, UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Context, Effect, Layer, Queue, Redacted } from "effect"
import { realPostgres } from "../../../test/RealPostgres.ts"
import * as PostgresStore from "./PostgresStore.ts"

const postgres = realPostgres()

const processOn = (url: string) =>
  Layer.build(
    Layer.fresh(
      PostgresStore.layer({ url: Redacted.make(url), pool: { critical: 2, other: 1 }, heartbeatMillis: 200 }),
    ),
  )

const listening = Effect.flatMap(SqlClient, (sql) =>
  Effect.map(
    sql<{ pid: number }>`SELECT pid FROM pg_stat_activity
      WHERE query LIKE 'LISTEN%' AND datname = current_database()`,
    (rows) => rows.map(({ pid }) => pid),
  ),
)

const untilBothListen = (context: Context.Context<SqlClient>) =>
  Effect.repeat(Effect.zipRight(Effect.sleep("50 millis"), listening), { until: (pids) => pids.length === 2 }).pipe(
    Effect.timeout("20 seconds"),
    Effect.provide(context),
  )

const soon = <A>(hints: Queue.Dequeue<A>) => Effect.timeout(Queue.take(hints), "10 seconds")

describe("hints among processes on postgres", () => {
  it.scopedLive("what one process publishes or makes due is hinted at in the other, and only that", () =>
    Effect.gen(function* () {
      const url = yield* Effect.promise(postgres.database)
      const [one, two] = [yield* processOn(url), yield* processOn(url)]
      yield* untilBothListen(one)
      const topic = yield* Context.get(two, EventLog.EventLog).hints("a topic, with spaces")
      const kind = yield* Context.get(two, AggregateStore.AggregateStore).hints("job/mail")
      const neighbour = yield* Context.get(two, EventLog.EventLog).hints("another")
      yield* Context.get(one, EventLog.EventLog).publish("a topic, with spaces", [{ key: "k", payload: 1 }])
      yield* soon(topic)
      yield* Effect.provide(
        UnitOfWork.run(
          Effect.flatMap(AggregateStore.AggregateStore, (store) =>
            store.insert("job/mail", "1", { state: null, dueAtMs: 1 }),
          ),
        ),
        one,
      )
      yield* soon(kind)
      expect(yield* Queue.size(neighbour)).toBe(0)
    }),
  )

  it.scopedLive(
    "a process whose listener was cut off is told to look, since it may have missed something, and hears again",
    () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(postgres.database)
        const [one, two] = [yield* processOn(url), yield* processOn(url)]
        const pids = yield* untilBothListen(one)
        const hints = yield* Context.get(two, EventLog.EventLog).hints("t")
        const sql = Context.get(one, SqlClient)
        yield* Effect.forEach(pids, (pid) => sql`SELECT pg_terminate_backend(${pid})`)
        yield* soon(hints)
        yield* untilBothListen(one)
        yield* Queue.takeAll(hints)
        yield* Context.get(one, EventLog.EventLog).publish("t", [{ key: "k", payload: 1 }])
        yield* soon(hints)
      }),
    30_000,
  )
})
