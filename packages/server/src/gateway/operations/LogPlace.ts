/**
 * How people and programs name a place in the log: `start`, `end`, an offset, a time, how long ago, or where an earlier
 * page ended.
 *
 * @example
 * LogPlace.parse("15m", nowMs) // { _tag: "Time", atMs: nowMs - 900_000 }
 * LogPlace.parse("0:120,1:98", nowMs) // { _tag: "Positions", … }: what `format` wrote
 */

export type LogPlace =
  | { readonly _tag: "Start" }
  | { readonly _tag: "End" }
  | { readonly _tag: "Offset"; readonly offset: number }
  /** Milliseconds since the epoch. */
  | { readonly _tag: "Time"; readonly atMs: number }
  /** The next offset to read, by partition. */
  | { readonly _tag: "Positions"; readonly next: ReadonlyMap<number, number> }

/** What can be given, in words, for a message. */
export const FORMS =
  "start, end, an offset such as 1200, a time such as 2026-11-20T18:00, or how long ago, such as 30s, 15m, 2h or 7d"

const UNIT_MILLIS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const positionsOf = (text: string): LogPlace | null => {
  const next = new Map<number, number>()
  for (const part of text.split(",")) {
    const [, partition, offset] = /^(\d{1,9}):(\d{1,15})$/.exec(part) ?? []
    if (partition === undefined || offset === undefined) return null
    next.set(Number(partition), Number(offset))
  }
  return { _tag: "Positions", next }
}

/** A day alone begins at midnight; a time without a zone is meant in this machine's. */
const timeOf = (text: string): LogPlace | null => {
  if (!/^\d{4}-\d{2}-\d{2}([T ]|$)/.test(text)) return null
  const atMs = Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(" ", "T"))
  return Number.isNaN(atMs) ? null : { _tag: "Time", atMs }
}

/** Null when the text names no place. */
export const parse = (text: string, nowMs: number): LogPlace | null => {
  const given = text.trim()
  if (given === "start") return { _tag: "Start" }
  if (given === "end") return { _tag: "End" }
  if (/^\d{1,15}$/.test(given)) return { _tag: "Offset", offset: Number(given) }
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(given) ?? []
  const unitMillis = UNIT_MILLIS[unit]
  if (count !== undefined && unitMillis !== undefined) {
    return { _tag: "Time", atMs: Math.max(0, nowMs - Number(count) * unitMillis) }
  }
  return timeOf(given) ?? positionsOf(given)
}

/** Positions as text; `parse` reads them again. */
export const format = (next: ReadonlyMap<number, number>): string =>
  Array.from(next, ([partition, offset]) => `${partition}:${offset}`).join(",")
