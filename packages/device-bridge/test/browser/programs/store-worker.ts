/**
 * A worker that does with a store what it is told to. Each message is `[number, command, …]`; the answer is
 * `[number, result]`, where a failure is `{ code, message }`.
 */
import { type SqliteDatabase, SqliteFailure } from "../../../src/drivers/SqliteDriver.ts"
import { type SqliteWasmDriver, sqliteWasm } from "../../../src/drivers/SqliteWasm.ts"

let driver: SqliteWasmDriver | null = null
let database: SqliteDatabase | null = null

let flushes = 0
// Workers alone have these, and the types of pages do not know them.
const handle: unknown = Reflect.get(globalThis, "FileSystemSyncAccessHandle")
const prototype: object = typeof handle === "function" ? handle.prototype : {}
const flush: unknown = Reflect.get(prototype, "flush")
Reflect.set(prototype, "flush", function (this: unknown) {
  flushes++
  if (typeof flush === "function") Reflect.apply(flush, this, [])
})

const commands: Readonly<Record<string, (text: string, number: number) => unknown>> = {
  /** Owns the store, waiting so long for it. */
  own: async (store, patienceMillis) => {
    driver = await sqliteWasm({ store, patienceMillis, wasmUrl: "/sqlite3.wasm" })
    return driver.files().toSorted()
  },
  open: (path) => {
    database = driver?.open(path) ?? null
    database?.exec("pragma journal_mode = wal; pragma synchronous = full")
  },
  exec: (sql) => database?.exec(sql),
  all: (sql) => database?.prepare(sql).all(),
  /** Puts so many rows of 64 KiB into the table `entry`, a transaction each, until one fails. */
  fill: (_, rows) => {
    const insert = database?.prepare("insert into entry (value) values (zeroblob(65536))")
    for (let row = 0; row < rows; row++) database?.transaction(() => insert?.run())
  },
  occupy: (path, bytes) => driver?.occupy(path, bytes),
  exists: (path) => driver?.exists(path),
  /** How often a file was flushed since this was asked last. */
  flushes: () => {
    const since = flushes
    flushes = 0
    return since
  },
  close: () => database?.close(),
  release: () => driver?.release(),
}

addEventListener("message", async ({ data: [id, command, text = "", number = 0] }) => {
  try {
    postMessage([id, await commands[String(command)]?.(text, number)])
  } catch (thrown) {
    const code = thrown instanceof SqliteFailure ? thrown.code : "no SqliteFailure"
    postMessage([id, { code, message: String(thrown) }])
  }
})
