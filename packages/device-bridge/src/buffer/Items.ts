/** What stands in the buffer's line, as those who deliver it see it: chunks, and the gaps where chunks were. */
import type { TelemetryFrame } from "@paceline/core/wire"
import type { GapReason, Loss } from "./Gaps.ts"
import type { Position } from "./Position.ts"

export interface StoredChunk extends Position {
  readonly _tag: "Chunk"
  readonly incarnation: string
  /** CRC-32 of the payload, taken when the chunk was appended. */
  readonly crc: number
  readonly payload: Uint8Array
  /** The clocks when it was appended; null when an older version of this package did. */
  readonly clock: TelemetryFrame.ClockReading | null
}

/**
 * What stands where chunks `first` to `last` would: nothing will come of them. It is delivered and acknowledged like
 * a chunk; its `n`, where a reader stands after it, is `last`. Its times are those between which the missing samples
 * were measured.
 */
interface StoredGap extends Position, Loss {
  readonly _tag: "Gap"
  readonly incarnation: string
  readonly first: number
  readonly last: number
  readonly reason: GapReason
}

/** What a page of the buffer holds, in order of number. */
export type StoredItem = StoredChunk | StoredGap

export interface Waiting {
  readonly incarnation: string
  /** The lowest number that waits. */
  readonly first: number
}

/** What is stored and not acknowledged. */
export interface Backlog {
  readonly chunks: number
  /** Of their payloads. */
  readonly bytes: number
  /** When the oldest chunk was appended, milliseconds since the epoch. */
  readonly oldestAtMs: number | null
  /** Gaps that the server does not know of yet, and the samples missing in them. */
  readonly gaps: number
  readonly gapSamples: number
}
