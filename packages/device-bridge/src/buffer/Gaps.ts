/**
 * What the buffer knows of samples that are gone: one row for each stretch of numbers that nothing will come of.
 *
 * Gaps that touch become one, so that a device which is offline for a month keeps one row and not a million. But a gap
 * that a reader has seen is not changed any more: the server may have it already, and would count what is in both
 * twice. For the same reason gaps of earlier openings stay as they are.
 */
import { integer, text } from "../drivers/Row.ts"
import { SqliteFailure, type SqliteRow } from "../drivers/SqliteDriver.ts"
import { positionOf } from "./Position.ts"
import type { Statements } from "./Statements.ts"

/** Why samples are missing: deleted to make room, turned away for want of it, or their chunk was damaged here. */
export type GapReason = "evicted" | "refused" | "damaged"

/** Samples that are gone, and the times between which they were measured (milliseconds since the epoch). */
export interface Loss {
  readonly samples: number
  readonly fromMillis: number
  readonly toMillis: number
}

/** A stored gap, by its keys. */
export interface GapRow extends Loss {
  readonly first: number
  readonly last: number
  readonly reason: GapReason
}

export const bothLosses = (one: Loss | null, other: Loss): Loss =>
  one === null
    ? other
    : {
        samples: one.samples + other.samples,
        fromMillis: Math.min(one.fromMillis, other.fromMillis),
        toMillis: Math.max(one.toMillis, other.toMillis),
      }

export class Gaps {
  readonly #statements: Statements
  /** Keys of the gaps that may still grow. */
  readonly #growing = new Set<number>()

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /** Notes the loss at `key`, in the caller's transaction; says whether that made a row more. */
  put(key: number, loss: Loss, reason: GapReason): boolean {
    const before = this.#before(key)
    const grows =
      before !== null && before.last === key - 1 && before.reason === reason && this.#growing.has(before.first)
    const first = grows ? before.first : key
    const { samples, fromMillis, toMillis } = grows ? bothLosses(before, loss) : loss
    this.#statements.putGap.run(first, key, samples, fromMillis, toMillis, reason)
    this.#growing.add(first)
    return !grows
  }

  /** Gaps that end after `key`, in order. A reader sees them: from now on they stay as they are. */
  read(after: number, limit: number): ReadonlyArray<GapRow> {
    const rows = this.#statements.gapsAfter.all(after, limit).map(gapOf)
    for (const { first } of rows) this.#growing.delete(first)
    return rows
  }

  /** The first number of a gap that ends after `key`, or null; nobody has seen the gap by that. */
  next(after: number): number | null {
    const row = this.#statements.gapsAfter.get(after, 1)
    return row === undefined ? null : integer(row, "position")
  }

  /** Forgets the gaps between the keys; what is left of one of which only the beginning lies there stays. */
  delete(from: number, to: number): void {
    this.#statements.deleteGaps.run(from, to)
    this.#statements.shortenGap.run(to + 1, to, to)
  }

  #before(key: number): GapRow | null {
    const row = this.#statements.gapBefore.get(key)
    return row === undefined || positionOf(integer(row, "position")).opened !== positionOf(key).opened
      ? null
      : gapOf(row)
  }
}

const gapOf = (row: SqliteRow): GapRow => ({
  first: integer(row, "position"),
  last: integer(row, "last_position"),
  samples: integer(row, "samples"),
  fromMillis: integer(row, "from_ms"),
  toMillis: integer(row, "to_ms"),
  reason: reasonOf(text(row, "reason")),
})

const reasonOf = (reason: string): GapReason => {
  if (reason === "evicted" || reason === "refused" || reason === "damaged") return reason
  throw new SqliteFailure("SQLITE_CORRUPT", `column reason holds ${reason}`)
}
