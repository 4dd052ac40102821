/** A record of the log as a SQL engine keeps it, and as the port tells of it. Payload and headers are JSON text. */
import type { EventLog } from "@paceline/core/messaging"

export interface RecordRow {
  readonly offset: number
  readonly key: string
  readonly payload: string
  readonly id: string | null
  readonly headers: string | null
  readonly appended_at_ms: number
}

/** One for all, for most records have none. */
const NO_HEADERS: EventLog.Headers = {}

export const toRecord = (row: RecordRow, topic: string, partition: number): EventLog.LogRecord => ({
  topic,
  partition,
  offset: row.offset,
  key: row.key,
  payload: JSON.parse(row.payload),
  id: row.id ?? undefined,
  headers: row.headers === null ? NO_HEADERS : JSON.parse(row.headers),
  appendedAtMs: row.appended_at_ms,
})
