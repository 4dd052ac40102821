/**
 * Writes many rows in few statements of fixed sizes, which stay prepared: most of what a statement of one row costs is
 * the statement.
 *
 * @example
 * const insert = manyRows(sql, 2, "INSERT INTO mark (name, n)", "ON CONFLICT (name) DO UPDATE SET n = excluded.n")
 * yield* insert(["a", 1, "b", 2])
 */
import type * as SqlClient from "@effect/sql/SqlClient"
import { Effect } from "effect"

type Value = string | number | null | Uint8Array

/** So many rows at once, as far as there are so many. */
const SIZES = [64, 8, 1] as const

/** `head` and `tail` stand before and behind the values of rows with so many columns. */
export const manyRows = (sql: SqlClient.SqlClient, columns: number, head: string, tail = "") => {
  const row = `(${Array.from({ length: columns }, () => "?").join(",")})`
  const texts = SIZES.map((size) => ({
    size,
    text: `${head} VALUES ${Array.from({ length: size }, () => row).join(",")} ${tail}`,
  }))
  /** Takes the values of all rows, one row after the other. */
  return Effect.fnUntraced(function* (values: ReadonlyArray<Value>) {
    let from = 0
    for (const { size, text } of texts) {
      const step = size * columns
      for (; values.length - from >= step; from += step) {
        yield* sql.unsafe(text, from === 0 && values.length === step ? values : values.slice(from, from + step))
      }
    }
  })
}
