/** A record of the log as a SQL engine keeps it, and as the port tells of it. Payload and headers are JSON text. */
import { EventLog } from "@paceline/core/messaging"

export interface RecordRow {
  readonly offset: number
  readonly key: string
  readonly payload: string
  readonly id: string | null
  readonly headers: string | null
  readonly appended_at_ms: number
}

/** What is left beside the offset and the time of a record that was redacted; its payload is `null`. */
export const TOMBSTONE: EventLog.Headers = { [EventLog.REDACTED]: "1" }

/** The same, as text. */
export const TOMBSTONE_HEADERS = JSON.stringify(TOMBSTONE)

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
