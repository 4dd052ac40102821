/**
 * What a source needs of a bridge, and how its streams are recorded there.
 *
 * It is a part of `Bridge`, so that a source can be tried, or fed into something else, without opening a buffer.
 */
import type { SampleKind } from "../bridge/Bridge.ts"
import { STREAMS, type StreamName } from "./Streams.ts"

export interface SourceBridge {
  /** As `Bridge.record`. */
  record(sensor: string, kind: SampleKind, atMillis: number, value: number): boolean
  /** Takes a sample of what no kind covers; without it such samples are not recorded. */
  recordCustom?(sensor: string, name: string, unit: string, atMillis: number, value: number): boolean
  /** Keeps the bytes of a packet as they came, to be parsed again. */
  recordRaw?(sensor: string, format: string, atMillis: number, bytes: Uint8Array): boolean
}

/** A source that is read from, and must know how far. */
export interface CursorBridge extends SourceBridge {
  moveCursor(source: string, position: string): void
  cursor(source: string): string | null
}

/** Records one sample of a stream. `"unsupported"`: the bridge takes no custom streams. */
export const recordInto = (
  bridge: SourceBridge,
  sensor: string,
  stream: StreamName,
  atMillis: number,
  value: number,
): boolean | "unsupported" => {
  const target = STREAMS[stream]
  if (target.kind !== "custom") return bridge.record(sensor, target.kind, atMillis, value)
  return bridge.recordCustom?.(sensor, target.name, target.unit, atMillis, value) ?? "unsupported"
}
