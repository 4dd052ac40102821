/** What a bridge takes, does and says: the types of the package's door. */
import type { SensorKind } from "@paceline/core/wire"
import type { BufferEvent, Durability, Packet, StoredPacket, WhenFull } from "../buffer/ChunkBuffer.ts"
import type { Dial } from "../delivery/Connection.ts"
import type { KeySource } from "../delivery/Delivery.ts"
import type { DeliveryLimits, Power, Problem, Transport } from "../delivery/Protocol.ts"
import type { SqliteDriver } from "../drivers/SqliteDriver.ts"
import type { SampleStream, StreamOptions } from "./SampleStream.ts"

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
  /**
   * The device's key, or a function that gives it (a token that expires, a key store): asked at each connection, so
   * also when the server refused the last one. It is sent to the server only, and never written anywhere.
   */
  readonly key: KeySource
  /**
   * How long samples are gathered before they are written, in milliseconds, more than 0 and at most 2^31 − 1. A crash
   * costs at most these. Default 5000.
   */
  readonly flushMillis?: number
  /** Keep delivered chunks in the file, for audits. It then grows for ever. Default false. */
  readonly keepDelivered?: boolean
  /** How many samples may wait in memory while the disk takes none. Default 1,000,000, some megabytes. */
  readonly maxPendingSamples?: number
  /**
   * The most that the buffer's file and its write-ahead log may take together, in bytes; at least 1 MiB. Default 1 GiB:
   * months of one athlete without a server.
   */
  readonly maxBufferBytes?: number
  /**
   * What happens then: the oldest samples make room (`evictOldest`, the default), or new ones are turned away
   * (`refuseNew`). The server is told of either in a gap.
   */
  readonly whenFull?: WhenFull
  /**
   * Whether a flush waits for the disk. `full` (the default): what was flushed survives a power cut. `normal`: it
   * survives a crash of the process, but a power cut may take the flushes since the last checkpoint; the event
   * `FlushesMayBeLost` says so at the next opening.
   */
  readonly durability?: Durability
  /** The most that packets kept with `recordRaw` may take, in bytes; then the oldest go. Default 16 MiB. */
  readonly maxRawBytes?: number
  /** The kinds that are also sent at once, for screens. Default heart rate, power, cadence and speed. */
  readonly liveKinds?: ReadonlyArray<SampleKind>
  /** Things that people should know. Recording goes on after all of them. What it throws is reported as uncaught. */
  readonly onEvent?: (event: BridgeEvent) => void
  /** Limits that differ from the standard ones. */
  readonly limits?: Partial<DeliveryLimits>
  /** Another way to open a WebSocket. */
  readonly dial?: Dial
  /** Deliver by HTTP requests where no WebSocket gets through. Default true. */
  readonly httpFallback?: boolean
  /** `low`: connect seldom, send nothing live. What is recorded is on disk as soon as ever. Default `normal`. */
  readonly power?: Power
}

export type BridgeEvent =
  | BufferEvent
  /** Writing to the buffer fails; samples stay in memory and it is tried again. Raised once until it works again. */
  | { readonly _tag: "WritingFailed"; readonly error: Error }
  | { readonly _tag: "WritingWorksAgain" }
  /** Memory for unwritten samples is full: samples are being turned away. Raised once until there is room. */
  | { readonly _tag: "SamplesTurnedAway" }
  /** The server will not have this device as it is: a wrong key, another version, or the same device twice. */
  | { readonly _tag: "Refused"; readonly problem: Problem }

export interface RecordOptions {
  /**
   * False: it was measured some time ago (a file, a strap's memory). It is stored and delivered like all else, but is not
   * sent to screens, which would show it as the present. Default true.
   */
  readonly live?: boolean
}

