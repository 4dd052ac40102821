/**
 * A process that the crash tests start, and that is killed: it publishes, or consumes, on a real store.
 *
 * `bun CrashVictim.ts publish FOLDER` publishes batches for ever and prints the number of each answered one.
 * `bun CrashVictim.ts consume FOLDER [before|after N]` handles them and prints a line a batch, before its commit; with a third argument it kills itself with
 * SIGKILL at record N: after its effect was written and before the commit, or right after the commit. Each
 * delivery is noted in `deliveries.txt`, which no transaction takes back.
 */
import { appendFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { afterCommit, UnitOfWork } from "@paceline/core/consistency"
import { Consumer, EventLog } from "@paceline/core/messaging"
import { Effect, Schema } from "effect"
import * as SqliteStore from "../sqlite/SqliteStore.ts"

export const BATCH = 20

export const Published = EventLog.topic("published", Schema.Struct({ batch: Schema.Int, i: Schema.Int }))

export const DELIVERIES = "deliveries.txt"

const print = (line: string | number) => Effect.sync(() => writeSync(1, `${line}\n`))

const die = () => process.kill(process.pid, "SIGKILL")

/** Ten publishers at once, so that batches share commits: in units of work, and by `publish`. */
const publish = Effect.gen(function* () {
  const log = yield* EventLog.EventLog
  const end = (yield* log.read(Published.name, 0, 0, 1_000_000)).length
  let batch = end / BATCH
  const one = Effect.gen(function* () {
    const own = batch++
    const events = Array.from({ length: BATCH }, (_, i) => ({ key: "k", event: { batch: own, i } }))
    yield* own % 2 === 0 ? UnitOfWork.run(EventLog.append(Published, events)) : EventLog.publish(Published, events)
    yield* print(own)
  })
  yield* Effect.all(
    Array.from({ length: 10 }, () => Effect.forever(one)),
    { concurrency: "unbounded" },
  )
})

const consume = (folder: string, dieAt: { readonly when: string; readonly n: number } | undefined) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* UnitOfWork.run(sql`CREATE TABLE IF NOT EXISTS effect (n INTEGER NOT NULL)`)
    yield* Consumer.run({
      group: "g",
      topic: Published,
      batchSize: 7,
      handle: (batch) =>
        Effect.forEach(
          batch,
          ({ record }) =>
            Effect.gen(function* () {
              appendFileSync(join(folder, DELIVERIES), `${record.offset}\n`)
              yield* sql`INSERT INTO effect (n) VALUES (${record.offset})`
              if (record.offset !== dieAt?.n) return
              if (dieAt.when === "before") die()
              else yield* afterCommit(die)
            }),
          { discard: true },
        ).pipe(Effect.zipRight(print("handled"))),
    })
  })

if (import.meta.main) {
  const [, , scenario = "", folder = "", when, n] = process.argv
  const dieAt = when === undefined ? undefined : { when, n: Number(n) }
  const life = scenario === "publish" ? publish : consume(folder, dieAt)
  await Effect.runPromise(Effect.provide(life, SqliteStore.layer({ folder })))
}
