/**
 * The SQL of the buffer, prepared once for each opening. Parameters go by position, as each comment names them. A
 * `position` is `opened * 2^32 + n`, so that one number orders all chunks and gaps of all openings.
 */
import type { SqliteDatabase } from "../drivers/SqliteDriver.ts"

const COLUMNS = "incarnation, n, crc, payload, sample_count, appended_at_ms"
const APPENDED_AT_MS = `appended_after_ms
  + (select opened_at_ms from incarnation where opened = position / 4294967296) as appended_at_ms`
/** The columns as they are in `delivered` and `quarantine`; the incarnation's name and 2^32 are the first parameters. */
const MOVED = `?, position % 4294967296, signed_crc & 4294967295, payload, sample_count, ${APPENDED_AT_MS}`
const TOTAL = "select count(*) as chunks, coalesce(sum(length(payload)), 0) as bytes from stored_chunk"
const GAP = "position, last_position, samples, from_ms, to_ms, reason"

export const prepareStatements = (database: SqliteDatabase) => ({
  readOwner: database.prepare("select pid, since_ms, durability, boot_id from owner"),
  /** pid, since, durability, boot id */
  writeOwner: database.prepare("insert or replace into owner values (1, ?, ?, ?, ?)"),
  deleteOwner: database.prepare("delete from owner"),

  /** id, opened at, boot */
  addIncarnation: database.prepare("insert into incarnation (id, opened_at_ms, boot) values (?, ?, ?)"),
  /** id */
  openedOf: database.prepare("select opened from incarnation where id = ?"),
  /** opened */
  incarnationOf: database.prepare("select id, opened_at_ms, boot from incarnation where opened = ?"),
  /** position, signed crc, samples, milliseconds since the opening, payload, monotonic */
  append: database.prepare("insert into stored_chunk values (?, ?, ?, ?, ?, ?)"),

  /** source */
  readCursor: database.prepare("select position from cursor where source = ?"),
  /** source, position */
  moveCursor: database.prepare("insert or replace into cursor (source, position) values (?, ?)"),

  /** after position, limit */
  chunksAfter: database.prepare(
    "select position, signed_crc, payload, appended_after_ms, monotonic_ms from stored_chunk where position > ? order by position limit ?",
  ),
  /** after position, limit: gaps that do not end before it */
  gapsAfter: database.prepare(`select ${GAP} from stored_gap where last_position > ? order by position limit ?`),
  /** after position */
  nextChunk: database.prepare(
    `select position, ${APPENDED_AT_MS} from stored_chunk where position > ? order by position limit 1`,
  ),

  /** position */
  chunkAt: database.prepare(`select sample_count, ${APPENDED_AT_MS} from stored_chunk where position = ?`),

  newest: database.prepare(`select ${APPENDED_AT_MS} from stored_chunk order by position desc limit 1`),

  total: database.prepare(TOTAL),
  /** from position, to position */
  totalBetween: database.prepare(`${TOTAL} where position between ? and ?`),
  gapTotal: database.prepare("select count(*) as gaps, coalesce(sum(samples), 0) as samples from stored_gap"),

  /** incarnation, from position, to position */
  keepBetween: database.prepare(`
    insert or replace into delivered (${COLUMNS})
    select ${MOVED} from stored_chunk where position between ? and ?`),
  /** from position, to position */
  deleteBetween: database.prepare("delete from stored_chunk where position between ? and ?"),
  /** from position, to position */
  deleteGaps: database.prepare("delete from stored_gap where position >= ? and last_position <= ?"),
  /** new first position, position, position: what is left of a gap of which the server has the beginning */
  shortenGap: database.prepare("update stored_gap set position = ? where position <= ? and last_position > ?"),

  /** incarnation, reason, position */
  quarantine: database.prepare(`
    insert or replace into quarantine (${COLUMNS}, reason)
    select ${MOVED}, ? from stored_chunk where position = ?`),

  /** Those of which nothing waits any more. */
  forgetEmptyIncarnations: database.prepare(`
    delete from incarnation
    where not exists (select 1 from stored_chunk
      where position between opened * 4294967296 and opened * 4294967296 + 4294967295)
    and not exists (select 1 from stored_gap
      where position between opened * 4294967296 and opened * 4294967296 + 4294967295)`),

  /** after position: what is evicted next */
  evictable: database.prepare(`
    select position, sample_count, ${APPENDED_AT_MS}, payload from stored_chunk
    where position > ? order by position limit 1`),
  /** rows: the oldest of what the server has */
  evictDelivered: database.prepare(
    "delete from delivered where rowid in (select rowid from delivered order by rowid limit ?)",
  ),
  /** position, last position, samples, from, to, reason */
  putGap: database.prepare(`insert or replace into stored_gap (${GAP}) values (?, ?, ?, ?, ?, ?)`),
  /** position: the gap that begins at or before it */
  gapBefore: database.prepare(`select ${GAP} from stored_gap where position <= ? order by position desc limit 1`),

  /** sensor, source, at, bytes */
  keepPacket: database.prepare("insert into packet (sensor, source, at_ms, bytes) values (?, ?, ?, ?)"),
  /** after id, limit */
  packetsAfter: database.prepare(
    "select id, sensor, source, at_ms, bytes from packet where id > ? order by id limit ?",
  ),
  packetTotal: database.prepare("select count(*) as packets, coalesce(sum(length(bytes)), 0) as bytes from packet"),
  oldestPacket: database.prepare("select id, length(bytes) as bytes from packet order by id limit 1"),
  /** up to id */
  packetTotalUpTo: database.prepare(
    "select count(*) as packets, coalesce(sum(length(bytes)), 0) as bytes from packet where id <= ?",
  ),
  /** up to id */
  forgetPackets: database.prepare("delete from packet where id <= ?"),

  pageCount: database.prepare("pragma page_count"),
  freePages: database.prepare("pragma freelist_count"),
  /** How much is in the log, without copying it; a SQLite before 3.51 copies what it can, which does no harm. */
  logFrames: database.prepare("pragma wal_checkpoint(noop)"),
})

export type Statements = ReturnType<typeof prepareStatements>
