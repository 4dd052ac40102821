/**
 * A process that the crash tests start: a consumer that one of its records kills, with a signal that nothing catches.
 *
 * `bun ConsumerVictim.ts FOLDER` publishes 60 records when the log is empty and consumes them; record 25 kills it. It exits
 * with 0 once the group has nothing more to do.
 */
import { Consumer, EventLog, Progress } from "@paceline/core/messaging"
import { Effect, Schema } from "effect"
import * as SqliteStore from "../sqlite/SqliteStore.ts"
import { type Batch, numbers, publish, store } from "./ConsumerEffects.ts"

export const Deadly = EventLog.topic("deadly", Schema.Struct({ n: Schema.Int }))

export const RECORDS = 60

/** Of the same key as every tenth record. */
export const KILLER = 25

const handle = (batch: Batch) =>
  Effect.tap(store("g")(batch), () =>
    Effect.sync(() => {
      if (batch.some(({ event }) => event.n === KILLER)) process.kill(process.pid, "SIGKILL")
    }),
  )

const finished = Effect.map(Progress.of({ group: "g", topic: Deadly.name }), ({ waiting }) => waiting === 0)

const life = Effect.gen(function* () {
  const log = yield* EventLog.EventLog
  if ((yield* log.bounds(Deadly.name, 0)).end === 0) {
    yield* publish(
      Deadly,
      numbers(0, RECORDS).map((n) => ({ key: `k${n % 10}`, event: { n } })),
    )
  }
  const done = Effect.repeat(Effect.zipRight(Effect.sleep("20 millis"), finished), { until: (holds) => holds })
  yield* Effect.raceFirst(done, Consumer.run({ group: "g", topic: Deadly, batchSize: 20, handle }))
})

if (import.meta.main) {
  const [, , folder = ""] = process.argv
  await Effect.runPromise(Effect.provide(life, SqliteStore.layer({ folder })))
}
