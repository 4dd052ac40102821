/**
 * What happens when the buffer has reached its cap: either the oldest chunks make room, or the new ones are refused.
 * Neither is silent: what is lost becomes a gap in the line.
 *
 * Chunks that were just handed out to be sent are spared while there are others: the server may be storing them at
 * this moment, and a gap would say that they are lost.
 */
import { Bundle } from "@paceline/core/wire"
import { blob, integer } from "../drivers/Row.ts"
import type { SqliteRow } from "../drivers/SqliteDriver.ts"
import type { Gaps, Loss } from "./Gaps.ts"
import { spanOf } from "./Pending.ts"
import type { Room } from "./Room.ts"
import type { Statements } from "./Statements.ts"

/** Whose samples are lost when the cap is reached: the oldest that wait, or the newest. */
export type WhenFull = "evictOldest" | "refuseNew"

export interface MadeRoom {
  /** Whether the payload may be stored now. */
  readonly fits: boolean
  /** What was evicted for it: the bytes of each payload, and what was in it. */
  readonly chunks: ReadonlyArray<{ readonly bytes: number; readonly loss: Loss }>
}

/** Delivered chunks, kept for audits, go so many at a time. */
const DELIVERED_AT_ONCE = 64

export class Eviction {
  readonly #statements: Statements
  readonly #gaps: Gaps
  readonly #room: Room
  readonly #whenFull: WhenFull
  #handedOut = 0

  constructor(statements: Statements, gaps: Gaps, room: Room, whenFull: WhenFull) {
    this.#statements = statements
    this.#gaps = gaps
    this.#room = room
    this.#whenFull = whenFull
  }

  /** A reader stands at this key now: all up to it may be on its way. */
  handedOut(key: number): void {
    this.#handedOut = key
  }

  /** Makes room for a payload, in the caller's transaction, as the policy has it. */
  makeRoomFor(payloadBytes: number): MadeRoom {
    const chunks: Array<{ readonly bytes: number; readonly loss: Loss }> = []
    while (!this.#room.fits(payloadBytes)) {
      // The server has these; they are only here to be looked at.
      if (this.#statements.evictDelivered.run(DELIVERED_AT_ONCE).changes > 0) continue
      const evicted = this.#whenFull === "evictOldest" ? this.#evictOldest() : null
      if (evicted === null) return { fits: false, chunks }
      chunks.push(evicted)
    }
    return { fits: true, chunks }
  }

  #evictOldest(): { readonly bytes: number; readonly loss: Loss } | null {
    const row = this.#statements.evictable.get(this.#handedOut) ?? this.#statements.evictable.get(0)
    if (row === undefined) return null
    const key = integer(row, "position")
    const loss = lossOf(row)
    this.#statements.deleteBetween.run(key, key)
    this.#gaps.put(key, loss, "evicted")
    this.#room.changed(0)
    return { bytes: blob(row, "payload").length, loss }
  }
}

/** What is lost with a chunk. Of one that cannot be read any more, the time when it was appended must do. */
const lossOf = (row: SqliteRow): Loss => {
  const samples = integer(row, "sample_count")
  const appendedAtMs = integer(row, "appended_at_ms")
  const bundle = Bundle.decode(blob(row, "payload"))
  const { fromMillis, toMillis } = spanOf("_tag" in bundle ? [] : bundle)
  return fromMillis <= toMillis
    ? { samples, fromMillis, toMillis }
    : { samples, fromMillis: appendedAtMs, toMillis: appendedAtMs }
}
