/** What one flush stores in one transaction, and what became of it. */
import type { GapReason, Loss } from "./Gaps.ts"
import type { Packet } from "./Packets.ts"
import type { SealedChunk } from "./Pending.ts"

/** What one flush stores. */
export interface Batch {
  readonly chunks: ReadonlyArray<SealedChunk>
  /** Samples that memory had no room for. */
  readonly turnedAway: Loss | null
  readonly packets: ReadonlyArray<Packet>
  readonly cursors: ReadonlyMap<string, string>
}

/** What became of a batch. */
export interface Appended {
  /** Chunks and gaps that now stand in the line. */
  readonly items: number
  /** What was lost for want of room, by reason. */
  readonly losses: ReadonlyMap<GapReason, Loss>
}
