/**
 * The tables of the buffer, and the pragmas that its promises rest on.
 *
 * `user_version` counts the migrations that a file has been through. A file from a newer version is refused
 * before anything is written to it; an older one is brought up to date in one transaction, with its data.
 */
import { integer } from "../drivers/Row.ts"
import { type SqliteDatabase, SqliteFailure } from "../drivers/SqliteDriver.ts"
import { BufferTooNew } from "./Errors.ts"

/** Migration `i` brings a file from version `i` to `i + 1`. Never edit one that was released: add another. */
export const migrations: ReadonlyArray<string> = [
  `
  -- One opening of the buffer; the sequence says which came first, the id is random.
  create table incarnation (
    opened integer primary key autoincrement,
    id text not null unique,
    opened_at_ms integer not null
  ) strict;

  -- What waits for delivery.
  create table chunk (
    incarnation text not null references incarnation (id),
    n integer not null,
    crc integer not null,
    payload blob not null,
    sample_count integer not null,
    appended_at_ms integer not null,
    primary key (incarnation, n)
  ) strict;

  -- What was acknowledged, when it is to be kept.
  create table delivered (
    incarnation text not null,
    n integer not null,
    crc integer not null,
    payload blob not null,
    sample_count integer not null,
    appended_at_ms integer not null,
    primary key (incarnation, n)
  ) strict;

  -- What the server could not read, and why.
  create table quarantine (
    incarnation text not null,
    n integer not null,
    crc integer not null,
    payload blob not null,
    sample_count integer not null,
    appended_at_ms integer not null,
    reason text not null,
    primary key (incarnation, n)
  ) strict;

  -- How far each source has been read; moves in the transaction that stores what was read.
  create table cursor (
    source text primary key,
    position text not null
  ) strict;

  -- Who has the buffer open; no row after an orderly close.
  create table owner (
    one integer primary key check (one = 1),
    pid integer not null,
    since_ms integer not null
  ) strict;
  `,
]

/** How long a statement waits for a lock of somebody who looks into the file, in milliseconds. */
const BUSY_TIMEOUT_MILLIS = 5_000

/** The number that stands for `synchronous = full`: every commit is on the disk before it returns. */
const FULL = 2

/** The log is copied into the file when it has this many pages (4 KiB each), so it stays near a megabyte. */
const CHECKPOINT_PAGES = 256

/**
 * Makes a freshly opened database the buffer's own.
 *
 * @throws BufferTooNew when a newer version wrote it; nothing has been changed then
 */
export const prepareSchema = (
  database: SqliteDatabase,
  path: string,
  steps: ReadonlyArray<string> = migrations,
): void => {
  database.exec(`pragma busy_timeout = ${BUSY_TIMEOUT_MILLIS}`)
  const found = pragma(database, "user_version")
  if (found > steps.length) throw new BufferTooNew(path, found, steps.length)
  if (found === 0) database.exec("pragma auto_vacuum = incremental")
  database.exec(`
    pragma journal_mode = wal;
    pragma synchronous = full;
    pragma fullfsync = on;
    pragma checkpoint_fullfsync = on;
    pragma foreign_keys = on;
    pragma wal_autocheckpoint = ${CHECKPOINT_PAGES};
    pragma journal_size_limit = ${CHECKPOINT_PAGES * 4096};
  `)
  assertDurable(database)
  if (found === steps.length) return
  database.transaction(() => {
    for (const step of steps.slice(found)) database.exec(step)
    database.exec(`pragma user_version = ${steps.length}`)
  })
}

/** SQLite ignores pragmas that it cannot follow, so what the promises rest on is read back. */
const assertDurable = (database: SqliteDatabase): void => {
  const mode = database.prepare("pragma journal_mode").get()?.["journal_mode"]
  const synchronous = pragma(database, "synchronous")
  if (mode === "wal" && synchronous === FULL) return
  throw new SqliteFailure(
    "SQLITE_IOERR",
    `SQLite gives journal_mode ${String(mode)} and synchronous ${synchronous} here, where wal and ${FULL} are needed`,
  )
}

/** The value of a pragma that is a whole number. */
export const pragma = (database: SqliteDatabase, name: string): number =>
  integer(database.prepare(`pragma ${name}`).get() ?? {}, name)
