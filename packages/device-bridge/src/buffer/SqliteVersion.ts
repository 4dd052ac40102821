/**
 * Refuses a SQLite that can destroy a database with a write-ahead log.
 *
 * Where two connections to one file write or checkpoint at the same moment, versions from 3.7.0 on could take a part
 * of the log for copied that was not, and lose it (https://sqlite.org/wal.html#walresetbug). It was mended in 3.51.3,
 * and in 3.44.6 and 3.50.7 for those who stay there. The bridge itself keeps one connection to its file, but whoever
 * looks into the file while it records opens another; so such a SQLite is refused, whatever the chance.
 */
import { text } from "../drivers/Row.ts"
import type { SqliteDatabase } from "../drivers/SqliteDriver.ts"
import { SqliteUnsafe } from "./Errors.ts"

/** @throws SqliteUnsafe */
export const assertSafeSqlite = (database: SqliteDatabase, driverName: string): void => {
  const row = database.prepare("select sqlite_version() as version").get() ?? {}
  const version = text(row, "version")
  if (!isSafe(version)) throw new SqliteUnsafe(driverName, version)
}

/** The first patch of these minor versions that is mended; all minor versions after them are. */
const MENDED: ReadonlyMap<number, number> = new Map([
  [44, 6],
  [50, 7],
  [51, 3],
])
const FIRST_MENDED_MINOR = 52

/** Whether this version of SQLite, such as `3.53.4`, is without the fault. */
export const isSafe = (version: string): boolean => {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []
  if (Number(major) !== 3) return Number(major) > 3
  if (Number(minor) >= FIRST_MENDED_MINOR) return true
  return Number(patch) >= (MENDED.get(Number(minor)) ?? Number.POSITIVE_INFINITY)
}
