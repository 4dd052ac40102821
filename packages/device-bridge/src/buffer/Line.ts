/**
 * The line of what waits for delivery, as it is read: chunks and gaps of all openings in one order.
 *
 * What was acknowledged stands in the tables until the next transaction that writes, but no more in the line.
 */
import { blob, integer, text } from "../drivers/Row.ts"
import type { SqliteRow } from "../drivers/SqliteDriver.ts"
import type { GapRow, Gaps } from "./Gaps.ts"
import type { StoredItem, Waiting } from "./Items.ts"
import { keyOf, lastKeyOf, type Position, positionOf } from "./Position.ts"
import type { Statements } from "./Statements.ts"

interface Placed {
  readonly key: number
  readonly item: StoredItem
}

export class Line {
  readonly #statements: Statements
  readonly #gaps: Gaps
  readonly #acknowledged = new Map<number, number>()

  constructor(statements: Statements, gaps: Gaps) {
    this.#statements = statements
    this.#gaps = gaps
  }

  /** Of each opening: up to which number all was acknowledged, but not deleted yet. */
  get acknowledged(): ReadonlyMap<number, number> {
    return this.#acknowledged
  }

  acknowledge(opened: number, n: number): void {
    this.#acknowledged.set(opened, n)
  }

  /** What was acknowledged has been deleted. */
  settled(): void {
    this.#acknowledged.clear()
  }

  /** Up to which number all of the opening was acknowledged; 0 when nothing was. */
  markOf(opened: number): number {
    return this.#acknowledged.get(opened) ?? 0
  }

  incarnationOf(opened: number): string {
    return this.#openingOf(opened).id
  }

  #openingOf(opened: number): Opening {
    const row = this.#statements.incarnationOf.get(opened) ?? {}
    return {
      id: text(row, "id"),
      openedAtMs: integer(row, "opened_at_ms"),
      boot: row["boot"] == null ? null : text(row, "boot"),
    }
  }

  page(after: Position | null, limit: number): ReadonlyArray<StoredItem> {
    const found: Array<StoredItem> = []
    let key: number | null = after === null ? 0 : keyOf(after.opened, after.n)
    while (key !== null && found.length < limit) {
      const room = limit - found.length
      const next = this.#placedAfter(key, room)
      for (const { item } of next) if (item.n > this.markOf(item.opened)) found.push(item)
      const last = next.at(-1)?.item
      key = last === undefined ? null : this.#beyondMark(keyOf(last.opened, last.n))
    }
    return found
  }

  /** Openings of which something waits, in order. */
  waiting(limit: number): ReadonlyArray<Waiting> {
    const found: Array<Waiting> = []
    for (let after = 0; found.length < limit; ) {
      const first = this.first(after)
      if (first === null) break
      const { n, opened } = positionOf(first)
      found.push({ incarnation: this.incarnationOf(opened), first: n })
      after = lastKeyOf(opened)
    }
    return found
  }

  /** The key of the first chunk or gap after `after`, or null. */
  first(after: number): number | null {
    const chunk = this.firstChunk(after)?.key ?? Number.POSITIVE_INFINITY
    const gap = this.#gaps.next(after) ?? Number.POSITIVE_INFINITY
    return Math.min(chunk, gap) === Number.POSITIVE_INFINITY ? null : Math.min(chunk, gap)
  }

  firstChunk(after: number): { readonly key: number; readonly appendedAtMs: number } | null {
    for (let from = after; ; ) {
      const row = this.#statements.nextChunk.get(from)
      if (row === undefined) return null
      const key = integer(row, "position")
      const { n, opened } = positionOf(key)
      if (n > this.markOf(opened)) return { key, appendedAtMs: integer(row, "appended_at_ms") }
      from = this.#beyondMark(key)
    }
  }

  #placedAfter(key: number, limit: number): ReadonlyArray<Placed> {
    const names = new Map<number, Opening>()
    const nameOf = (opened: number): Opening => {
      const name = names.get(opened) ?? this.#openingOf(opened)
      names.set(opened, name)
      return name
    }
    const chunks = this.#statements.chunksAfter.all(key, limit).map((row) => chunkOf(row, nameOf))
    const gaps = this.#gaps.read(key, limit)
    if (gaps.length === 0) return chunks
    const all = [...chunks, ...gaps.map((gap) => gapOf(gap, nameOf))]
    return all.sort((one, other) => one.key - other.key).slice(0, limit)
  }

  /** The key from which a reader that stands at `key` goes on. */
  #beyondMark(key: number): number {
    const { n, opened } = positionOf(key)
    return keyOf(opened, Math.max(n, this.markOf(opened)))
  }
}

interface Opening {
  readonly id: string
  readonly openedAtMs: number
  /** The run of the monotonic clock that its chunks were appended in, where it is known. */
  readonly boot: string | null
}

type NameOf = (opened: number) => Opening

const chunkOf = (row: SqliteRow, nameOf: NameOf): Placed => {
  const key = integer(row, "position")
  const { n, opened } = positionOf(key)
  const [crc, payload] = [integer(row, "signed_crc") >>> 0, blob(row, "payload")]
  const { boot, id: incarnation, openedAtMs } = nameOf(opened)
  const known = boot !== null && row["monotonic_ms"] != null
  const clock = known
    ? { boot, wallMs: openedAtMs + integer(row, "appended_after_ms"), monotonicMs: integer(row, "monotonic_ms") }
    : null
  return { key, item: { _tag: "Chunk", opened, n, incarnation, crc, payload, clock } }
}

const gapOf = (gap: GapRow, nameOf: NameOf): Placed => {
  const { fromMillis, reason, samples, toMillis } = gap
  const { n: first, opened } = positionOf(gap.first)
  const { n: last } = positionOf(gap.last)
  const named = { opened, n: last, incarnation: nameOf(opened).id, first, last }
  return { key: gap.first, item: { _tag: "Gap", ...named, samples, fromMillis, toMillis, reason } }
}
