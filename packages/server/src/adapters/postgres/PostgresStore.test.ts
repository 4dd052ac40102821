import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { afterCommit, StorageError, UnitOfWork } from "@paceline/core/consistency"
import { Deferred, Effect, Exit, Fiber, Redacted } from "effect"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { migrations } from "./migrations/index.ts"
import * as PostgresStore from "./PostgresStore.ts"
import { AbortedUnitOfWork } from "./UnitOfWork.ts"

const postgres = realPostgres()
const database = Effect.promise(postgres.database)

const opened = <A, E>(
  url: string,
  body: Effect.Effect<A, E, PostgresStore.Provided>,
  options: Omit<PostgresStore.PostgresStoreOptions, "url"> = {},
) => Effect.provide(body, PostgresStore.layer({ url: Redacted.make(url), ...options }))

const createTally = Effect.flatMap(SqlClient, (sql) =>
  UnitOfWork.run(sql`CREATE TABLE tally (name text PRIMARY KEY, n integer NOT NULL)`),
)

const add = (name: string) => Effect.flatMap(SqlClient, (sql) => sql`INSERT INTO tally (name, n) VALUES (${name}, 1)`)

const bump = (name: string) => Effect.flatMap(SqlClient, (sql) => sql`UPDATE tally SET n = n + 1 WHERE name = ${name}`)

const names = Effect.flatMap(SqlClient, (sql) =>
  Effect.map(sql<{ name: string }>`SELECT name FROM tally ORDER BY name`, (rows) => rows.map(({ name }) => name)),
)

/** A database with the table `tally`. */
const withTally = <A, E>(body: Effect.Effect<A, E, PostgresStore.Provided>) =>
  Effect.flatMap(database, (url) => opened(url, Effect.zipRight(createTally, body)))

class Refused {
  readonly _tag = "Refused"
}

describe("store on postgres", () => {
  it.live("is opened by several processes at once on an empty database, and migrated once", () =>
    Effect.gen(function* () {
      const url = yield* database
      const versions = Effect.flatMap(
        SqlClient,
        (sql) => sql<{ migration_id: number }>`SELECT migration_id FROM schema_migration ORDER BY migration_id`,
      )
      const found = yield* Effect.all(
        Array.from({ length: 6 }, () => opened(url, versions, { pool: { critical: 1, other: 1 } })),
        { concurrency: "unbounded" },
      )
      for (const rows of found) {
        expect(rows.map(({ migration_id }) => migration_id)).toEqual(Object.keys(migrations).map((_, i) => i + 1))
      }
    }),
  )

  it.live("refuses a database of a newer version, and leaves it as it is", () =>
    Effect.gen(function* () {
      const url = yield* database
      yield* opened(url, Effect.void)
      const error = yield* Effect.flip(opened(url, Effect.void, { migrations: {} }))
      const newest = Object.keys(migrations).length
      expect(error).toEqual(new PostgresStore.DatabaseNewer({ found: newest, known: 0 }))
      yield* opened(url, Effect.void)
    }),
  )

  it.live("a step that fails changes nothing, and says what is wrong", () =>
    Effect.gen(function* () {
      const url = yield* database
      const broken = Effect.flatMap(SqlClient, (sql) => sql`CREATE TABLE broken (n nonsense)`)
      const error = yield* Effect.flip(
        opened(url, Effect.void, { migrations: { ...migrations, "9999_broken": Effect.asVoid(broken) } }),
      )
      expect(error).toMatchObject({ _tag: "StorageError", reason: "failed" })
      expect(error.message).toContain("nonsense")
      const tables = Effect.flatMap(SqlClient, (sql) => sql`SELECT 1 FROM pg_tables WHERE tablename = 'lock_lease'`)
      expect(yield* opened(url, tables, { migrations: {} })).toEqual([])
    }),
  )

  it.live("tells in plain words that the database cannot be reached, or does not exist", () =>
    Effect.gen(function* () {
      const url = yield* database
      const gone = yield* Effect.flip(opened("postgres://nobody@127.0.0.1:1/none", Effect.void))
      expect(gone).toBeInstanceOf(StorageError)
      expect(gone.message).toMatch(/cannot be reached/)
      const missing = yield* Effect.flip(opened(`${url}_missing`, Effect.void))
      expect(missing.message).toMatch(/does not exist/)
    }),
  )
})

