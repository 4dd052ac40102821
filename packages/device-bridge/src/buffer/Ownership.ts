/**
 * One owner of a buffer at a time.
 *
 * The owner holds an exclusive SQLite lock on a sibling file (`<path>.lock`) for as long as it lives. The
 * operating system frees it when the process dies, however it dies, so there is never a stale lock to clear
 * away. The lock is not on the buffer itself, so that others may look into that while it is in use.
 */
import { integer, text } from "../drivers/Row.ts"
import { type SqliteDatabase, type SqliteDriver, SqliteFailure, type SqliteRow } from "../drivers/SqliteDriver.ts"
import { BufferOwned, bufferError } from "./Errors.ts"

export interface Ownership {
  release(): void
}

/** Who had the file open and did not close it in order. */
export interface FormerOwner {
  readonly durability: string
  readonly bootId: string | null
}

/** A supervisor restarts faster than the system buries: the lock of the dead may take a moment. */
const PATIENCE_MILLIS = 1_000

/**
 * Becomes the owner of the buffer at `path`.
 *
 * @throws BufferOwned when somebody else is
 */
export const own = (driver: SqliteDriver, path: string): Ownership => {
  let lock: SqliteDatabase
  try {
    lock = driver.open(`${path}.lock`)
  } catch (thrown) {
    throw bufferError(path, thrown)
  }
  try {
    lock.exec(`pragma busy_timeout = ${PATIENCE_MILLIS}`)
    // Nothing is ever written to it, so it needs no journal, which would need room on the disk.
    lock.exec("pragma journal_mode = memory")
    lock.exec("begin exclusive")
    return { release: () => lock.close() }
  } catch (thrown) {
    lock.close()
    if (!(thrown instanceof SqliteFailure) || thrown.code !== "SQLITE_BUSY") throw bufferError(path, thrown)
    throw new BufferOwned(path, readOwner(driver, path))
  }
}

/** The row that an owner left behind; an orderly close takes it away. */
export const formerOf = (row: SqliteRow | undefined): FormerOwner | null => {
  if (row === undefined) return null
  const bootId = row["boot_id"]
  return { durability: text(row, "durability"), bootId: typeof bootId === "string" ? bootId : null }
}

/** What the owner wrote about itself, if it can be read. */
const readOwner = (driver: SqliteDriver, path: string): BufferOwned["owner"] => {
  if (!driver.exists(path)) return null
  try {
    const database = driver.open(path)
    try {
      const row = database.prepare("select pid, since_ms from owner").get()
      return row === undefined ? null : { pid: integer(row, "pid"), sinceMs: integer(row, "since_ms") }
    } finally {
      database.close()
    }
  } catch {
    return null
  }
}
