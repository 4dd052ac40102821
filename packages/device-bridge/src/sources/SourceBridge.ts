/**
 * What a source needs of a bridge, and how its streams are recorded there.
 *
 * It is a part of `Bridge`, so that a source can be tried, or fed into something else, without opening a buffer.
 */
import type { RecordOptions, SampleKind } from "../bridge/Bridge.ts"
import { STREAMS, type StreamName } from "./Streams.ts"

export interface SourceBridge {
  /** As `Bridge.record`. */
  record(sensor: string, kind: SampleKind, atMillis: number, value: number, options?: RecordOptions): boolean
  /** As `Bridge.stream`, for what no kind covers; without it such samples are not recorded. */
  stream?(options: { readonly kind: string; readonly unit: string; readonly sensor: string }): {
    record(atMillis: number, value: number): boolean
  }
  /** As `Bridge.recordRaw`: keeps the bytes of a packet as they came, to be parsed again. */
  recordRaw?(packet: {
    readonly sensor: string
    readonly source: string
    readonly atMillis: number
    readonly bytes: Uint8Array
  }): boolean
}

/** A source that is read from, and must know how far. */
export interface CursorBridge extends SourceBridge {
  moveCursor(source: string, position: string): void
  cursor(source: string): string | null
}

/** Records one sample of a sensor's stream. `"unsupported"`: the bridge takes no custom streams. */
export type Recorder = (stream: StreamName, atMillis: number, value: number) => boolean | "unsupported"

/** Custom streams are opened when their first sample comes. */
export const recorderFor = (bridge: SourceBridge, sensor: string): Recorder => {
  const opened = new Map<StreamName, { record(atMillis: number, value: number): boolean }>()
  return (stream, atMillis, value) => {
    const target = STREAMS[stream]
    if (target.kind !== "custom") return bridge.record(sensor, target.kind, atMillis, value)
    const known = opened.get(stream) ?? bridge.stream?.({ kind: target.name, unit: target.unit, sensor })
    if (known === undefined) return "unsupported"
    opened.set(stream, known)
    return known.record(atMillis, value)
  }
}
