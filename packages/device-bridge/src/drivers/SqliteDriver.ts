/**
 * What the buffer needs from a SQLite: a small synchronous port, so that one buffer runs on every host.
 *
 * A driver opens databases and does the few file operations that setting a broken database aside and a full disk take.
 * It sets no pragmas: durability is the buffer's decision, and drivers differ in their defaults. Every driver
 * passes `DriverSuite`.
 *
 * @example
 * const database = bunSqlite().open("buffer.sqlite")
 * database.exec("create table note (text text)")
 * database.transaction(() => database.prepare("insert into note values (?)").run("hello"))
 */

/** What a column holds, or a parameter. Integers must be safe integers; blobs come back as `Uint8Array`. */
export type SqliteValue = null | number | string | Uint8Array

export type SqliteRow = Readonly<Record<string, SqliteValue>>

/** A prepared statement; parameters go by position. It lives until its database closes. */
export interface SqliteStatement {
  /** Runs a statement that gives no rows, and says how many rows it changed. */
  run(...parameters: ReadonlyArray<SqliteValue>): { readonly changes: number }
  get(...parameters: ReadonlyArray<SqliteValue>): SqliteRow | undefined
  all(...parameters: ReadonlyArray<SqliteValue>): ReadonlyArray<SqliteRow>
}

/** One connection. Whatever fails throws a `SqliteFailure`. */
export interface SqliteDatabase {
  /** Runs one or more statements without parameters. */
  exec(sql: string): void
  prepare(sql: string): SqliteStatement
  /** Runs `body` between `BEGIN IMMEDIATE` and `COMMIT`; rolls back and throws on when anything throws. Does not nest. */
  transaction<A>(body: () => A): A
  /** Ends every statement and frees every lock. Closing twice is harmless. */
  close(): void
}

export interface SqliteDriver {
  readonly name: string
  /** Of the process that opens databases; only to tell people who holds a buffer. */
  readonly processId: number
  /**
   * Which start of the device this is, where the host tells: another after every reboot and power cut. It tells a
   * process that was killed, which loses nothing, from a power cut. Null, or no such function, where it is not known.
   */
  bootId?(): string | null
  /** Opens the file for reading and writing and creates it when it is missing; its folder must exist. */
  open(path: string): SqliteDatabase
  exists(path: string): boolean
  rename(from: string, to: string): void
  /** Removes the file; harmless when there is none. */
  remove(path: string): void
  /** Writes a file that really takes up this many bytes; throws when they are not free. */
  occupy(path: string, bytes: number): void
}

/** The primary result codes that the buffer tells apart (https://sqlite.org/rescode.html). */
export type SqliteCode =
  | "SQLITE_BUSY"
  | "SQLITE_CANTOPEN"
  | "SQLITE_CONSTRAINT"
  | "SQLITE_CORRUPT"
  | "SQLITE_FULL"
  | "SQLITE_IOERR"
  | "SQLITE_NOTADB"
  | "SQLITE_READONLY"
  | "SQLITE_ERROR"

/** SQLite refused. `code` is the primary result code; what the buffer does not tell apart is `SQLITE_ERROR`. */
export class SqliteFailure extends Error {
  readonly _tag = "SqliteFailure"
  override readonly name = "SqliteFailure"
  readonly code: SqliteCode

  constructor(code: SqliteCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  /**
   * From what a native driver threw. Its `code` may be an extended one, such as `SQLITE_IOERR_FSYNC`; others carry
   * the number, as `errcode` (node:sqlite) or `resultCode` (SQLite's own WebAssembly), or leave only words.
   */
  static from(thrown: unknown): SqliteFailure {
    if (thrown instanceof SqliteFailure) return thrown
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    const native = thrown instanceof Error && "code" in thrown ? String(thrown.code) : ""
    const code =
      codes.find(({ name }) => native === name || native.startsWith(`${name}_`)) ??
      codes.find(({ number }) => number === primaryCode(thrown)) ??
      codes.find(({ words }) => words !== undefined && message.includes(words))
    return new SqliteFailure(code?.name ?? "SQLITE_ERROR", message, { cause: thrown })
  }
}

/** Each with its number and, where they tell it apart, the words of `sqlite3_errstr`. */
const codes: ReadonlyArray<{ readonly name: SqliteCode; readonly number: number; readonly words?: string }> = [
  { name: "SQLITE_BUSY", number: 5, words: "database is locked" },
  { name: "SQLITE_CANTOPEN", number: 14, words: "unable to open database file" },
  { name: "SQLITE_CONSTRAINT", number: 19, words: "constraint failed" },
  { name: "SQLITE_CORRUPT", number: 11, words: "database disk image is malformed" },
  { name: "SQLITE_FULL", number: 13, words: "database or disk is full" },
  { name: "SQLITE_IOERR", number: 10, words: "disk I/O error" },
  { name: "SQLITE_NOTADB", number: 26, words: "file is not a database" },
  { name: "SQLITE_READONLY", number: 8, words: "attempt to write a readonly database" },
]

/** The primary result code is the low byte of an extended one. */
const primaryCode = (thrown: unknown): number | null => {
  const numbers: ReadonlyArray<unknown> =
    typeof thrown === "object" && thrown !== null
      ? [Reflect.get(thrown, "errcode"), Reflect.get(thrown, "resultCode")]
      : []
  const number = numbers.find((value) => typeof value === "number")
  return typeof number === "number" ? number & 0xff : null
}

/** Calls a native driver, and gives whatever it throws the port's own shape. For those who write a driver. */
export const calling = <A>(native: () => A): A => {
  try {
    return native()
  } catch (thrown) {
    throw SqliteFailure.from(thrown)
  }
}

/** The transaction of a driver, from its `exec`. For those who write a driver. */
export const transactionWith =
  (exec: (sql: string) => void) =>
  <A>(body: () => A): A => {
    exec("BEGIN IMMEDIATE")
    try {
      const result = body()
      exec("COMMIT")
      return result
    } catch (thrown) {
      try {
        exec("ROLLBACK")
      } catch {
        // SQLite has rolled back by itself, as it does when the disk is full.
      }
      throw thrown
    }
  }
