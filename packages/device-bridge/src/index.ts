/**
 * The device bridge: records sensor samples on the device and delivers each of them to a Paceline server
 * exactly once, whatever happens to the process, the power or the network on the way.
 *
 * Recording never waits for the network. Samples are gathered for a moment, written to a SQLite file as a
 * numbered chunk, and deleted only when the server has said that they are durable there.
 *
 * @example
 * import { openBridge } from "@paceline/device-bridge"
 * import { betterSqlite3 } from "@paceline/device-bridge/drivers/better-sqlite3"
 *
 * const bridge = openBridge({
 *   path: "buffer.sqlite",
 *   driver: betterSqlite3(),
 *   url: "ws://127.0.0.1:8080",
 *   deviceId: process.env.PACELINE_DEVICE_ID ?? "",
 *   key: process.env.PACELINE_DEVICE_KEY ?? "",
 * })
 * bridge.record("strap-07", "heartRate", Date.now(), 128)
 * await bridge.flush() // from here on, this sample survives anything
 */
import type { Bridge, BridgeOptions } from "./bridge/Bridge.ts"
import { OpenBridge } from "./bridge/OpenBridge.ts"

export type { Bridge, BridgeEvent, BridgeOptions, BridgeStatus, RecordOptions, SampleKind } from "./bridge/Bridge.ts"
export { type AppStateLike, followAppState, followPage, type PageLike } from "./bridge/Lifecycle.ts"
export type { SampleStream, StreamOptions } from "./bridge/SampleStream.ts"
export type { BufferEvent, Durability, GapReason, Packet, StoredPacket, WhenFull } from "./buffer/ChunkBuffer.ts"
export {
  BufferClosed,
  type BufferError,
  BufferFailed,
  BufferFull,
  BufferOwned,
  BufferTooNew,
  SampleRefused,
  SqliteUnsafe,
  StreamRefused,
} from "./buffer/Errors.ts"
export type { Connection, ConnectionEvents, Dial } from "./delivery/Connection.ts"
export type { KeySource } from "./delivery/Delivery.ts"
export type { DeliveryLimits, Power, Problem, ProblemCode, Transport } from "./delivery/Protocol.ts"
export type { SqliteDatabase, SqliteDriver, SqliteRow, SqliteStatement, SqliteValue } from "./drivers/SqliteDriver.ts"

/**
 * Opens the buffer, starts to connect, and goes on doing so until `close`.
 *
 * @throws BufferOwned, BufferTooNew, SqliteUnsafe, BufferFull, BufferFailed; RangeError when a cap or `flushMillis` cannot be; TypeError when `url` is no address
 */
export const openBridge = (options: BridgeOptions): Bridge => new OpenBridge(options)
