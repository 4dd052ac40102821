/**
 * What page and worker say to each other. All of it is plain data, because it is copied from one to the other;
 * errors travel as what they say and come out as a `BridgeFailure`.
 */
import type { BridgeEvent, BridgeOptions, BridgeStatus, SampleKind } from "../bridge/Bridge.ts"
import type { Packet, StoredPacket } from "../buffer/ChunkBuffer.ts"
import type { Power } from "../delivery/Protocol.ts"

/** The options of a bridge that can be copied into a worker. The key is asked of the page whenever it is needed. */
export type CopiedOptions = Omit<BridgeOptions, "path" | "driver" | "onEvent" | "dial" | "key">

/** Chunks `first` to `last` of an incarnation. */
export interface WaitingRange {
  readonly incarnation: string
  readonly first: number
  readonly last: number
}

/** What the page remembers of a store, outside of it: what waited there when it was last seen. */
export interface Marker {
  readonly atMs: number
  readonly waiting: ReadonlyArray<WaitingRange>
}

/**
 * The browser has thrown the store away since it was last seen: it may, for want of space, unless storage is
 * persistent. What waited in it is lost: these chunks, as of about a second before the end.
 */
export interface StorageEvicted {
  readonly _tag: "StorageEvicted"
  readonly store: string
  readonly lastSeenAtMs: number
  readonly lost: ReadonlyArray<WaitingRange>
}

export type WorkerEvent =
  | BridgeEvent
  | StorageEvicted
  /** A sample that is none was given to `record`, which cannot throw across threads. Nothing was recorded of it. */
  | { readonly _tag: "SampleRefused"; readonly message: string }

/** What is measured: a kind that every side knows, or a stream with a name and a unit of its own. */
export type Measured = SampleKind | { readonly name: string; readonly unit: string }

export type Sample = readonly [sensor: string, measured: Measured, atMillis: number, value: number, live: boolean]

export type ToWorker =
  | {
      readonly _tag: "Open"
      readonly store: string
      readonly wasmUrl: string | null
      readonly options: CopiedOptions
      readonly marker: Marker | null
    }
  /** What one turn of the page's event loop gave, in one message, so that no flush comes between samples and cursors. */
  | {
      readonly _tag: "Record"
      readonly samples: ReadonlyArray<Sample>
      readonly packets: ReadonlyArray<Packet>
      readonly cursors: ReadonlyArray<readonly [source: string, position: string]>
    }
  | { readonly _tag: "SetPower"; readonly power: Power }
  | { readonly _tag: "Resume" }
  /** The answer to `KeyWanted`. */
  | { readonly _tag: "Key"; readonly id: number; readonly key: string }
  | { readonly _tag: "NoKey"; readonly id: number; readonly message: string }
  | { readonly _tag: "Call"; readonly id: number; readonly call: Call }

export type Call =
  | { readonly method: "flush" | "drained" | "suspend" | "close" }
  | { readonly method: "cursor"; readonly source: string }
  | { readonly method: "rawPackets"; readonly afterId: number; readonly limit: number }
  | { readonly method: "forgetRaw"; readonly upToId: number }

export type Answer = null | string | number | ReadonlyArray<StoredPacket>

export type ToPage =
  | { readonly _tag: "Opened"; readonly status: BridgeStatus }
  | { readonly _tag: "OpenFailed"; readonly failure: CopiedError }
  | { readonly _tag: "Answered"; readonly id: number; readonly answer: Answer; readonly status: BridgeStatus }
  | { readonly _tag: "Failed"; readonly id: number; readonly failure: CopiedError }
  | { readonly _tag: "Status"; readonly status: BridgeStatus }
  | { readonly _tag: "Event"; readonly event: Exclude<WorkerEvent, { readonly _tag: "WritingFailed" }> }
  | { readonly _tag: "WritingFailed"; readonly failure: CopiedError }
  | { readonly _tag: "KeyWanted"; readonly id: number }
  | { readonly _tag: "Marked"; readonly marker: Marker }

export interface CopiedError {
  readonly tag: string
  readonly message: string
}

export const copiedError = (thrown: unknown): CopiedError => ({
  tag: thrown instanceof Error && "_tag" in thrown ? String(thrown._tag) : "Error",
  message: thrown instanceof Error ? thrown.message : String(thrown),
})

/**
 * What went wrong in the worker. `_tag` is that of the error there: `BufferOwned`, `BufferFull`, `BufferFailed`,
 * `BufferTooNew`, `BufferClosed`, …; `Error` for what nobody expected.
 */
export class BridgeFailure extends Error {
  readonly _tag: string
  override readonly name: string

  constructor({ tag, message }: CopiedError) {
    super(message)
    this._tag = tag
    this.name = tag
  }
}
