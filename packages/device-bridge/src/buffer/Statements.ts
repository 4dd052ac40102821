/** The SQL of the buffer, prepared once for each opening. Parameters go by position, as each comment names them. */
import type { SqliteDatabase } from "../drivers/SqliteDriver.ts"

const COLUMNS = "incarnation, n, crc, payload, sample_count, appended_at_ms"
const TOTAL = "select count(*) as chunks, coalesce(sum(length(payload)), 0) as bytes from chunk"

export const prepareStatements = (database: SqliteDatabase) => ({
  readOwner: database.prepare("select pid, since_ms from owner"),
  /** pid, since */
  writeOwner: database.prepare("insert or replace into owner (one, pid, since_ms) values (1, ?, ?)"),
  deleteOwner: database.prepare("delete from owner"),

  /** id, opened at */
  addIncarnation: database.prepare("insert into incarnation (id, opened_at_ms) values (?, ?)"),
  /** incarnation, n, crc, payload, samples, appended at */
  append: database.prepare(`insert into chunk (${COLUMNS}) values (?, ?, ?, ?, ?, ?)`),

  /** source */
  readCursor: database.prepare("select position from cursor where source = ?"),
  /** source, position */
  moveCursor: database.prepare("insert or replace into cursor (source, position) values (?, ?)"),

  /** opened, after n, limit */
  pageOf: database.prepare(`
    select incarnation, n, crc, payload from chunk
    where incarnation = (select id from incarnation where opened = ?) and n > ?
    order by n limit ?`),
  /** opened: gives the next one that has chunks */
  nextIncarnation: database.prepare(`
    select opened from incarnation
    where opened > ? and exists (select 1 from chunk where incarnation = incarnation.id)
    order by opened limit 1`),
  /** limit */
  waiting: database.prepare(`
    select id, (select min(n) from chunk where incarnation = incarnation.id) as first from incarnation
    where exists (select 1 from chunk where incarnation = incarnation.id)
    order by opened limit ?`),
  oldest: database.prepare(`
    select appended_at_ms from chunk
    where incarnation = (
      select id from incarnation
      where exists (select 1 from chunk where incarnation = incarnation.id)
      order by opened limit 1)
    order by n limit 1`),

  total: database.prepare(TOTAL),
  /** incarnation, n */
  totalUpTo: database.prepare(`${TOTAL} where incarnation = ? and n <= ?`),
  /** incarnation, n */
  totalOf: database.prepare(`${TOTAL} where incarnation = ? and n = ?`),

  /** incarnation, n */
  keepUpTo: database.prepare(`
    insert or replace into delivered (${COLUMNS}) select ${COLUMNS} from chunk where incarnation = ? and n <= ?`),
  /** incarnation, n */
  deleteUpTo: database.prepare("delete from chunk where incarnation = ? and n <= ?"),

  /** reason, incarnation, n */
  quarantine: database.prepare(`
    insert or replace into quarantine (${COLUMNS}, reason)
    select ${COLUMNS}, ? from chunk where incarnation = ? and n = ?`),
  /** incarnation, n */
  deleteOne: database.prepare("delete from chunk where incarnation = ? and n = ?"),

  /** incarnation, the one that is in use: an earlier one without chunks is of no more use */
  forgetIncarnation: database.prepare(`
    delete from incarnation
    where id = ? and id <> ? and not exists (select 1 from chunk where incarnation = incarnation.id)`),
})
