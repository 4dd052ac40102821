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
  `
  -- What waits for delivery, in the order of delivery: position is opened * 2^32 + n. With one number for a key a
  -- row costs some bytes beside its payload, where the incarnation's name, in the row and in an index, cost eighty.
  -- The checksum is kept with a sign, and the time as milliseconds since the opening: four bytes each, and not six.
  create table stored_chunk (
    position integer primary key,
    signed_crc integer not null,
    sample_count integer not null,
    appended_after_ms integer not null,
    payload blob not null
  ) strict;

  insert into stored_chunk (position, signed_crc, sample_count, appended_after_ms, payload)
  select opened * 4294967296 + n, crc - 4294967296 * (crc > 2147483647), sample_count,
    appended_at_ms - opened_at_ms, payload
  from chunk join incarnation on incarnation.id = chunk.incarnation
  order by 1;

  drop table chunk;

  -- The same as people and programs read it.
  create view chunk as
  select stored_chunk.position as rowid, incarnation.id as incarnation,
    stored_chunk.position % 4294967296 as n, signed_crc & 4294967295 as crc, payload, sample_count,
    opened_at_ms + appended_after_ms as appended_at_ms
  from stored_chunk join incarnation on incarnation.opened = stored_chunk.position / 4294967296;

  -- Samples that are gone, in the place of the chunks that they were or would have been; delivered like chunks.
  create table stored_gap (
    position integer primary key,
    last_position integer not null,
    samples integer not null,
    from_ms integer not null,
    to_ms integer not null,
    reason text not null check (reason in ('evicted', 'refused', 'damaged'))
  ) strict;

  create view gap as
  select incarnation.id as incarnation, stored_gap.position % 4294967296 as first,
    last_position % 4294967296 as last, samples, from_ms, to_ms, reason
  from stored_gap join incarnation on incarnation.opened = stored_gap.position / 4294967296;

  -- Packets as sensors sent them, where they are kept to be parsed again. They stay on the device.
  create table packet (
    id integer primary key autoincrement,
    sensor text not null,
    source text not null,
    at_ms integer not null,
    bytes blob not null
  ) strict;

  -- What the owner promised when it flushed, and since which start of the device it runs, where that can be known.
  alter table owner add column durability text not null default 'full';
  alter table owner add column boot_id text;
  `,
  `
  -- The monotonic clock when a chunk was appended, and the run of that clock: so that others can tell how far the wall
  -- clock beside it can be believed.
  alter table stored_chunk add column monotonic_ms integer;
  alter table incarnation add column boot text;
  `,
]

/**
 * Whether a commit waits for the disk: with `full` each one does; with `normal` only checkpoints do, and a power
 * cut may take the flushes of the last minutes, which is said at the next opening.
 */
export type Durability = "full" | "normal"

/** The numbers that stand for them in `pragma synchronous`. */
const SYNCHRONOUS: Readonly<Record<Durability, number>> = { normal: 1, full: 2 }

/**
 * Bytes of a page of a new file. Every commit writes whole pages, and a flush is some hundred bytes to some thousand:
 * small pages write a third of what pages of 4 KiB would.
 */
const PAGE_BYTES = 512

/** How long a statement waits for a lock of somebody who looks into the file, in milliseconds. */
const BUSY_TIMEOUT_MILLIS = 5_000

/** The log is copied into the file when it has grown to this many bytes, unless a cap says sooner. */
export const LOG_BYTES = 1024 * 1024

export interface SchemaOptions {
  readonly durability?: Durability
  /** At how many bytes the log is copied into the file. Default `LOG_BYTES`. */
  readonly logBytes?: number
  readonly steps?: ReadonlyArray<string>
}

/**
 * Makes a freshly opened database the buffer's own.
 *
 * @throws BufferTooNew when a newer version wrote it; nothing has been changed then
 */
export const prepareSchema = (database: SqliteDatabase, path: string, options: SchemaOptions = {}): void => {
  const { durability = "full", logBytes = LOG_BYTES, steps = migrations } = options
  database.exec(`pragma busy_timeout = ${BUSY_TIMEOUT_MILLIS}`)
  const found = pragma(database, "user_version")
  if (found > steps.length) throw new BufferTooNew(path, found, steps.length)
  // Of a file that exists this changes nothing.
  if (found === 0) database.exec(`pragma page_size = ${PAGE_BYTES}`)
  database.exec(`
    pragma journal_mode = wal;
    pragma synchronous = ${durability};
    pragma fullfsync = on;
    pragma checkpoint_fullfsync = on;
    pragma foreign_keys = on;
    pragma wal_autocheckpoint = ${Math.ceil(logBytes / pragma(database, "page_size"))};
    pragma journal_size_limit = ${logBytes};
  `)
  assertDurable(database, durability)
  if (found === steps.length) return
  database.transaction(() => {
    for (const step of steps.slice(found)) database.exec(step)
    database.exec(`pragma user_version = ${steps.length}`)
  })
}

/** SQLite ignores pragmas that it cannot follow, so what the promises rest on is read back. */
const assertDurable = (database: SqliteDatabase, durability: Durability): void => {
  const mode = database.prepare("pragma journal_mode").get()?.["journal_mode"]
  const synchronous = pragma(database, "synchronous")
  const wanted = SYNCHRONOUS[durability]
  if (mode === "wal" && synchronous === wanted) return
  throw new SqliteFailure(
    "SQLITE_IOERR",
    `SQLite gives journal_mode ${String(mode)} and synchronous ${synchronous} here, where wal and ${wanted} are needed`,
  )
}

/** The value of a pragma that is a whole number. */
export const pragma = (database: SqliteDatabase, name: string): number =>
  integer(database.prepare(`pragma ${name}`).get() ?? {}, name)
