/**
 * The driver for browsers: SQLite's own WebAssembly build (`@sqlite.org/sqlite-wasm`, which the application installs)
 * on the origin private file system, through its `opfs-sahpool` VFS. That one is synchronous and needs no special HTTP
 * headers, but it runs only inside a dedicated worker, and only on https or localhost.
 *
 * A store is a place in the origin's storage with a name. One worker of one tab owns it at a time; the browser frees it
 * when that worker ends, however it ends. Its files lie side by side, so paths are plain names without a folder.
 *
 * What `synchronous = full` means here is what the browser's `flush()` of a file does: see docs/drivers.md.
 *
 * @example
 * // in a worker
 * import { sqliteWasm } from "@paceline/device-bridge/drivers/sqlite-wasm"
 * const driver = await sqliteWasm({ store: "gym" })
 * const bridge = openBridge({ driver, path: "buffer.sqlite", … })
 */
import { noise } from "./Noise.ts"
import { openPool, type Pool, storageComplaint } from "./OpfsPool.ts"
import {
  type SqliteDatabase,
  type SqliteDriver,
  SqliteFailure,
  type SqliteRow,
  type SqliteStatement,
  type SqliteValue,
  transactionWith,
} from "./SqliteDriver.ts"
import { VfsFiles } from "./VfsFiles.ts"

export interface SqliteWasmOptions {
  /** The name of the store; letters, digits, `-`, `_` and `.`. */
  readonly store: string
  /** Where `sqlite3.wasm` is, when the bundler does not place it beside the script by itself. */
  readonly wasmUrl?: string | URL
  /** How long to wait for an owner that is just ending, such as the page before a reload, in milliseconds. Default 3000. */
  readonly patienceMillis?: number
}

export interface SqliteWasmDriver extends SqliteDriver {
  /** The whole content of a file of the store, such as a buffer that was set aside, to hand it out for recovery. */
  read(path: string): Uint8Array
  /** Writes a file of the store as it is given, such as a backup. */
  write(path: string, content: Uint8Array): void
  /** The names of all files of the store. */
  files(): ReadonlyArray<string>
  /** Gives the store free for others, once all its databases are closed. The driver is of no more use then. */
  release(): Promise<void>
}

/**
 * Becomes the owner of a store.
 *
 * @throws SqliteFailure SQLITE_BUSY when another tab or worker owns it and goes on doing so; SQLITE_CANTOPEN where
 *   the browser has no synchronous file access: outside a dedicated worker, on plain http, in some private windows
 */
export const sqliteWasm = async (options: SqliteWasmOptions): Promise<SqliteWasmDriver> => {
  const { store, wasmUrl, patienceMillis = 3_000 } = options
  assertName(store, `the store ${JSON.stringify(store)}`)
  const pool = await openPool(store, { patienceMillis, ...(wasmUrl === undefined ? {} : { wasmUrl }) })
  const files = new VfsFiles(pool.sqlite3, pool.vfs)
  return {
    name: "@sqlite.org/sqlite-wasm",
    // Browsers have no processes to name.
    processId: 0,
    open: (path) => open(pool, path),
    exists: (path) => pool.names().includes(path),
    remove: (path) => storing(() => pool.unlink(path)),
    rename: (from, to) => {
      // The pool cannot rename. A crash in between leaves both, never none.
      storing(() => withName(to, () => files.copy(from, to)))
      storing(() => pool.unlink(from))
      pool.growSoon()
    },
    occupy: (path, bytes) => {
      storing(() => withName(path, () => files.write(path, noise(bytes))))
      pool.growSoon()
    },
    read: (path) => storing(() => files.read(path)),
    write: (path, content) => storing(() => withName(path, () => files.write(path, content))),
    files: () => pool.names(),
    release: () => pool.release(),
  }
}

const open = (pool: Pool, path: string): SqliteDatabase =>
  withName(path, () => {
    const database = storing(() => new pool.Database(`/${path}`))
    const exec = (sql: string): void => storing(() => void database.exec(sql))
    // A write-ahead log without shared memory, which this VFS does not have, needs the only connection.
    exec("pragma locking_mode = exclusive")

    const prepare = (sql: string): SqliteStatement => {
      const statement = storing(() => database.prepare(sql))
      const row = (): SqliteRow => plain(statement.get({}))
      /** Binds, runs and leaves the statement ready for the next time, whatever happens. */
      const using = <A>(parameters: ReadonlyArray<SqliteValue>, body: () => A): A =>
        storing(() => {
          try {
            if (parameters.length > 0) statement.bind(parameters)
            return body()
          } finally {
            statement.reset(true)
          }
        })
      return {
        run: (...parameters) =>
          using(parameters, () => {
            const before = Number(database.changes(true))
            while (statement.step());
            return { changes: Number(database.changes(true)) - before }
          }),
        get: (...parameters) => using(parameters, () => (statement.step() ? row() : undefined)),
        all: (...parameters) =>
          using(parameters, () => {
            const rows: Array<SqliteRow> = []
            while (statement.step()) rows.push(row())
            return rows
          }),
      }
    }

    const close = (): void => storing(() => database.close())
    return { exec, prepare, transaction: transactionWith(exec), close }
  })

const NAME = /^[A-Za-z0-9._-]{1,128}$/

const assertName = (name: string, what: string): void => {
  if (NAME.test(name)) return
  throw new SqliteFailure("SQLITE_CANTOPEN", `${what} must be of letters, digits, "-", "_" and ".", without folders`)
}

const withName = <A>(path: string, body: () => A): A => {
  assertName(path, `the file ${JSON.stringify(path)}`)
  return body()
}

/** Calls SQLite. The VFS calls everything an I/O error; a quota that is used up is a full disk to the buffer. */
const storing = <A>(native: () => A): A => {
  storageComplaint.clear()
  try {
    return native()
  } catch (thrown) {
    const failure = SqliteFailure.from(thrown)
    if (!storageComplaint.isFull()) throw failure
    throw new SqliteFailure("SQLITE_FULL", "the browser gives this site no more storage", { cause: thrown })
  }
}

const plain = (row: Readonly<Record<string, unknown>>): SqliteRow => {
  if (isPlain(row)) return row
  throw new SqliteFailure("SQLITE_ERROR", "a column holds an integer that is not safe in JavaScript")
}

const isPlain = (row: Readonly<Record<string, unknown>>): row is SqliteRow =>
  Object.values(row).every(
    (value) => value === null || typeof value === "number" || typeof value === "string" || value instanceof Uint8Array,
  )
