/**
 * The telemetry codec: some seconds of many sensors as one compact byte string.
 *
 * @see `docs/telemetry.md` for the layout, byte by byte.
 */
import type { SensorKind } from "./SensorKind.ts"

/** Samples of one kind from one sensor. `atMillis` (ms since the epoch, whole numbers) and `values` (in the kind's unit) have the same length. */
export interface Block {
  /** The sensor's name on its device, such as `strap-07`. */
  readonly sensor: string
  readonly kind: SensorKind
  readonly atMillis: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

export type Bundle = ReadonlyArray<Block>

export interface BundleError {
  readonly _tag: "BundleError"
  readonly reason: "unknown-version" | "malformed"
  readonly detail: string
}
