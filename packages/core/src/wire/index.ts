/** What travels between devices, clients and servers: frames in msgpack, and the telemetry codec. Plain TypeScript. */
export * as Bundle from "./Bundle.ts"
export { crc32 } from "./Crc32.ts"
export { FRAME_VERSION, type FrameError } from "./Frame.ts"
export * as FrameSequence from "./FrameSequence.ts"
export * as LiveFrame from "./LiveFrame.ts"
export * as SensorKind from "./SensorKind.ts"
export * as TelemetryFrame from "./TelemetryFrame.ts"