export interface BridgeStatus {
  /** Whether a server has welcomed this device and is there now. */
  readonly connected: boolean
  /**
   * `waiting`: for the next attempt. `refused`: the same, but the server said no; see `lastProblem`. `resting`: in low
   * power, until there is enough to send. `suspended`: until `resume`.
   */
  readonly state: "connecting" | "connected" | "waiting" | "refused" | "resting" | "suspended" | "closed"
  /** What connections go over now: `http` where no WebSocket got through. */
  readonly transport: Transport
  /** Samples taken since the bridge was opened. */
  readonly recordedSamples: number
  /** Samples lost since then: neither disk nor memory had room, the cap was reached, or their chunk was damaged. */
  readonly droppedSamples: number
  /** Samples in memory that the next flush writes. */
  readonly pendingSamples: number
  /** Chunks on disk that the server has not acknowledged, and the bytes of their payloads. */
  readonly waitingChunks: number
  readonly waitingBytes: number
  /** When the oldest of them was written, milliseconds since the epoch. */
  readonly oldestWaitingAtMs: number | null
  /** Gaps that the server does not know of yet, and the samples that are missing in them. */
  readonly waitingGaps: number
  readonly gapSamples: number
  /** What the buffer's file and its write-ahead log take, at most. */
  readonly bytesOnDisk: number
  /** Packets kept with `recordRaw`, and their bytes. */
  readonly keptPackets: number
  readonly keptPacketBytes: number
  /** Since the bridge was opened. */
  readonly deliveredChunks: number
  /** The server could not read them, or they were damaged on this device. */
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
  record(sensor: string, kind: SampleKind, atMillis: number, value: number, options?: RecordOptions): boolean
  /**
   * A stream that no profile covers, with a name and a unit of its own.
   *
   * @throws StreamRefused when its kind, unit, rate or sensor cannot be
   */
  stream(options: StreamOptions): SampleStream
  /**
   * Keeps a packet as the sensor sent it, to be parsed again. It stays on this device; the oldest packets go when
   * there are more than `maxRawBytes`. False when memory has no room for it. The bytes are copied.
   *
   * @throws SampleRefused when its sensor, source, time or bytes cannot be stored; BufferClosed
   */
  recordRaw(packet: Packet): boolean
  /** Kept packets with ids above `afterId` (0 for all), in the order of their arrival; those that are flushed. */
  rawPackets(afterId: number, limit: number): ReadonlyArray<StoredPacket>
  /** Lets go of the kept packets up to this id; says how many that were. */
  forgetRaw(upToId: number): number
  /**
   * Notes how far a source has been read; stored in one transaction with the samples recorded before it, where nothing
   * was awaited since: else a flush may have come between.
   */
  moveCursor(source: string, position: string): void
  /** How far the source has been read: where to go on after a restart. Null before the first `moveCursor`. */
  cursor(source: string): string | null
  /** Resolves when all that was recorded is on the disk. @throws BufferFull, BufferFailed, BufferClosed */
  flush(): Promise<void>
  /** Changes how seldom the bridge connects, from now on. */
  setPower(power: Power): void
  /**
   * The application goes to sleep: flushes at once, before the first `await`, and stops the timers and the connection.
   * A flush that fails is tried again until the deadline (default 5000 ms, what iOS gives). What is recorded while it
   * sleeps is flushed with each packet. Whoever calls it again meanwhile waits for the same. See `followAppState` and
   * `followPage`.
   *
   * @throws BufferFull, BufferFailed when nothing could be flushed by the deadline; BufferClosed
   */
  suspend(options?: { readonly deadlineMillis?: number }): Promise<void>
  /** The application is awake again: connects and goes on. Harmless when it did not sleep. */
  resume(): void
  status(): BridgeStatus
  /**
   * Calls the listener after each change of the connection, of what waits and of what is wrong, with the status then;
   * gives back how to stop that. What was merely recorded is no such change.
   */
  subscribe(listener: (status: BridgeStatus) => void): () => void
  /**
   * Resolves when all that was recorded before has been acknowledged by the server; what was lost on the way (a gap, a
   * file that was set aside) is an event, and is not waited for. Rejects when the bridge closes first.
   */
  drained(): Promise<void>
  /** Flushes and frees the file. What waits stays in it for the next opening. */
  close(): Promise<void>
}
