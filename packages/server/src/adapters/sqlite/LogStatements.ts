/** The event log's SQL, prepared once a connection. A position is a partition's number times 2^40 plus the offset. */
import type { EventLog } from "@paceline/core/messaging"
import type { RecordRow } from "../RecordRows.ts"
import type { Database } from "./Database.ts"

const OFFSET = "0xFFFFFFFFFF"

/** All positions of the partition ?1. */
const OF_PARTITION = "position >= (?1 << 40) AND position < ((?1 + 1) << 40)"

const END_OF_P = `coalesce((SELECT (max(position) & ${OFFSET}) + 1 FROM log_record
    WHERE position >= (p.id << 40) AND position < ((p.id + 1) << 40)), p.start_offset)`

const SQL = {
  findPartition: `SELECT id FROM log_partition WHERE topic = ? AND partition = ?`,
  makePartition: `INSERT INTO log_partition (topic, partition) VALUES (?, ?) RETURNING id`,
  partitions: `SELECT id, topic, partition FROM log_partition ORDER BY topic, partition`,
  start: `SELECT start_offset AS start FROM log_partition WHERE id = ?`,
  setStart: `UPDATE log_partition SET start_offset = ?2 WHERE id = ?1`,
  last: `SELECT position & ${OFFSET} AS "offset", appended_at_ms AS atMs FROM log_record
    WHERE ${OF_PARTITION} ORDER BY position DESC LIMIT 1`,
  append: `INSERT INTO log_record (position, key, payload, id, headers, appended_at_ms)
    VALUES ((?1 << 40) | ?2, ?3, ?4, ?5, ?6, ?7)`,
  appendBare: `INSERT INTO log_record (position, key, payload, appended_at_ms) VALUES ((?1 << 40) | ?2, ?3, ?4, ?5)`,
  read: `SELECT position & ${OFFSET} AS "offset", key, payload, id, headers, appended_at_ms FROM log_record
    WHERE position >= ((?1 << 40) | ?2) AND position < ((?1 + 1) << 40) ORDER BY position LIMIT ?3`,
  appendedAt: `SELECT appended_at_ms AS atMs FROM log_record WHERE position = ((?1 << 40) | ?2)`,
  drop: `DELETE FROM log_record WHERE position >= (?1 << 40) AND position < ((?1 << 40) | ?2)`,

  redact: `UPDATE log_record SET key = '', payload = 'null', id = NULL, headers = ?5
    WHERE position >= ((?1 << 40) | ?2) AND position < ((?1 << 40) | ?3) AND key = ?4`,
  forgetIdsOf: `DELETE FROM log_id WHERE (topic_key, id) IN (
    SELECT ?5, id FROM log_record
    WHERE position >= ((?1 << 40) | ?2) AND position < ((?1 << 40) | ?3) AND key = ?4 AND id IS NOT NULL)`,

  findId: `SELECT position >> 40 AS partitionId, position & ${OFFSET} AS "offset" FROM log_id
    WHERE topic_key = ? AND id = ? AND forget_at_ms > ?`,
  rememberId: `INSERT INTO log_id (topic_key, id, position, forget_at_ms) VALUES (?1, ?2, (?3 << 40) | ?4, ?5)
    ON CONFLICT DO UPDATE SET position = excluded.position, forget_at_ms = excluded.forget_at_ms`,
  forgetIds: `DELETE FROM log_id WHERE (topic_key, id) IN (
    SELECT topic_key, id FROM log_id WHERE forget_at_ms <= ? ORDER BY forget_at_ms LIMIT ?)`,

  committed: `SELECT next_offset FROM consumer_offset WHERE consumer_group = ? AND topic = ? AND partition = ?`,
  move: `UPDATE consumer_offset SET next_offset = ?5
    WHERE consumer_group = ?1 AND topic = ?2 AND partition = ?3 AND next_offset = ?4`,
  begin: `INSERT INTO consumer_offset (consumer_group, topic, partition, next_offset) VALUES (?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  seek: `INSERT INTO consumer_offset (consumer_group, topic, partition, next_offset) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset`,
  forgetGroup: `DELETE FROM consumer_offset WHERE consumer_group = ? AND topic = ?`,
  lag: `SELECT o.consumer_group AS "group", o.topic, o.partition, o.next_offset AS committed,
      coalesce(p.start_offset, 0) AS start, coalesce(${END_OF_P}, 0) AS "end"
    FROM consumer_offset o LEFT JOIN log_partition p ON p.topic = o.topic AND p.partition = o.partition
    ORDER BY o.consumer_group, o.topic, o.partition`,
} as const

export const prepareLog = (database: Database) => ({
  findPartition: database.prepare<{ id: number }>(SQL.findPartition),
  makePartition: database.prepare<{ id: number }>(SQL.makePartition),
  partitions: database.prepare<{ id: number; topic: string; partition: number }>(SQL.partitions),
  start: database.prepare<{ start: number }>(SQL.start),
  setStart: database.prepare(SQL.setStart),
  last: database.prepare<{ offset: number; atMs: number }>(SQL.last),
  append: database.prepare(SQL.append),
  appendBare: database.prepare(SQL.appendBare),
  read: database.prepare<RecordRow>(SQL.read),
  appendedAt: database.prepare<{ atMs: number }>(SQL.appendedAt),
  drop: database.prepare(SQL.drop),
  redact: database.prepare(SQL.redact),
  forgetIdsOf: database.prepare(SQL.forgetIdsOf),
  findId: database.prepare<{ partitionId: number; offset: number }>(SQL.findId),
  rememberId: database.prepare(SQL.rememberId),
  forgetIds: database.prepare(SQL.forgetIds),
  committed: database.prepare<{ next_offset: number }>(SQL.committed),
  move: database.prepare(SQL.move),
  begin: database.prepare(SQL.begin),
  seek: database.prepare(SQL.seek),
  forgetGroup: database.prepare(SQL.forgetGroup),
  lag: database.prepare<EventLog.Lag>(SQL.lag),
})

export type LogStatements = ReturnType<typeof prepareLog>

/** Where a partition ends: the offset after its last record, and that record's label. */
export const tailOf = (statements: LogStatements, partitionId: number): { next: number; newestAtMs: number } => {
  const last = statements.last.get(partitionId)
  if (last !== null) return { next: last.offset + 1, newestAtMs: last.atMs }
  return { next: statements.start.get(partitionId)?.start ?? 0, newestAtMs: 0 }
}

export const boundsOf = (statements: LogStatements, partitionId: number): EventLog.Bounds => ({
  start: statements.start.get(partitionId)?.start ?? 0,
  end: tailOf(statements, partitionId).next,
})
