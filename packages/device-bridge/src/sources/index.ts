/** From what sensors say to samples in a bridge: packets as they come, logs that are read later, links that flap. */

export type { ClockLook } from "./DriftEstimate.ts"
export { type HeardBeats, heardBeats } from "./HeardBeats.ts"
export { type KeepOptions, type KeepStatus, type Kept, keepConnected, type Timing } from "./KeepConnected.ts"
export { type LogRecord, type Offloaded, type OffloadOptions, offload } from "./Offload.ts"
export { type Peripheral, type PeripheralOptions, type PeripheralStatus, peripheral } from "./Peripheral.ts"
export {
  type NobleCharacteristic,
  type NoblePeripheral,
  nobleLink,
  type OnPacket,
  type SensorLink,
  type WebBluetoothCharacteristic,
  type WebBluetoothDevice,
  type WebBluetoothService,
  webBluetoothLink,
} from "./Radio.ts"
export * as ScanBackoff from "./ScanBackoff.ts"
export { type DecoderOptions, type Reading, SensorDecoder } from "./SensorDecoder.ts"
export type { CursorBridge, SourceBridge } from "./SourceBridge.ts"
export { STREAMS, type Stream, type StreamName } from "./Streams.ts"
export { hostClock, type SourceClock } from "./Timeline.ts"
