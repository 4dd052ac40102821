/**
 * What a bundle is made of: samples of one kind from one sensor, in columns.
 *
 * A profile's measurement is a `KindBlock`; its unit follows from its kind. What no profile covers is a
 * `CustomBlock`, which carries its own name and unit.
 *
 * @example
 * { sensor: "strap-07", kind: "heartRate", atMillis: [t, t + 1000], values: [92, 93] }
 * { sensor: "moxy-2", kind: "custom", name: "muscleOxygen", unit: "%", atMillis: [t], values: [61.5] }
 */
import type { SensorKind } from "./SensorKind.ts"

/** `atMillis` (ms since the epoch, whole numbers) and `values` (in the block's unit) have the same length. */
interface Samples {
  /** The sensor's name on its device, such as `strap-07`. */
  readonly sensor: string
  readonly atMillis: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

/** Samples of a kind that every side knows. */
export interface KindBlock extends Samples {
  readonly kind: SensorKind
}

/** Samples of a stream that no profile covers. */
export interface CustomBlock extends Samples {
  readonly kind: "custom"
  /** What is measured, such as `muscleOxygen`. */
  readonly name: string
  /** The unit of the values, such as `%`. */
  readonly unit: string
}

export type Block = KindBlock | CustomBlock

export type Bundle = ReadonlyArray<Block>

export interface BundleError {
  readonly _tag: "BundleError"
  readonly reason: "unknown-version" | "malformed"
  readonly detail: string
}