describe("unit of work on postgres", () => {
  it.live("[log 1] is there whole when it succeeds, and not at all when it fails, dies or is interrupted", () =>
    withTally(
      Effect.gen(function* () {
        const told: Array<string> = []
        const unit = (name: string, end: Effect.Effect<unknown, Refused>) =>
          Effect.exit(
            UnitOfWork.run(
              Effect.gen(function* () {
                yield* add(name)
                yield* afterCommit(() => told.push(name))
                yield* end
              }),
            ),
          )
        expect(Exit.isSuccess(yield* unit("kept", Effect.void))).toBe(true)
        expect(yield* unit("failed", Effect.fail(new Refused()))).toEqual(Exit.fail(new Refused()))
        expect(yield* unit("died", Effect.die("a bug"))).toEqual(Exit.die("a bug"))
        const sleeping = yield* Effect.fork(unit("interrupted", Effect.never))
        yield* Effect.sleep(50)
        yield* Fiber.interrupt(sleeping)
        expect(yield* names).toEqual(["kept"])
        expect(told).toEqual(["kept"])
      }),
    ),
  )

  it.live("[log 4] a unit inside a unit fails alone, and commits with the outer one", () =>
    withTally(
      Effect.gen(function* () {
        const told: Array<string> = []
        const inner = (name: string, end: Effect.Effect<unknown, Refused> = Effect.void) =>
          UnitOfWork.run(
            Effect.all(
              [
                add(name),
                afterCommit(() => {
                  told.push(name)
                }),
                end,
              ],
              { discard: true },
            ),
          )
        yield* UnitOfWork.run(
          Effect.gen(function* () {
            yield* add("outer")
            yield* inner("inner")
            yield* Effect.ignore(inner("refused", Effect.fail(new Refused())))
            yield* Effect.ignore(inner("outer"))
            expect(told).toEqual([])
          }),
        )
        expect(yield* names).toEqual(["inner", "outer"])
        expect(told).toEqual(["inner"])
        yield* Effect.ignore(UnitOfWork.run(Effect.zipRight(inner("lost"), Effect.fail(new Refused()))))
        expect(yield* names).toEqual(["inner", "outer"])
        expect(told).toEqual(["inner"])
      }),
    ),
  )

  it.live("[log 5] a unit that went on after a failed statement dies instead of answering falsely", () =>
    withTally(
      Effect.gen(function* () {
        yield* UnitOfWork.run(add("taken"))
        const careless = Effect.zipRight(add("lost"), Effect.ignore(add("taken")))
        expect(yield* Effect.exit(UnitOfWork.run(careless))).toEqual(Exit.die(new AbortedUnitOfWork()))
        const nested = UnitOfWork.run(Effect.asVoid(UnitOfWork.run(careless)))
        expect(yield* Effect.exit(nested)).toEqual(Exit.die(new AbortedUnitOfWork()))
        expect(yield* names).toEqual(["taken"])
      }),
    ),
  )

  it.live("units that lock each other out are run again, until both are done", () =>
    withTally(
      Effect.gen(function* () {
        yield* UnitOfWork.run(Effect.zipRight(add("a"), add("b")))
        const [one, two] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        let runs = 0
        const crossing = (first: string, second: string, mine: typeof one, other: typeof one) =>
          UnitOfWork.run(
            Effect.gen(function* () {
              runs++
              yield* bump(first)
              yield* Deferred.succeed(mine, undefined)
              yield* Deferred.await(other)
              yield* bump(second)
            }),
          )
        yield* Effect.all([crossing("a", "b", one, two), crossing("b", "a", two, one)], { concurrency: 2 })
        expect(runs).toBeGreaterThan(2)
        const sql = yield* SqlClient
        expect(yield* sql`SELECT n FROM tally`).toEqual([{ n: 3 }, { n: 3 }])
      }),
    ),
  )

  it.live("a lost connection is a StorageError, and the next unit has another one", () =>
    withTally(
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const suicide = sql`SELECT pg_terminate_backend(pg_backend_pid())`
        const error = yield* Effect.flip(UnitOfWork.run(Effect.zipRight(add("lost"), suicide)))
        expect(error).toBeInstanceOf(StorageError)
        for (let i = 0; i < 3; i++) yield* UnitOfWork.run(add(`next-${i}`))
        expect(yield* names).toEqual(["next-0", "next-1", "next-2"])
      }),
    ),
  )

  it.live("a unit that falls silent in the middle is ended by the database, and what it locked is free", () =>
    Effect.gen(function* () {
      const url = yield* database
      yield* opened(url, Effect.zipRight(createTally, UnitOfWork.run(add("a"))))
      const silent = UnitOfWork.run(Effect.zipRight(bump("a"), Effect.sleep("30 seconds")))
      const stuck = yield* Effect.fork(opened(url, silent, { abandonedAfterMillis: 300 }))
      yield* Effect.sleep("100 millis")
      yield* opened(url, UnitOfWork.run(bump("a"))).pipe(Effect.timeout("5 seconds"))
      const rows = yield* opened(
        url,
        Effect.flatMap(SqlClient, (sql) => sql`SELECT n FROM tally`),
      )
      expect(rows).toEqual([{ n: 2 }])
      yield* Fiber.interrupt(stuck)
    }),
  )
})
