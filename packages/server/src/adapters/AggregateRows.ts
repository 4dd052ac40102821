/** An aggregate as a SQL engine keeps it, and as the port tells of it. State is JSON text in both. */
import type { AggregateStore } from "@paceline/core/consistency"

export interface StoredRow {
  readonly id: string
  readonly version: number
  readonly state: string
  readonly due_at_ms: number | null
  readonly rank: number
}

export interface ArchivedRow {
  readonly id: string
  readonly version: number
  readonly state: string
  readonly archived_at_ms: number
}

/** @throws TypeError when it is no JSON data: a mistake of the program. */
export const stateText = (state: unknown): string => {
  const text = JSON.stringify(state)
  if (text === undefined) throw new TypeError("An aggregate's state must be JSON data")
  return text
}

export const toStored = (kind: string, row: StoredRow): AggregateStore.Stored => ({
  kind,
  id: row.id,
  version: row.version,
  state: JSON.parse(row.state),
  dueAtMs: row.due_at_ms,
  rank: row.rank,
})

export const toArchived = (kind: string, row: ArchivedRow): AggregateStore.Archived => ({
  kind,
  id: row.id,
  version: row.version,
  state: JSON.parse(row.state),
  archivedAtMs: row.archived_at_ms,
})
