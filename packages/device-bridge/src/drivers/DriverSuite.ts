/**
 * What every SQLite driver must do, as a list of named checks. It needs no test framework and nothing of its host but
 * the few file operations of `SuiteFiles`, so it runs wherever the driver runs: on Node, in a browser's worker, on a
 * phone. A check that fails throws.
 *
 * @example
 * for (const check of driverSuite) check.run(bunSqlite(), filesIn(mkdtempSync("/tmp/driver-")))
 */
import { type SqliteCode, type SqliteDatabase, type SqliteDriver, SqliteFailure } from "./SqliteDriver.ts"
import { ok, same } from "./SuiteAssertions.ts"

/** What the suite needs of the host beside the driver. Each check gets files of its own. */
export interface SuiteFiles {
  /** A path of this name where the driver may open and put files. Nothing lies there. */
  readonly path: (name: string) => string
  /** A path that no file can be made at, because what should hold it is not there. */
  readonly nowhere: string
  readonly write: (path: string, content: Uint8Array) => void
  readonly read: (path: string) => Uint8Array
}

export interface DriverCheck {
  readonly name: string
  /** Throws when the driver does not keep the promise. */
  readonly run: (driver: SqliteDriver, files: SuiteFiles) => void
}

/** Fails unless `body` throws a `SqliteFailure` with this code. */
const failsWith = (code: SqliteCode, body: () => unknown): void => {
  try {
    body()
  } catch (thrown) {
    ok(thrown instanceof SqliteFailure, `threw ${String(thrown)}, which is no SqliteFailure`)
    same(thrown.code, code, thrown.message)
    return
  }
  throw new Error(`did not fail with ${code}`)
}

/** A check on one database with a table `entry (id integer primary key, value)`. */
const onDatabase = (name: string, body: (database: SqliteDatabase) => void): DriverCheck => ({
  name,
  run: (driver, files) => {
    const database = driver.open(files.path("check.sqlite"))
    try {
      database.exec("create table entry (id integer primary key, value)")
      body(database)
    } finally {
      database.close()
    }
  },
})

