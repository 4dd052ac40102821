import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Deferred, Effect, Fiber } from "effect"
import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import * as PostgresStore from "./PostgresStore.ts"

const postgres = realPostgres()

const backend = Effect.flatMap(SqlClient, (sql) =>
  Effect.map(sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`, ([row]) => row?.pid ?? 0),
)

const times = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>) =>
  Effect.all(
    Array.from({ length: count }, () => effect),
    { concurrency: "unbounded" },
  )

describe("connections to postgres", () => {
  it.live("work that can wait, however much of it, never keeps critical work waiting", () =>
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const gate = yield* Deferred.make<void>()
      const started = yield* Deferred.make<void>()
      const holding = UnitOfWork.run(
        Effect.all([backend, Deferred.succeed(started, undefined), Deferred.await(gate)], { discard: true }),
      )
      const waiting = yield* Effect.fork(PostgresStore.other(times(100, holding)))
      yield* Deferred.await(started)
      const critical = Effect.all([UnitOfWork.run(backend), backend, log.publish("t", [{ key: "k", payload: 1 }])])
      yield* times(50, critical).pipe(Effect.timeout("4 seconds"))
      // What is marked critical inside of the other work is so.
      yield* PostgresStore.other(PostgresStore.critical(UnitOfWork.run(backend))).pipe(Effect.timeout("4 seconds"))
      expect(yield* Fiber.poll(waiting)).toMatchObject({ _tag: "None" })
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(waiting)
    }).pipe(Effect.provide(onNewDatabase(postgres, { pool: { critical: 4, other: 2 }, connectTimeout: "20 seconds" }))),
  )

  it.live("a process opens no more connections than it was given, and one to listen", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* times(40, UnitOfWork.run(backend))
      yield* PostgresStore.other(times(40, UnitOfWork.run(backend)))
      const open = sql<{ count: number }>`
        SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database()`
      // The listener opens a second one for a moment, to see that the database is there.
      yield* Effect.sleep("2 seconds")
      expect(yield* open).toEqual([{ count: 6 }])
    }).pipe(Effect.provide(onNewDatabase(postgres, { pool: { critical: 3, other: 2 } }))),
  )

  it.live("who waits for a connection for too long is told that the store is busy", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const holding = yield* Effect.fork(UnitOfWork.run(Deferred.await(gate)))
      yield* Effect.sleep("50 millis")
      expect(yield* Effect.flip(UnitOfWork.run(backend))).toMatchObject({ _tag: "StorageError", reason: "busy" })
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(holding)
    }).pipe(Effect.provide(onNewDatabase(postgres, { pool: { critical: 1, other: 1 }, connectTimeout: "2 seconds" }))),
  )

  it.live("who is interrupted while waiting for a connection loses none", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const holding = yield* Effect.fork(times(2, UnitOfWork.run(Deferred.await(gate))))
      yield* Effect.sleep("50 millis")
      const waiting = yield* Effect.fork(times(20, UnitOfWork.run(backend)))
      const reading = yield* Effect.fork(times(20, backend))
      yield* Effect.sleep("50 millis")
      const interrupting = yield* Effect.fork(Effect.zip(Fiber.interrupt(waiting), Fiber.interrupt(reading)))
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(holding)
      yield* Fiber.join(interrupting)
      yield* times(10, UnitOfWork.run(backend)).pipe(Effect.timeout("4 seconds"))
    }).pipe(Effect.provide(onNewDatabase(postgres, { pool: { critical: 2, other: 1 } }))),
  )
})
