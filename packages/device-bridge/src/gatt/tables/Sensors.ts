/**
 * What straps, pods, pedals and hubs send: Heart Rate (2A37), Running Speed and Cadence (2A53), Cycling Speed and
 * Cadence (2A5B), Cycling Power (2A63) and Battery Level (2A19).
 *
 * Counts and event times of wheels and cranks wrap; `Revolutions.ts` makes speeds of them. Intervals between heart
 * beats are made into beats by `Beats.ts`.
 */
import { type Layout, WHOLE } from "../Layout.ts"

/** Contact is known only where `contactSupported`. Energy counts up from the sensor's last reset. */
export const HEART_RATE = {
  tag: "HeartRate",
  source: "Heart Rate Service 1.0, Heart Rate Measurement; GATT Specification Supplement, same name",
  flagBytes: 1,
  marks: [
    [1, "contactDetected", false, true],
    [2, "contactSupported", false, true],
  ],
  fields: [
    ["always", "heartRateBpm", "u8or16", WHOLE],
    ["if 3", "energyExpendedKilojoules", "u16", WHOLE],
    ["if 4", "rrIntervalsSeconds", "u16[]", [1, 1024]],
  ],
} as const satisfies Layout

/** Cadence counts steps of both feet. */
export const RUNNING = {
  tag: "RunningSpeedAndCadence",
  source: "Running Speed and Cadence Service 1.0, RSC Measurement; GATT Specification Supplement, same name",
  flagBytes: 1,
  marks: [[2, "gait", "walking", "running"]],
  fields: [
    ["always", "speedMetresPerSecond", "u16", [1, 256]],
    ["always", "cadenceStepsPerMinute", "u8", WHOLE],
    ["if 0", "strideLengthMetres", "u16", [1, 100]],
    ["if 1", "totalDistanceMetres", "u32", [1, 10]],
  ],
} as const satisfies Layout

/** Both event times count 1/1024 s and wrap after 64 s. */
export const CYCLING = {
  tag: "CyclingSpeedAndCadence",
  source: "Cycling Speed and Cadence Service 1.0, CSC Measurement; GATT Specification Supplement, same name",
  flagBytes: 1,
  marks: [],
  fields: [
    ["if 0", "cumulativeWheelRevolutions", "u32", WHOLE],
    ["if 0", "lastWheelEventSeconds", "u16", [1, 1024]],
    ["if 1", "cumulativeCrankRevolutions", "u16", WHOLE],
    ["if 1", "lastCrankEventSeconds", "u16", [1, 1024]],
  ],
} as const satisfies Layout

/**
 * The wheel's event time counts 1/2048 s here (it wraps after 32 s), the crank's 1/1024 s. Balance is the share of
 * the left pedal when `balanceReference` is left, else of a pedal that is not told. Angles are of the crank, 0 at
 * the top, clockwise seen from the right.
 */
export const CYCLING_POWER = {
  tag: "CyclingPower",
  source: "Cycling Power Service 1.1, Cycling Power Measurement; GATT Specification Supplement, same name",
  flagBytes: 2,
  marks: [
    [1, "balanceReference", "unknown", "left"],
    [3, "torqueSource", "wheel", "crank"],
    [12, "offsetCompensation", false, true],
  ],
  fields: [
    ["always", "powerWatts", "s16", WHOLE],
    ["if 0", "pedalBalancePercent", "u8", [1, 2]],
    ["if 2", "accumulatedTorqueNewtonMetres", "u16", [1, 32]],
    ["if 4", "cumulativeWheelRevolutions", "u32", WHOLE],
    ["if 4", "lastWheelEventSeconds", "u16", [1, 2048]],
    ["if 5", "cumulativeCrankRevolutions", "u16", WHOLE],
    ["if 5", "lastCrankEventSeconds", "u16", [1, 1024]],
    ["if 6", "maximumForceNewtons", "s16", WHOLE],
    ["if 6", "minimumForceNewtons", "s16", WHOLE],
    ["if 7", "maximumTorqueNewtonMetres", "s16", [1, 32]],
    ["if 7", "minimumTorqueNewtonMetres", "s16", [1, 32]],
    ["if 8", "maximumAngleDegrees", "u12", WHOLE],
    ["if 8", "minimumAngleDegrees", "u12", WHOLE],
    ["if 9", "topDeadSpotAngleDegrees", "u16", WHOLE],
    ["if 10", "bottomDeadSpotAngleDegrees", "u16", WHOLE],
    ["if 11", "accumulatedEnergyKilojoules", "u16", WHOLE],
  ],
} as const satisfies Layout

export const BATTERY = {
  tag: "Battery",
  source: "Battery Service 1.1, section 3.1 Battery Level; GATT Specification Supplement, same name",
  flagBytes: 0,
  marks: [],
  fields: [["always", "levelPercent", "u8", WHOLE, { maximum: 100 }]],
} as const satisfies Layout
