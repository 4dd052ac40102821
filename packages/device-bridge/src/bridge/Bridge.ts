/** What a bridge takes, does and says: the types of the package's door. */
import type { SensorKind } from "@paceline/core/wire"
import type { BufferEvent } from "../buffer/ChunkBuffer.ts"
import type { Dial } from "../delivery/Connection.ts"
import type { DeliveryLimits, Problem } from "../delivery/Protocol.ts"
import type { SqliteDriver } from "../drivers/SqliteDriver.ts"

/** What is measured, such as `heartRate`; each has a fixed unit, see `docs/telemetry.md`. */
export type SampleKind = SensorKind.SensorKind

export interface BridgeOptions {
  /** The buffer's file. Files with its name and an ending lie beside it. Its folder must exist. */
  readonly path: string
  /** `betterSqlite3()` or `bunSqlite()`, or one of your own. */
  readonly driver: SqliteDriver
  /** The server: `ws://host:port`, `https://host`, … */
  readonly url: string
  readonly deviceId: string
  /** The device's key. It is sent to the server only, in the first frame, and never written anywhere. */
  readonly key: string
  /** How long samples are gathered before they are written, in milliseconds. A crash costs at most these. Default 1000. */
  readonly flushMillis?: number
  /** Keep delivered chunks in the file, for audits. It then grows for ever. Default false. */
  readonly keepDelivered?: boolean
  /** How many samples may wait in memory while the disk takes none. Default 1,000,000, some megabytes. */
  readonly maxPendingSamples?: number
  /** The kinds that are also sent at once, for screens. Default heart rate, power, cadence and speed. */
  readonly liveKinds?: ReadonlyArray<SampleKind>
  /** Things that people should know. Recording goes on after all of them. */
  readonly onEvent?: (event: BridgeEvent) => void
  /** Limits that differ from the standard ones. */
  readonly limits?: Partial<DeliveryLimits>
  /** Another way to open a WebSocket. */
  readonly dial?: Dial
}

export type BridgeEvent =
  | BufferEvent
  /** Writing to the buffer fails; samples stay in memory and it is tried again. Raised once until it works again. */
  | { readonly _tag: "WritingFailed"; readonly error: Error }
  | { readonly _tag: "WritingWorksAgain" }
  /** Memory for unwritten samples is full: samples are being turned away. Raised once until there is room. */
  | { readonly _tag: "SamplesTurnedAway" }
  /** The server could not read this chunk. It is kept in the table `quarantine`, the rest flows. */
  | { readonly _tag: "ChunkQuarantined"; readonly incarnation: string; readonly n: number; readonly reason: string }
  /** The server will not have this device as it is: a wrong key, another version, or the same device twice. */
  | { readonly _tag: "Refused"; readonly problem: Problem }

export interface BridgeStatus {
  /** Whether a server has welcomed this device and is there now. */
  readonly connected: boolean
  /** `waiting`: for the next attempt. `refused`: the same, but the server said no; see `lastProblem`. */
  readonly state: "connecting" | "connected" | "waiting" | "refused" | "closed"
  /** Samples taken since the bridge was opened. */
  readonly recordedSamples: number
  /** Samples turned away since then, because neither disk nor memory had room. */
  readonly droppedSamples: number
  /** Samples in memory that the next flush writes. */
  readonly pendingSamples: number
  /** Chunks on disk that the server has not acknowledged, and the bytes of their payloads. */
  readonly waitingChunks: number
  readonly waitingBytes: number
  /** When the oldest of them was written, milliseconds since the epoch. */
  readonly oldestWaitingAtMs: number | null
  /** Since the bridge was opened. */
  readonly deliveredChunks: number
  readonly quarantinedChunks: number
  readonly lastAckAtMs: number | null
  /** What is wrong now: with writing, or with the connection. */
  readonly lastProblem: { readonly code: string; readonly message: string } | null
}

export interface Bridge {
  /**
   * Takes one sample. `atMillis` is when it was measured, whole milliseconds since the epoch; `value` is in the
   * unit of its kind. False when it was turned away because neither disk nor memory has room.
   *
   * @throws SampleRefused when the name, kind or time cannot be stored; BufferClosed
   */
  record(sensor: string, kind: SampleKind, atMillis: number, value: number): boolean
  /** Notes how far a source has been read; stored in one transaction with the samples recorded before it. */
  moveCursor(source: string, position: string): void
  /** How far the source has been read: where to go on after a restart. Null before the first `moveCursor`. */
  cursor(source: string): string | null
  /** Resolves when all that was recorded is on the disk. @throws BufferFull, BufferFailed, BufferClosed */
  flush(): Promise<void>
  status(): BridgeStatus
  /** Calls the listener after each change, with the status then; gives back how to stop that. */
  subscribe(listener: (status: BridgeStatus) => void): () => void
  /** Resolves when all that was recorded before has been acknowledged by the server. Rejects when the bridge closes first. */
  drained(): Promise<void>
  /** Flushes and frees the file. What waits stays in it for the next opening. */
  close(): Promise<void>
}
