/**
 * The driver for Node ≥ 22.13 on its own `node:sqlite`: no package to install. Bun has the same module.
 *
 * The SQLite in it is as old as the Node it came with (`select sqlite_version()`); take `better-sqlite3` where that
 * one is too old for the buffer.
 *
 * @example
 * import { nodeSqlite } from "@paceline/device-bridge/drivers/node-sqlite"
 * const bridge = openBridge({ driver: nodeSqlite(), … })
 */
import { DatabaseSync, type SQLOutputValue } from "node:sqlite"
import { hostFiles } from "./HostFiles.ts"
import {
  calling,
  type SqliteDatabase,
  type SqliteDriver,
  SqliteFailure,
  type SqliteRow,
  type SqliteStatement,
  transactionWith,
} from "./SqliteDriver.ts"

export const nodeSqlite = (): SqliteDriver => ({
  name: "node:sqlite",
  processId: process.pid,
  open: (path) => open(path),
  ...hostFiles,
})

const open = (path: string): SqliteDatabase => {
  // The module would turn foreign keys on by itself; which pragmas hold is the buffer's decision.
  const database = calling(() => new DatabaseSync(path, { enableForeignKeyConstraints: false, timeout: 0 }))
  let open = true
  const exec = (sql: string): void => calling(() => database.exec(sql))

  const prepare = (sql: string): SqliteStatement => {
    const statement = calling(() => database.prepare(sql))
    return {
      run: (...parameters) => calling(() => ({ changes: Number(statement.run(...parameters).changes) })),
      get: (...parameters) =>
        calling(() => {
          const row = statement.get(...parameters)
          return row === undefined ? undefined : plain(row)
        }),
      all: (...parameters) => calling(() => statement.all(...parameters).map(plain)),
    }
  }

  const close = (): void => {
    if (!open) return
    open = false
    calling(() => database.close())
  }

  return { exec, prepare, transaction: transactionWith(exec), close }
}

type NativeRow = Record<string, SQLOutputValue>

/** The module gives integers as `bigint` only when asked to, and refuses those that are not safe otherwise. */
const plain = (row: NativeRow): SqliteRow => {
  if (isPlain(row)) return row
  throw new SqliteFailure("SQLITE_ERROR", "node:sqlite gave an integer as a bigint")
}

const isPlain = (row: NativeRow): row is NativeRow & SqliteRow =>
  Object.values(row).every((value) => typeof value !== "bigint")
