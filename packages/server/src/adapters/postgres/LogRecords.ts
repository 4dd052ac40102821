/**
 * Records on their way to the database: columns, as `unnest` takes them.
 *
 * One call of a function takes the offsets and inserts the records, so an append is one round trip. It is told the
 * partition of each record, because `partitionOf` must be the same on every engine.
 */
import { type EventLog, partitionOf } from "@paceline/core/messaging"

export interface Columns {
  readonly partitions: Array<number>
  readonly keys: Array<string>
  readonly payloads: Array<string>
  readonly headers: Array<string | null>
  readonly ids: Array<string | null>
  /** Whether any record has an id; those without take a shorter way. */
  named: boolean
  /** About how many bytes of text they are. */
  size: number
}

export const emptyColumns = (): Columns => ({
  partitions: [],
  keys: [],
  payloads: [],
  headers: [],
  ids: [],
  named: false,
  size: 0,
})

const json = (payload: unknown): string => {
  const text = JSON.stringify(payload)
  if (text === undefined) throw new TypeError("A record's payload must be JSON data")
  return text
}

/** Adds the records. Throws, and adds nothing, when a payload is not JSON data. */
export const addRecords = (columns: Columns, records: ReadonlyArray<EventLog.NewRecord>, partitions: number): void => {
  const payloads = records.map(({ payload }) => json(payload))
  for (const text of payloads) {
    columns.payloads.push(text)
    columns.size += text.length
  }
  for (const { headers, id, key } of records) {
    columns.partitions.push(partitionOf(key, partitions))
    columns.keys.push(key)
    columns.headers.push(headers === undefined ? null : JSON.stringify(headers))
    columns.ids.push(id ?? null)
    if (id !== undefined) columns.named = true
    columns.size += key.length
  }
}

export interface AppendStatement {
  readonly text: string
  readonly params: ReadonlyArray<unknown>
  readonly positions: (answer: unknown) => ReadonlyArray<EventLog.Position>
}

/** U+001E: never in JSON text, which escapes it. */
const SEPARATOR = String.fromCharCode(30)

/**
 * A column of texts as one parameter. Joined, it costs a fraction of what an array literal does, in which each quotation
 * mark of each payload is escaped here and read again there. Not so what has the separator in it, or is only one.
 */
const textColumn = (place: number, texts: ReadonlyArray<string>): { readonly sql: string; readonly param: unknown } => {
  const joined = texts.join(SEPARATOR)
  return texts.length > 1 && separatorsIn(joined) === texts.length - 1
    ? { sql: `string_to_array($${place}::text, chr(30))`, param: joined }
    : { sql: `$${place}::text[]`, param: texts }
}

const separatorsIn = (text: string): number => {
  let count = 0
  for (let at = text.indexOf(SEPARATOR); at >= 0; at = text.indexOf(SEPARATOR, at + 1)) count++
  return count
}

/** `unnest` fills a column that is not there with nulls. */
const headersColumn = (headers: ReadonlyArray<string | null>): ReadonlyArray<string | null> | null =>
  headers.some((header) => header !== null) ? headers : null

/** What to send, and how to read the answer. */
export const appendStatement = (
  topic: string,
  columns: Columns,
  nowMs: number,
  dedupMillis: number,
): AppendStatement => {
  const { ids, named, partitions } = columns
  const keys = textColumn(3, columns.keys)
  const payloads = textColumn(4, columns.payloads)
  const headers = headersColumn(columns.headers)
  return named
    ? {
        text: `SELECT log_append_ids($1, $2, ${keys.sql}, ${payloads.sql}, $5, $6, $7, $8) AS answer`,
        params: [topic, partitions, keys.param, payloads.param, headers, ids, nowMs, dedupMillis],
        positions: (answer) => namedPositions(answer),
      }
    : {
        text: `SELECT log_append($1, $2, ${keys.sql}, ${payloads.sql}, $5, $6) AS answer`,
        params: [topic, partitions, keys.param, payloads.param, headers, nowMs],
        positions: (answer) => densePositions(answer, partitions),
      }
}

const numbersOf = (answer: unknown): ReadonlyArray<number> => {
  if (!Array.isArray(answer)) throw new TypeError("The database answered an append with something else")
  return answer.map(Number)
}

/** From the first offset of each partition, in the order of the partitions. */
const densePositions = (answer: unknown, partitions: ReadonlyArray<number>): ReadonlyArray<EventLog.Position> => {
  const firsts = numbersOf(answer)
  const order = Array.from(new Set(partitions)).toSorted((a, b) => a - b)
  const next = new Map(order.map((partition, i) => [partition, firsts[i] ?? 0]))
  return partitions.map((partition) => {
    const offset = next.get(partition) ?? 0
    next.set(partition, offset + 1)
    return { partition, offset, duplicate: false }
  })
}

const namedPositions = (answer: unknown): ReadonlyArray<EventLog.Position> => {
  if (!Array.isArray(answer)) throw new TypeError("The database answered an append with something else")
  return answer.map(([partition, offset, duplicate]) => ({
    partition: Number(partition),
    offset: Number(offset),
    duplicate: duplicate === true,
  }))
}
