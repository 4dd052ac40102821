import { Database as BunDatabase } from "bun:sqlite"
import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { StorageError, UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Context, Effect, Exit, Layer, Scope, TestClock } from "effect"
import { DataFolderNewer } from "./DataFolder.ts"
import { latestMigration, migrations } from "./migrations/index.ts"
import * as SqliteStore from "./SqliteStore.ts"

/** With a space in its name, as a folder of a real person has. */
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline store "))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

const opened = <A, E>(path: string, body: Effect.Effect<A, E, SqliteStore.Provided>) =>
  Effect.provide(body, SqliteStore.layer({ folder: path }))

const openingFails = (path: string) => Effect.flip(opened(path, Effect.void))

const append = (payload: unknown) =>
  Effect.flatMap(EventLog.EventLog, (log) => UnitOfWork.run(log.append("t", [{ key: "k", payload }])))

const read = Effect.flatMap(EventLog.EventLog, (log) => log.read("t", 0, 0, 10_000))

const payloads = Effect.map(read, (records) => records.map(({ payload }) => payload))

const pragma = (name: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const [row] = yield* sql.unsafe(`PRAGMA ${name}`).values
    return row?.[0]
  })

const digest = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex")

const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

describe("sqlite store", () => {
  it.scopedLive("keeps what was written for the next opening, and leaves one plain file behind", () =>
    Effect.gen(function* () {
      const path = yield* folder
      yield* opened(path, append(1))
      expect(existsSync(join(path, `${SqliteStore.FILE}-wal`))).toBe(false)
      yield* opened(path, append(2))
      const records = yield* opened(path, read)
      expect(records.map(({ offset, payload }) => ({ offset, payload }))).toEqual([
        { offset: 0, payload: 1 },
        { offset: 1, payload: 2 },
      ])
    }),
  )

  it.live("writes durably, checks references, and reads on a connection that cannot write", () =>
    Effect.gen(function* () {
      const settings = ["journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint"]
      expect(yield* UnitOfWork.run(Effect.forEach(settings, pragma))).toEqual(["wal", 2, 1, 0])
      expect(yield* pragma("query_only")).toBe(1)
    }).pipe(Effect.provide(SqliteStore.layerTest())),
  )

  it.scoped("folds the write-ahead log into the file while it is in use", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const bytes = () => readFileSync(join(path, SqliteStore.FILE)).byteLength
      const folded = Effect.gen(function* () {
        yield* append("x".repeat(100_000))
        while (bytes() < 100_000) {
          yield* TestClock.adjust("1 second")
          yield* turn
        }
      })
      yield* opened(path, folded)
    }),
  )

  it.live("[log 6] a full disk is a typed error, nothing false is answered, and reading still works", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const stored: Array<string> = []
      let error: StorageError | undefined
      for (let i = 0; error === undefined; i++) {
        const payload = `${i} ${"x".repeat(5000)}`
        const exit = yield* Effect.either(append(payload))
        if (exit._tag === "Right") stored.push(payload)
        else error = exit.left
      }
      expect(error).toBeInstanceOf(StorageError)
      expect(error).toMatchObject({ reason: "full" })
      expect(error.message).toContain("The disk is full")
      expect(stored.length).toBeGreaterThan(5)
      expect(yield* payloads).toEqual(stored)
      const bySql = UnitOfWork.run(sql`UPDATE log_record SET payload = ${"y".repeat(1_000_000)}`)
      expect(yield* Effect.flip(bySql)).toMatchObject({ _tag: "StorageError", reason: "full" })
      expect(yield* payloads).toEqual(stored)

      yield* UnitOfWork.run(sql`DELETE FROM log_record WHERE (position & 0xFFFFFFFFFF) < 3`)
      yield* append("there is room again")
      expect(yield* payloads).toEqual([...stored.slice(3), "there is room again"])
    }).pipe(Effect.provide(SqliteStore.layerTest({ database: { maxPageCount: 100 } }))),
  )

  it.live("[log 4] a unit that fills the disk fails alone, although SQLite then undoes the whole transaction", () =>
    Effect.gen(function* () {
      const sizes = [10, 10, 10_000_000, 10, 10_000_000, 10]
      const exits = yield* Effect.forEach(sizes, (size, i) => Effect.exit(append(`${i}${"x".repeat(size)}`)), {
        concurrency: "unbounded",
      })
      expect(exits.map(Exit.isSuccess)).toEqual([true, true, false, true, false, true])
      expect((yield* payloads).map((payload) => String(payload)[0])).toEqual(["0", "1", "3", "5"])
    }).pipe(Effect.provide(SqliteStore.layerTest({ database: { maxPageCount: 200 } }))),
  )

  it.scopedLive("another program's lock is a typed error after a while, and reading works meanwhile", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const layer = SqliteStore.layer({ folder: path, database: { busyTimeoutMillis: 0 }, writer: { busyMillis: 30 } })
      const body = Effect.gen(function* () {
        yield* append("before")
        const other = new BunDatabase(join(path, SqliteStore.FILE))
        other.run("BEGIN IMMEDIATE")
        const waiting = yield* Effect.flip(append("meanwhile"))
        expect(waiting).toMatchObject({ reason: "busy" })
        expect(yield* payloads).toEqual(["before"])
        other.close(true)
        yield* append("after")
        expect(yield* payloads).toEqual(["before", "after"])
      })
      yield* Effect.provide(body, layer)
    }),
  )

  it.scopedLive("what is asked of a closed store fails as closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(SqliteStore.layerTest(), scope)
      const log = Context.get(context, EventLog.EventLog)
      yield* Effect.provide(append(1), context)
      yield* Scope.close(scope, Exit.void)
      expect(yield* Effect.flip(Effect.provide(append(2), context))).toMatchObject({ reason: "closed" })
      expect(yield* Effect.flip(log.read("t", 0, 0, 1))).toMatchObject({ reason: "closed" })
      const bySql = Effect.flatMap(SqlClient, (sql) => sql`SELECT 1`).pipe(Effect.provide(context), Effect.flip)
      expect((yield* bySql).cause).toMatchObject({ reason: "closed" })
    }),
  )

  it.scopedLive("data of a newer version is refused, and not a byte of it changed", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const future = SqliteStore.layer({
        folder: path,
        migrations: { ...migrations, "9999_future": Effect.flatMap(SqlClient, (sql) => sql`CREATE TABLE future (x)`) },
      })
      yield* Effect.provide(append("from the future"), future)
      const before = digest(join(path, SqliteStore.FILE))
      const error = yield* openingFails(path)
      expect(error).toBeInstanceOf(DataFolderNewer)
      expect(error).toMatchObject({ found: 9999, known: latestMigration })
      expect(error.message).toContain("newer version")
      expect(digest(join(path, SqliteStore.FILE))).toBe(before)
      yield* Effect.provide(append("again"), future)
    }),
  )

  it.scopedLive("data of an older version is brought up to date; a step that fails changes nothing", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const only = (names: ReadonlyArray<string>) =>
        Object.fromEntries(Object.entries(migrations).filter(([name]) => names.includes(name)))
      const file = new BunDatabase(join(path, SqliteStore.FILE), { create: true })
      for (const statement of [
        "CREATE TABLE schema_migration (migration_id INTEGER PRIMARY KEY NOT NULL, created_at datetime NOT NULL DEFAULT current_timestamp, name VARCHAR(255) NOT NULL)",
        "INSERT INTO schema_migration (migration_id, name) VALUES (1, 'log')",
        "CREATE TABLE log_partition (topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL, PRIMARY KEY (topic, partition)) STRICT, WITHOUT ROWID",
        `CREATE TABLE log_record (topic TEXT NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL, appended_at_ms INTEGER NOT NULL, PRIMARY KEY (topic, partition, "offset")) STRICT, WITHOUT ROWID`,
        "CREATE TABLE consumer_offset (consumer_group TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL, PRIMARY KEY (consumer_group, topic, partition)) STRICT, WITHOUT ROWID",
        "INSERT INTO log_partition VALUES ('t', 0, 2), ('two', 0, 0), ('two', 1, 1)",
        `INSERT INTO log_record VALUES ('t', 0, 0, 'k', '"old"', 5), ('t', 0, 1, 'k', '"older"', 6), ('two', 1, 0, 'k', '{"n":1}', 7)`,
        "INSERT INTO consumer_offset VALUES ('g', 't', 0, 1)",
      ]) {
        file.run(statement)
      }
      file.close(true)
      const broken = SqliteStore.layer({
        folder: path,
        migrations: {
          ...only(["0001_log"]),
          "0002_table": Effect.flatMap(SqlClient, (sql) => sql`CREATE TABLE half_way (x)`),
          "0003_broken": Effect.flatMap(SqlClient, (sql) => sql`CREATE TABLE this is not SQL`),
        },
      })
      const error = yield* Effect.flip(Effect.provide(Effect.void, broken))
      expect(error.message).toContain("could not be brought up to date")
      expect(error.message).toContain('"3_broken" failed: ')
      expect(error.message).toContain("syntax error")
      const tables = Effect.flatMap(SqlClient, (sql) => sql<{ name: string }>`SELECT name FROM sqlite_master`)
      const names = (yield* opened(path, tables)).map(({ name }) => name)
      expect(names).toContain("log_record")
      expect(names).not.toContain("half_way")
      const migrated = Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        yield* append("new")
        expect((yield* read).map(({ appendedAtMs, offset, payload }) => [offset, payload, appendedAtMs])).toEqual([
          [0, "old", 5],
          [1, "older", 6],
          [2, "new", expect.any(Number)],
        ])
        expect(yield* log.partitions("two")).toEqual([0, 1])
        expect((yield* log.read("two", 1, 0, 9)).map(({ payload }) => payload)).toEqual([{ n: 1 }])
        expect(yield* log.lag).toEqual([{ group: "g", topic: "t", partition: 0, committed: 1, start: 0, end: 3 }])
      })
      yield* opened(path, migrated)
    }),
  )

  it.scopedLive("a file that is no database, a damaged one, and one of another program are refused untouched", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const file = join(path, SqliteStore.FILE)
      const refused = Effect.gen(function* () {
        const before = digest(file)
        const error = yield* openingFails(path)
        expect(error).toBeInstanceOf(StorageError)
        expect(error).toMatchObject({ reason: "corrupt" })
        expect(error.message).toContain(file)
        expect(digest(file)).toBe(before)
      })
      writeFileSync(file, "Dear diary, ".repeat(1000))
      yield* refused

      rmSync(file)
      const other = new BunDatabase(file)
      other.run("CREATE TABLE photos (id)")
      other.close(true)
      yield* refused

      rmSync(file)
      yield* opened(path, append("x".repeat(100_000)))
      const bytes = readFileSync(file)
      bytes.fill(0xff, 4096, 3 * 4096)
      bytes.fill(0xff, 100, 200)
      writeFileSync(file, bytes)
      yield* refused
    }),
  )

  it.scopedLive("a topic keeps the number of partitions that it was first stored with", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const partitions = (count: number) =>
        Effect.flatMap(EventLog.EventLog, (log) => log.partitions("t")).pipe(
          Effect.provide(SqliteStore.layer({ folder: path, topics: { t: { partitions: count } } })),
        )
      expect(yield* partitions(3)).toEqual([0, 1, 2])
      expect(yield* partitions(5)).toEqual([0, 1, 2])
      expect(
        yield* opened(
          path,
          Effect.flatMap(EventLog.EventLog, (log) => log.partitions("t")),
        ),
      ).toEqual([0, 1, 2])
    }),
  )
})
