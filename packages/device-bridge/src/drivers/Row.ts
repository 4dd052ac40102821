/**
 * Reads a column as what it must be. A value of another type means that the file was not written by this
 * program or is damaged, so it is reported as corruption and never passed on.
 */
import { SqliteFailure, type SqliteRow } from "./SqliteDriver.ts"

export const integer = (row: SqliteRow, column: string): number => {
  const value = row[column]
  if (typeof value === "number" && Number.isSafeInteger(value)) return value
  throw unexpected(column, "a whole number", value)
}

export const text = (row: SqliteRow, column: string): string => {
  const value = row[column]
  if (typeof value === "string") return value
  throw unexpected(column, "text", value)
}

export const blob = (row: SqliteRow, column: string): Uint8Array => {
  const value = row[column]
  if (value instanceof Uint8Array) return value
  throw unexpected(column, "a blob", value)
}

const unexpected = (column: string, expected: string, value: unknown): SqliteFailure =>
  new SqliteFailure("SQLITE_CORRUPT", `column ${column} should hold ${expected}, but holds ${typeof value}`)
