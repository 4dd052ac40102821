/**
 * The driver for Bun, on `bun:sqlite`: no package to install, and it works inside a compiled binary.
 *
 * @example
 * import { bunSqlite } from "@paceline/device-bridge/drivers/bun-sqlite"
 * const bridge = openBridge({ driver: bunSqlite(), … })
 */
import { Database } from "bun:sqlite"
import { hostFiles } from "./HostFiles.ts"
import {
  calling,
  type SqliteDatabase,
  type SqliteDriver,
  type SqliteRow,
  type SqliteStatement,
  type SqliteValue,
  transactionWith,
} from "./SqliteDriver.ts"

export const bunSqlite = (): SqliteDriver => ({
  name: "bun:sqlite",
  processId: process.pid,
  open: (path) => open(path),
  ...hostFiles,
})

const open = (path: string): SqliteDatabase => {
  const database = calling(() => new Database(path, { create: true, readwrite: true, strict: true }))
  const finalizers: Array<() => void> = []
  const exec = (sql: string): void => calling(() => void database.run(sql))

  const prepare = (sql: string): SqliteStatement => {
    const statement = calling(() => database.prepare<SqliteRow, Array<SqliteValue>>(sql))
    finalizers.push(() => statement.finalize())
    return {
      run: (...parameters) => calling(() => ({ changes: statement.run(...parameters).changes })),
      get: (...parameters) => calling(() => statement.get(...parameters) ?? undefined),
      all: (...parameters) => calling(() => statement.all(...parameters)),
    }
  }

  const close = (): void => {
    // A statement that is left open would keep the connection, and with it its locks, until it is collected.
    for (const finalize of finalizers.splice(0)) finalize()
    calling(() => database.close())
  }

  return { exec, prepare, transaction: transactionWith(exec), close }
}
