/**
 * The driver for React Native on `@op-engineering/op-sqlite`, which is passed in, so that this package does not depend
 * on it. It has no file operations: those come from `expoFiles`, which works without the rest of Expo too. See
 * docs/drivers.md for what was run on a phone.
 *
 * @example
 * import * as FileSystem from "expo-file-system"
 * import * as OpSqlite from "@op-engineering/op-sqlite"
 * import { expoFiles, opSqlite } from "@paceline/device-bridge/drivers/op-sqlite"
 * const bridge = openBridge({ driver: opSqlite(OpSqlite, expoFiles(FileSystem)), path: "buffer.sqlite", … })
 */
import { openingOnPhone, type PhoneFiles } from "./PhoneFiles.ts"
import {
  calling,
  type SqliteDatabase,
  type SqliteDriver,
  SqliteFailure,
  type SqliteRow,
  type SqliteStatement,
  type SqliteValue,
  transactionWith,
} from "./SqliteDriver.ts"

export { type ExpoFileSystemModule, expoFiles, type PhoneFiles } from "./PhoneFiles.ts"

/** What is used of `@op-engineering/op-sqlite`. */
export interface OpSqliteModule {
  open(options: { readonly name: string; readonly location: string }): OpDatabase
}

export interface OpDatabase {
  executeSync(sql: string, parameters?: Array<SqliteValue>): OpResult
  close(): void
}

export interface OpResult {
  readonly rowsAffected: number
  readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>
}

export const opSqlite = (module: OpSqliteModule, files: PhoneFiles): SqliteDriver => ({
  name: "@op-engineering/op-sqlite",
  // Applications on phones are one process.
  processId: 0,
  open: (path) => open(module, files, path),
  exists: files.exists,
  rename: files.rename,
  remove: files.remove,
  occupy: files.occupy,
})

const open = (module: OpSqliteModule, files: PhoneFiles, path: string): SqliteDatabase => {
  const database = openingOnPhone(path, () => module.open({ name: path, location: files.folder }))
  let open = true

  const execute = (sql: string, parameters: ReadonlyArray<SqliteValue>): OpResult =>
    calling(() => {
      if (!open) throw new SqliteFailure("SQLITE_ERROR", "the database is closed")
      return parameters.length === 0 ? database.executeSync(sql) : database.executeSync(sql, [...parameters])
    })
  const exec = (sql: string): void => void execute(sql, [])

  // Its prepared statements live until they are collected, and keep the connection's locks beyond `close`. So a
  // statement here is its text, compiled at each call; compiled once before, because what is wrong in it is told now.
  const prepare = (sql: string): SqliteStatement => {
    execute(`explain ${sql}`, [])
    return {
      run: (...parameters) => ({ changes: execute(sql, parameters).rowsAffected }),
      get: (...parameters) => execute(sql, parameters).rows.map(plain)[0],
      all: (...parameters) => execute(sql, parameters).rows.map(plain),
    }
  }

  const close = (): void => {
    if (!open) return
    open = false
    calling(() => database.close())
  }

  return { exec, prepare, transaction: transactionWith(exec), close }
}

/** Its blobs are array buffers. */
const plain = (row: Readonly<Record<string, unknown>>): SqliteRow =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, sqliteValue(column, value)]))

const sqliteValue = (column: string, value: unknown): SqliteValue => {
  if (value === null || typeof value === "number" || typeof value === "string") return value
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (value instanceof Uint8Array) return value
  throw new SqliteFailure("SQLITE_ERROR", `column ${column} came as ${typeof value}`)
}
