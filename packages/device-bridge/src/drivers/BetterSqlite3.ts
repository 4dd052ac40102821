/**
 * The driver for Node ≥ 22, Electron and gateways, on `better-sqlite3` ≥ 13, which the application installs
 * (`npm install better-sqlite3`). Bun loads it too.
 *
 * @example
 * import { betterSqlite3 } from "@paceline/device-bridge/drivers/better-sqlite3"
 * const bridge = openBridge({ driver: betterSqlite3(), … })
 */
import { existsSync } from "node:fs"
import { dirname } from "node:path"
import Database from "better-sqlite3"
import { hostFiles } from "./HostFiles.ts"
import {
  calling,
  type SqliteDatabase,
  type SqliteDriver,
  SqliteFailure,
  type SqliteStatement,
  transactionWith,
} from "./SqliteDriver.ts"

export const betterSqlite3 = (): SqliteDriver => ({
  name: "better-sqlite3",
  processId: process.pid,
  open: (path) => open(path),
  ...hostFiles,
})

const open = (path: string): SqliteDatabase => {
  // The package would throw a plain TypeError here, not what SQLite says.
  if (!existsSync(dirname(path))) throw new SqliteFailure("SQLITE_CANTOPEN", `the folder of ${path} does not exist`)
  // Its own default would wait five seconds for a lock; the port's databases do not wait until they are told to.
  const database = calling(() => new Database(path, { timeout: 0 }))
  const exec = (sql: string): void => calling(() => void database.exec(sql))

  const prepare = (sql: string): SqliteStatement => {
    const statement = calling(() => database.prepare(sql))
    return {
      run: (...parameters) => calling(() => ({ changes: statement.run(...parameters).changes })),
      get: (...parameters) => calling(() => statement.get(...parameters)),
      all: (...parameters) => calling(() => statement.all(...parameters)),
    }
  }

  return { exec, prepare, transaction: transactionWith(exec), close: () => calling(() => void database.close()) }
}
