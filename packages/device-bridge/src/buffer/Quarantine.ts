/**
 * Chunks that are kept aside for people: those that the server could not read, and those that rotted on this device.
 *
 * A disk may give back other bytes than it was given, and SQLite does not notice. Each chunk has the checksum that was
 * taken when it was sealed, so it is looked at again when it is read: what is damaged stays here, whole as it is, a gap
 * takes its place in the line, and its neighbours go on.
 */
import { crc32 } from "@paceline/core/wire"
import { integer } from "../drivers/Row.ts"
import type { Gaps, Loss } from "./Gaps.ts"
import type { StoredChunk, StoredItem } from "./Items.ts"
import { keyOf } from "./Position.ts"
import type { Statements } from "./Statements.ts"

/** A chunk that was found damaged on this device, and what is lost with it. */
export interface DamagedChunk {
  readonly incarnation: string
  readonly n: number
  readonly reason: string
  readonly loss: Loss
}

/** The chunks whose payload is not what was stored. */
export const damagedIn = (items: ReadonlyArray<StoredItem>): ReadonlyArray<StoredChunk> =>
  items.filter((item) => item._tag === "Chunk").filter(({ crc, payload }) => crc32(payload) !== crc)

/** Its methods belong into a transaction of the caller. */
export class Quarantine {
  readonly #statements: Statements
  readonly #gaps: Gaps

  constructor(statements: Statements, gaps: Gaps) {
    this.#statements = statements
    this.#gaps = gaps
  }

  /** Takes the chunk at `key` out of the line. */
  keep(incarnation: string, key: number, reason: string): void {
    this.#statements.quarantine.run(incarnation, reason, key)
    this.#statements.deleteBetween.run(key, key)
  }

  /** The same with a damaged one, and puts a gap in its place. When its samples were measured nobody can say any more. */
  keepDamaged({ crc, incarnation, n, opened, payload }: StoredChunk): DamagedChunk {
    const key = keyOf(opened, n)
    const row = this.#statements.chunkAt.get(key) ?? {}
    const appendedAtMs = integer(row, "appended_at_ms")
    const loss = { samples: integer(row, "sample_count"), fromMillis: appendedAtMs, toMillis: appendedAtMs }
    const reason = `damaged on this device: the payload's CRC-32 is ${crc32(payload)}, it was ${crc}`
    this.keep(incarnation, key, reason)
    this.#gaps.put(key, loss, "damaged")
    return { incarnation, n, reason, loss }
  }
}
