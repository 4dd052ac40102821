/** What a bridge in a browser takes, does and says. */
import type { BridgeEvent, BridgeOptions, BridgeStatus, RecordOptions, SampleKind } from "../bridge/Bridge.ts"
import type { SampleStream, StreamOptions } from "../bridge/SampleStream.ts"
import type { Packet, StoredPacket } from "../buffer/ChunkBuffer.ts"
import type { Power } from "../delivery/Protocol.ts"
import type { CopiedOptions, StorageEvicted, WorkerEvent } from "./Messages.ts"

export interface BrowserBridgeOptions extends CopiedOptions {
  /** The device's key, or a function that gives it, which is called in the page at each connection. */
  readonly key: BridgeOptions["key"]
  /** A worker of its own, whose program calls `serveBridge()`. It ends with the bridge. */
  readonly worker: Worker
  /** The name of the store in this origin; letters, digits, `-`, `_` and `.`. Default `paceline`. */
  readonly store?: string
  /** Where `sqlite3.wasm` is, when the bundler does not place it beside the worker's script by itself. */
  readonly wasmUrl?: string | URL
  /** Whether to ask the browser for storage that it does not throw away by itself. Some ask the user. Default true. */
  readonly persist?: boolean
  /** Things that people should know. Recording goes on after all of them but `WorkerFailed`. */
  readonly onEvent?: (event: BrowserBridgeEvent) => void
}

export type BrowserBridgeEvent =
  | BridgeEvent
  | StorageEvicted
  | Extract<WorkerEvent, { readonly _tag: "SampleRefused" }>
  /** The worker's program ended with an error of its own. Open the bridge anew. */
  | { readonly _tag: "WorkerFailed"; readonly message: string }

export interface BrowserBridge {
  /** Whether the browser has promised not to throw the store away when it is short of space. */
  readonly persistent: boolean
  /**
   * Takes one sample, as `Bridge.record` does. True: it is on its way to the worker. What cannot be stored is an event
   * there, `SampleRefused`, and so is what there was no room for, `SamplesTurnedAway`.
   *
   * @throws BufferClosed
   */
  record(sensor: string, kind: SampleKind, atMillis: number, value: number, options?: RecordOptions): boolean
  /** A stream that no profile covers, with a name and a unit of its own. @throws StreamRefused */
  stream(options: StreamOptions): SampleStream
  /** Keeps a packet as the sensor sent it, on this device, to be parsed again. @throws BufferClosed */
  recordRaw(packet: Packet): boolean
  /** Kept packets with ids above `afterId` (0 for all), in the order of their arrival; those that are flushed. */
  rawPackets(afterId: number, limit: number): Promise<ReadonlyArray<StoredPacket>>
  /** Lets go of the kept packets up to this id; says how many that were. */
  forgetRaw(upToId: number): Promise<number>
  /**
   * Notes how far a source has been read; stored in one transaction with the samples recorded before it, where nothing
   * was awaited since.
   */
  moveCursor(source: string, position: string): void
  /** How far the source has been read: where to go on after a reload. Null before the first `moveCursor`. */
  cursor(source: string): Promise<string | null>
  /** Resolves when all that was recorded is in the browser's storage. Rejects with a `BridgeFailure`. */
  flush(): Promise<void>
  /** Changes how seldom the bridge connects, from now on. */
  setPower(power: Power): void
  /** As the worker last told it. */
  status(): BridgeStatus
  /**
   * Calls the listener after each change of the connection, of what waits and of what is wrong, with the status then;
   * gives back how to stop that. What was merely recorded is no such change.
   */
  subscribe(listener: (status: BridgeStatus) => void): () => void
  /** Resolves when all that was recorded before has been acknowledged by the server. */
  drained(): Promise<void>
  /** Flushes, gives the store free, and ends the worker. What waits stays for the next opening. */
  close(): Promise<void>
}
