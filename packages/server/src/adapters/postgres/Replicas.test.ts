/** A real replica, followed, paused, stopped and started again. */
import { SqlClient } from "@effect/sql/SqlClient"
import { PgClient } from "@effect/sql-pg"
import { describe, expect, it } from "@effect/vitest"
import { ReadYourWrites, UnitOfWork } from "@paceline/core/consistency"
import { Effect, Exit, Layer, Redacted, Schedule } from "effect"
import { replicatedPostgres } from "../../../test/RealPostgres.ts"
import * as PostgresStore from "./PostgresStore.ts"

const postgres = replicatedPostgres()

interface Databases {
  readonly primary: string
  readonly replica: string
}

const store = ({ primary, replica }: Databases) =>
  PostgresStore.layer({ url: Redacted.make(primary), replicas: [Redacted.make(replica)] })

const write = (n: number) => Effect.flatMap(SqlClient, (sql) => UnitOfWork.run(sql`INSERT INTO note (n) VALUES (${n})`))

const notes = Effect.flatMap(SqlClient, (sql) =>
  Effect.map(sql<{ n: number }>`SELECT n FROM note ORDER BY n`, (rows) => rows.map(({ n }) => n)),
)

/** Whether a read that may go to a replica does. */
const onReplica = PostgresStore.allowReplica(
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(sql<{ follows: boolean }>`SELECT pg_is_in_recovery() AS follows`, ([row]) => row?.follows === true),
  ),
)

const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(condition, { until: (holds) => holds, schedule: Schedule.spaced("50 millis") }).pipe(
    Effect.timeout("30 seconds"),
  )

/** The replica gets all, and shows nothing of it until it is told to. */
const pausing = <A, E, R>(replica: string, body: Effect.Effect<A, E, R>) => {
  const say = (what: "pause" | "resume") =>
    Effect.flatMap(SqlClient, (sql) => sql.unsafe(`SELECT pg_wal_replay_${what}()`)).pipe(
      Effect.provide(PgClient.layer({ url: Redacted.make(replica), maxConnections: 1 })),
    )
  return Effect.acquireUseRelease(
    say("pause"),
    () => body,
    () => Effect.orDie(say("resume")),
  )
}

const withReplica = <A, E>(body: (databases: Databases) => Effect.Effect<A, E, PostgresStore.Provided>) =>
  Effect.gen(function* () {
    const databases = yield* Effect.promise(postgres.database)
    const scenario = Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* UnitOfWork.run(sql`CREATE TABLE note (n integer NOT NULL)`)
      yield* until(onReplica)
      return yield* body(databases)
    })
    return yield* Effect.provide(scenario, Layer.fresh(store(databases)))
  })

describe("replicas of postgres", () => {
  it.live(
    "reads go to the replica only where they may, and never inside a unit of work",
    () =>
      withReplica(() =>
        Effect.gen(function* () {
          const follows = Effect.flatMap(
            SqlClient,
            (sql) => sql<{ follows: boolean }>`SELECT pg_is_in_recovery() AS follows`,
          )
          expect(yield* follows).toEqual([{ follows: false }])
          expect(yield* PostgresStore.allowReplica(follows)).toEqual([{ follows: true }])
          expect(yield* PostgresStore.allowReplica(UnitOfWork.run(follows))).toEqual([{ follows: false }])
        }),
      ),
    60_000,
  )

  it.live(
    "[log 7] a session's read waits for what the session wrote, on a replica that is behind",
    () =>
      withReplica(() =>
        Effect.forEach(
          Array.from({ length: 100 }, (_, n) => n),
          (n) =>
            Effect.gen(function* () {
              yield* write(n)
              const session = yield* ReadYourWrites.token()
              expect(yield* PostgresStore.afterWrites(session, notes)).toContain(n)
            }),
          { discard: true },
        ),
      ),
    60_000,
  )

  it.live(
    "[log 7] is answered by the primary when no replica has it in time; others go on reading the old state",
    () =>
      withReplica(({ replica }) =>
        Effect.gen(function* () {
          yield* write(1)
          const before = yield* ReadYourWrites.token()
          expect(yield* PostgresStore.afterWrites(before, notes)).toEqual([1])
          yield* pausing(
            replica,
            Effect.gen(function* () {
              yield* write(2)
              const session = yield* ReadYourWrites.token()
              expect(yield* PostgresStore.afterWrites(session, notes, { within: "200 millis" })).toEqual([1, 2])
              expect(yield* PostgresStore.allowReplica(notes)).toEqual([1])
              const waited = yield* Effect.exit(
                PostgresStore.allowReplica(ReadYourWrites.waitFor(session, { within: "50 millis" })),
              )
              expect(Exit.isFailure(waited)).toBe(true)
            }),
          )
          const session = yield* ReadYourWrites.token()
          yield* PostgresStore.allowReplica(ReadYourWrites.waitFor(session, { within: "20 seconds" }))
        }),
      ),
    60_000,
  )

  it.live(
    "what a replica cannot answer the primary does; it comes back into service by itself",
    () =>
      withReplica(() =>
        Effect.gen(function* () {
          yield* write(1)
          yield* Effect.promise(postgres.stopReplica)
          for (let i = 0; i < 20; i++) expect(yield* PostgresStore.allowReplica(notes)).toEqual([1])
          expect(yield* onReplica).toBe(false)
          yield* write(2)
          yield* Effect.promise(postgres.startReplica)
          yield* until(onReplica)
          const session = yield* ReadYourWrites.token()
          expect(yield* PostgresStore.afterWrites(session, notes, { within: "20 seconds" })).toEqual([1, 2])
        }),
      ),
    90_000,
  )
})
