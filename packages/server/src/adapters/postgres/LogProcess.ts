/**
 * A server process for the tests with several of them on one database.
 *
 * `bun LogProcess.ts append URL NAME COUNT` runs units that append to two topics, and now and then in the other order, and
 * to all partitions of one of them, while others publish with ids that all processes share; it prints `done`.
 * `bun LogProcess.ts consume URL NAME [STOP_AT]` is a member of group `g` on topic `work`. It notes each record in
 * the table `effect`, in the unit that commits, and prints `at OFFSET`. Between the effect of record STOP_AT and its
 * commit it prints `stop`, and goes on only after it was stopped for longer than its lease; then it prints what became
 * of the commit.
 */
import { writeSync } from "node:fs"
import { SqlClient } from "@effect/sql/SqlClient"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Redacted } from "effect"
import * as PostgresStore from "./PostgresStore.ts"

export const TOPICS = {
  left: { partitions: 3 },
  right: {},
  shared: { partitions: 2 },
  work: { partitions: 4 },
} as const
export const LEASE_MILLIS = 2_000
const BEAT_MILLIS = 200
const BATCH = 5
/** A gap in the process's own time that only a stop can make, also on a busy machine. */
const STOPPED_MILLIS = 1_200

const print = (line: string) => Effect.sync(() => writeSync(1, `${line}\n`))

const records = (name: string, n: number, count: number): ReadonlyArray<EventLog.NewRecord> =>
  Array.from({ length: count }, (_, i) => ({ key: `${name}-${n % 7}-${i}`, payload: { name, n, i } }))

const append = (name: string, count: number) =>
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    const unit = (n: number) =>
      UnitOfWork.run(
        Effect.forEach(
          n % 5 !== 0 ? ["left", "right"] : ["right", "left"],
          (topic) => log.append(topic, records(name, n, 3)),
          { discard: true },
        ),
      )
    const shared = (n: number) => log.publish("shared", [{ key: `${name}-${n}`, payload: n, id: `id-${n}` }])
    yield* Effect.forEach(
      Array.from({ length: count }, (_, n) => n),
      (n) => Effect.zip(unit(n), shared(n), { concurrent: true }),
      { concurrency: 4, discard: true },
    )
    yield* print("done")
  })

/** Nothing else of the process runs meanwhile: no heartbeat, no timer. */
const spinThroughStop = Effect.sync(() => {
  let before = performance.now()
  writeSync(1, "stop\n")
  for (let now = before; now - before < STOPPED_MILLIS; ) {
    before = now
    now = performance.now()
  }
})

const consume = (name: string, stopAt: number | undefined) =>
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    const sql = yield* SqlClient
    const member = { group: "g", topic: "work", member: `${name}-${crypto.randomUUID()}` }

    const handle = (lease: EventLog.PartitionLease) =>
      Effect.gen(function* () {
        const { epoch, partition } = lease
        const from = yield* log.committed("g", "work", partition)
        const batch = yield* log.read("work", partition, from, BATCH)
        if (batch.length === 0) return
        const stops = batch.some(({ payload }) => payload === stopAt)
        const unit = Effect.gen(function* () {
          for (const { offset, payload } of batch) {
            yield* sql`INSERT INTO effect (partition, "offset", n, name)
              VALUES (${partition}, ${offset}, ${Number(payload)}, ${name})`
          }
          if (stops) yield* spinThroughStop
          yield* log.commit("g", "work", partition, from, from + batch.length, epoch)
        })
        const exit = yield* Effect.either(UnitOfWork.run(unit))
        if (stops) yield* print(`became ${exit._tag === "Right" ? "committed" : exit.left._tag}`)
        else yield* print(`at ${partition} ${from + batch.length}`)
      })

    while (true) {
      const leases = yield* log.heartbeat(member, LEASE_MILLIS)
      yield* Effect.forEach(leases, handle, { concurrency: "unbounded", discard: true })
      yield* Effect.sleep(BEAT_MILLIS)
    }
  })

if (import.meta.main) {
  const [, , scenario = "", url = "", name = "", number] = process.argv
  const life =
    scenario === "append"
      ? append(name, Number(number))
      : consume(name, number === undefined ? undefined : Number(number))
  const store = PostgresStore.layer({ url: Redacted.make(url), topics: TOPICS, pool: { critical: 6, other: 1 } })
  await Effect.runPromise(Effect.provide(life, store))
}
