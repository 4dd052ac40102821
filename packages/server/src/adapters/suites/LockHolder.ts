/**
 * A process that the pause tests start, stop and continue: it holds a lock, looks at its lease, is paused for longer
 * than the lease lasts, and then writes.
 *
 * `bun LockHolder.ts sqlite FILE RESOURCE` and `bun LockHolder.ts postgres URL RESOURCE`. It prints `held TOKEN` while
 * it spins between the look and the write, so that a stop hits it there; when it was stopped it prints what became of
 * its write: `written` or the tag of the error; and `lease TAG` for what its lease says by then.
 */
import { writeSync } from "node:fs"
import { SqlClient } from "@effect/sql/SqlClient"
import { DistributedLock, Timers } from "@paceline/core/concurrency"
import { Fencing, UnitOfWork } from "@paceline/core/consistency"
import { Context, Effect, Layer, Redacted } from "effect"
import * as PostgresLock from "../postgres/DistributedLock.ts"
import * as PostgresStore from "../postgres/PostgresStore.ts"
import * as SqliteDatabase from "../sqlite/Database.ts"
import * as SqliteLock from "../sqlite/DistributedLock.ts"
import * as SqliteSqlClient from "../sqlite/SqlClient.ts"
import { storeClosed } from "../sqlite/SqliteErrors.ts"
import * as SqliteUnitOfWork from "../sqlite/UnitOfWork.ts"
import { Writer } from "../sqlite/Writer.ts"

export const TTL_MILLIS = 4_000
/** A gap in the process's own time that only a pause can make, also on a busy machine. */
const PAUSED_MILLIS = 1_200

const print = (line: string) => Effect.sync(() => writeSync(1, `${line}\n`))

/** The tests' file is another process's: this one comes to it without claiming its folder. */
const sqliteStore = (path: string) =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const writing = yield* SqliteDatabase.open(path, "writer")
      const reading = yield* SqliteDatabase.open(path, "reader")
      const writer = yield* Effect.acquireRelease(
        Effect.sync(() => new Writer(writing)),
        (writer) => Effect.sync(() => writer.close(storeClosed(path))),
      )
      const work = SqliteUnitOfWork.make(writing, writer)
      const sql = yield* SqliteSqlClient.make(writing, reading, work)
      return Context.make(UnitOfWork, work).pipe(Context.add(SqlClient, sql))
    }),
  )

const adapterOf = (engine: string, address: string) =>
  engine === "sqlite"
    ? SqliteLock.layer().pipe(Layer.provideMerge(sqliteStore(address)))
    : PostgresLock.layer().pipe(Layer.provideMerge(PostgresStore.layer({ url: Redacted.make(address) })))

/** Says that it holds the lock, and spins until it was paused: nothing else of it runs, no renewal and no timer. */
const spinThroughPause = (token: number) =>
  Effect.sync(() => {
    let before = performance.now()
    writeSync(1, `held ${token}\n`)
    for (let now = before; now - before < PAUSED_MILLIS; ) {
      before = now
      now = performance.now()
    }
  })

const hold = (resource: string) =>
  Effect.gen(function* () {
    const lock = yield* DistributedLock.DistributedLock
    const lease = yield* lock.acquire(resource, { ttl: TTL_MILLIS })
    const sql = yield* SqlClient
    yield* lease.ensureHeld
    yield* spinThroughPause(lease.token)
    const unit = sql`INSERT INTO written (resource, token) VALUES (${resource}, ${lease.token})`
    const written = yield* Effect.either(UnitOfWork.run(Effect.zipRight(Fencing.fence(resource, lease.token), unit)))
    yield* print(written._tag === "Right" ? "written" : written.left._tag)
    const says = yield* Effect.either(lease.ensureHeld)
    yield* print(`lease ${says._tag === "Right" ? "held" : says.left._tag}`)
  })

if (import.meta.main) {
  const [, , engine = "", address = "", resource = ""] = process.argv
  const store = adapterOf(engine, address).pipe(Layer.provideMerge(Timers.layer))
  await Effect.runPromise(Effect.provide(Effect.scoped(hold(resource)), store))
}