export const driverSuite: ReadonlyArray<DriverCheck> = [
  onDatabase("text, whole numbers, fractions, null and blobs come back as they went in", (database) => {
    const insert = database.prepare("insert into entry (value) values (?)")
    const values = ["", "ü ☃", 0, -1, 2 ** 31, Number.MAX_SAFE_INTEGER, 0.1, null, new Uint8Array([0, 255, 10])]
    for (const value of values) insert.run(value)
    const back = database.prepare("select value from entry order by id").all()
    same(
      back.map(({ value }) => (value instanceof Uint8Array ? new Uint8Array(value) : value)),
      values,
    )
  }),

  onDatabase("a row that is not there is undefined, no rows are an empty list", (database) => {
    same(database.prepare("select * from entry where id = ?").get(7), undefined)
    same(database.prepare("select * from entry").all(), [])
  }),

  onDatabase("run says how many rows it changed, and a statement can run again", (database) => {
    const insert = database.prepare("insert into entry values (?, ?)")
    for (let id = 1; id <= 3; id++) same(insert.run(id, "x").changes, 1)
    same(database.prepare("delete from entry where id <= ?").run(2).changes, 2)
    same(database.prepare("delete from entry where id = 99").run().changes, 0)
  }),

  onDatabase("exec runs several statements, with comments and line breaks", (database) => {
    database.exec("insert into entry values (1, 'a;b'); -- a comment\ninsert into entry\nvalues (2, 'c');")
    same(database.prepare("select count(*) as entries from entry").get()?.["entries"], 2)
  }),

  onDatabase("a transaction commits as a whole and gives back its result", (database) => {
    const insert = database.prepare("insert into entry (value) values (?)")
    const result = database.transaction(() => {
      insert.run("a")
      insert.run("b")
      return "done"
    })
    same(result, "done")
    same(database.prepare("select count(*) as entries from entry").get()?.["entries"], 2)
  }),

  onDatabase("a transaction that throws leaves nothing, and the next one works", (database) => {
    const insert = database.prepare("insert into entry (value) values (?)")
    const boom = new Error("boom")
    try {
      database.transaction(() => {
        insert.run("a")
        throw boom
      })
      throw new Error("did not throw")
    } catch (thrown) {
      same(thrown, boom)
    }
    same(database.prepare("select count(*) as entries from entry").get()?.["entries"], 0)
    database.transaction(() => insert.run("b"))
    same(database.prepare("select count(*) as entries from entry").get()?.["entries"], 1)
  }),

  onDatabase("a full database is SQLITE_FULL; what was there stays, deleting works and makes room", (database) => {
    const insert = database.prepare("insert into entry (value) values (zeroblob(4096))")
    database.exec("pragma max_page_count = 20")
    failsWith("SQLITE_FULL", () => {
      for (let i = 0; i < 100; i++) database.transaction(() => insert.run())
    })
    const entries = database.prepare("select count(*) as entries from entry").get()?.["entries"]
    ok(typeof entries === "number" && entries > 5, `${String(entries)} entries fitted`)
    same(database.prepare("delete from entry").run().changes, entries)
    database.transaction(() => insert.run())
  }),

  onDatabase("a broken rule is SQLITE_CONSTRAINT, a broken statement SQLITE_ERROR", (database) => {
    const insert = database.prepare("insert into entry values (?, ?)")
    insert.run(1, "a")
    failsWith("SQLITE_CONSTRAINT", () => insert.run(1, "b"))
    failsWith("SQLITE_ERROR", () => database.exec("selec 1"))
    failsWith("SQLITE_ERROR", () => database.prepare("select * from nowhere"))
  }),

  {
    name: "the write-ahead log and synchronous = full are to be had, and what they hold is there at the next opening",
    run: (driver, files) => {
      const path = files.path("check.sqlite")
      const first = driver.open(path)
      same(first.prepare("pragma journal_mode = wal").get()?.["journal_mode"], "wal")
      first.exec("pragma synchronous = full")
      same(first.prepare("pragma synchronous").get()?.["synchronous"], 2)
      first.exec("create table entry (value)")
      first.transaction(() => first.prepare("insert into entry values (?)").run("kept"))
      same(driver.exists(`${path}-wal`), true)
      first.close()
      const second = driver.open(path)
      same(second.prepare("select value from entry").all(), [{ value: "kept" }])
      second.close()
    },
  },

  {
    name: "what one connection committed, the next one reads",
    run: (driver, files) => {
      const path = files.path("check.sqlite")
      const first = driver.open(path)
      first.exec("create table entry (value); insert into entry values ('kept')")
      first.close()
      const second = driver.open(path)
      same(second.prepare("select value from entry").get()?.["value"], "kept")
      second.close()
    },
  },

  {
    name: "an exclusive lock keeps others out with SQLITE_BUSY, at once, until its owner closes",
    run: (driver, files) => {
      const path = files.path("check.sqlite")
      const owner = driver.open(path)
      const other = driver.open(path)
      // The statement stays prepared: closing must free the lock all the same.
      owner.prepare("select 1").get()
      owner.exec("BEGIN EXCLUSIVE")
      const asked = performance.now()
      failsWith("SQLITE_BUSY", () => other.exec("BEGIN EXCLUSIVE"))
      ok(performance.now() - asked < 1_000, "it waited without being told to")
      owner.close()
      other.exec("BEGIN EXCLUSIVE")
      other.close()
    },
  },

  {
    name: "closing twice is harmless, using a closed database throws",
    run: (driver, files) => {
      const database = driver.open(files.path("check.sqlite"))
      database.close()
      database.close()
      failsWith("SQLITE_ERROR", () => database.exec("select 1"))
    },
  },

  {
    name: "a file that is no database is SQLITE_NOTADB and is left as it was",
    run: (driver, files) => {
      const path = files.path("check.sqlite")
      const letter = new TextEncoder().encode("this is a letter and not a database ".repeat(40))
      files.write(path, letter)
      failsWith("SQLITE_NOTADB", () => {
        const database = driver.open(path)
        try {
          database.prepare("select count(*) from sqlite_master").get()
        } finally {
          database.close()
        }
      })
      same(files.read(path), letter)
    },
  },

  {
    name: "a place where no file can be is SQLITE_CANTOPEN",
    run: (driver, files) => failsWith("SQLITE_CANTOPEN", () => driver.open(files.nowhere)),
  },

  {
    name: "files can be looked for, moved and removed, and take up the room that they are told to",
    run: (driver, files) => {
      const [from, to] = [files.path("a"), files.path("b")]
      same(driver.exists(from), false)
      files.write(from, new Uint8Array([120]))
      driver.rename(from, to)
      same([driver.exists(from), driver.exists(to)], [false, true])
      same(files.read(to), new Uint8Array([120]))
      driver.remove(to)
      driver.remove(to)
      same(driver.exists(to), false)
      driver.occupy(from, 100_000)
      same(files.read(from).length, 100_000)
      driver.remove(from)
    },
  },
]
