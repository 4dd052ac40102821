/** A consumer whose connection is lost while it handles: it is no fault of the record. */
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { Consumer, DeadLetters } from "@paceline/core/messaging"
import { Effect, Schedule } from "effect"
import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import {
  type Batch,
  CONSUMER_TOPICS,
  caughtUp,
  publish,
  Steps,
  steps,
  store,
  storedNumbers,
} from "../suites/ConsumerServices.ts"

const layer = onNewDatabase(realPostgres(), { topics: CONSUMER_TOPICS, abandonedAfterMillis: 200 })

/** How a connection is lost in the middle of a handler. */
const losses = {
  "the database ends it while a statement runs": Effect.flatMap(
    SqlClient,
    (sql) => sql`SELECT pg_terminate_backend(pg_backend_pid())`,
  ),
  "the process was paused, and the database gave its transaction up": Effect.zipRight(
    Effect.sleep("800 millis"),
    Effect.flatMap(SqlClient, (sql) => sql`SELECT 1`),
  ),
}

const groups = { group: "g", topic: Steps.name }

/** Handles three records, one after the other; the first attempt at the second loses its connection. */
const handledInSpiteOf = <R>(loss: Effect.Effect<unknown, unknown, R>) =>
  Effect.gen(function* () {
    let attempts = 0
    yield* publish(Steps, steps(0, 3))
    const handle = (batch: Batch) =>
      Effect.suspend(() => Effect.zipRight(++attempts === 2 ? loss : Effect.void, store("g")(batch)))
    const consumer = Consumer.run({ group: "g", topic: Steps, batchSize: 1, attempts: 1, handle })
    yield* Effect.raceFirst(
      consumer,
      Effect.repeat(caughtUp, { until: (done) => done, schedule: Schedule.spaced("50 millis") }),
    )
    return attempts
  })

describe("a consumer whose connection is lost", () => {
  for (const [name, loss] of Object.entries(losses)) {
    it.live(`goes on with the same record, and counts no attempt: ${name}`, () =>
      Effect.gen(function* () {
        const attempts = yield* handledInSpiteOf(loss)
        expect(attempts).toBe(4)
        expect(yield* storedNumbers("g")).toEqual([0, 1, 2])
        expect(yield* DeadLetters.list(groups, { limit: 10 })).toEqual([])
      }).pipe(Effect.provide(layer)),
    )
  }
})
