/**
 * What a stream measures. Each kind has a fixed code on the wire, a unit, and a resolution: the size of one
 * count, as an exact fraction of the unit. A value is stored as a whole number of counts, so what a sensor
 * said in its own resolution comes back exactly.
 */

export interface SensorKindInfo {
  /** The number on the wire, from 1. Never reused. 0 stands for a custom stream, which brings its own name and unit. */
  readonly code: number
  readonly unit: string
  /** One count is `numerator / denominator` of the unit. */
  readonly resolution: readonly [numerator: number, denominator: number]
}

export const SENSOR_KINDS = {
  /** Beats a minute (FIT `heart_rate`, Bluetooth 2A37). */
  heartRate: { code: 1, unit: "bpm", resolution: [1, 1] },
  /** The time from beat to beat (FIT `hrv.time`, 1/1000 s). */
  rrInterval: { code: 2, unit: "s", resolution: [1, 1000] },
  /** WGS 84, north is positive (FIT semicircles: 180 / 2^31 degrees). */
  latitude: { code: 3, unit: "deg", resolution: [45, 536_870_912] },
  /** WGS 84, east is positive. */
  longitude: { code: 4, unit: "deg", resolution: [45, 536_870_912] },
  /** FIT `enhanced_speed`, 1/1000 m/s. */
  speed: { code: 5, unit: "m/s", resolution: [1, 1000] },
  /** FIT `power`. */
  power: { code: 6, unit: "W", resolution: [1, 1] },
  /** Revolutions or strides a minute; FIT `cadence` plus `fractional_cadence` (1/128). */
  cadence: { code: 7, unit: "rpm", resolution: [1, 128] },
  /** FIT `enhanced_altitude`, 1/5 m. */
  altitude: { code: 8, unit: "m", resolution: [1, 5] },
  /** FIT `distance`, 1/100 m, from the start of the activity. */
  distance: { code: 9, unit: "m", resolution: [1, 100] },
  /** Along the sensor's own axes, gravity included; FIT `compressed_calibrated_accel_x`, 1/1000 g (9.80665 m/s²). */
  accelerationX: { code: 10, unit: "g", resolution: [1, 1000] },
  accelerationY: { code: 11, unit: "g", resolution: [1, 1000] },
  accelerationZ: { code: 12, unit: "g", resolution: [1, 1000] },
  /** Steps counted from the start of the activity, or of the day. */
  steps: { code: 13, unit: "steps", resolution: [1, 1] },
  /** A mark in the stream: 1 the activity started, 0 it ended. Travels in order with the samples. */
  activity: { code: 100, unit: "mark", resolution: [1, 1] },
} as const satisfies Record<string, SensorKindInfo>

export type SensorKind = keyof typeof SENSOR_KINDS

export const ACTIVITY_STARTED = 1
export const ACTIVITY_ENDED = 0

export const isSensorKind = (name: string): name is SensorKind => Object.hasOwn(SENSOR_KINDS, name)

/** Every kind, in the order of the table above. */
export const ALL_KINDS: ReadonlyArray<SensorKind> = Object.keys(SENSOR_KINDS).filter(isSensorKind)

/** By their codes, which are small. */
const byCode: ReadonlyArray<SensorKind | undefined> = Array.from(
  { length: 1 + Math.max(...ALL_KINDS.map((kind) => SENSOR_KINDS[kind].code)) },
  (_, code) => ALL_KINDS.find((kind) => SENSOR_KINDS[kind].code === code),
)

/** The kind with this number on the wire, or undefined when this version knows none. */
export const kindOfCode = (code: number): SensorKind | undefined => byCode[code]
