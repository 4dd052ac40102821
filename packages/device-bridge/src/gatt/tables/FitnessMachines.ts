/**
 * What fitness machines send: Treadmill (2ACD), Cross Trainer (2ACE), Rower (2AD1) and Indoor Bike Data (2AD2).
 *
 * Bit 0, "More Data", is inverted: while it is 0 the first field is there. A machine that has more to say than a
 * packet holds sets it in all packets but the last; `MoreData.ts` joins them. Speeds are metres a second here; the
 * wire counts 1/100 km/h, which is 1/360 m/s.
 *
 * Where published layouts differ, the tables follow what machines send. Resistance is 16 bits, signed, as in
 * the characteristics published with FTMS 1.0 and in recorded packets of trainers (the Supplement has 8 bits that
 * count tens); on a cross trainer it counts tenths. The flags of a cross trainer are three bytes, as in the
 * Supplement and on machines, though its bits would fit into two. A treadmill's pace, which few machines send, is
 * 16 bits of seconds for 500 m as in the Supplement; FTMS 1.0 had 8 bits of 0.1 km/min, and such a packet with a
 * pace in it is misread or refused here.
 */
import { type Layout, WHOLE } from "../Layout.ts"

const SPEED = [1, 360] as const
const HALVES = [1, 2] as const
const TENTHS = [1, 10] as const

/** "Data not available" of the three widths that have one. */
const NO_U8 = { unavailable: 0xff } as const
const NO_U16 = { unavailable: 0xffff } as const
const NO_S16 = { unavailable: 0x7fff } as const

export const TREADMILL = {
  tag: "Treadmill",
  source: "Fitness Machine Service 1.0, section 4.4 Treadmill Data; GATT Specification Supplement, same name",
  flagBytes: 2,
  marks: [[0, "moreData", false, true]],
  fields: [
    ["unless 0", "speedMetresPerSecond", "u16", SPEED],
    ["if 1", "averageSpeedMetresPerSecond", "u16", SPEED],
    ["if 2", "totalDistanceMetres", "u24", WHOLE],
    ["if 3", "inclinationPercent", "s16", TENTHS, NO_S16],
    ["if 3", "rampAngleDegrees", "s16", TENTHS, NO_S16],
    ["if 4", "positiveElevationGainMetres", "u16", TENTHS],
    ["if 4", "negativeElevationGainMetres", "u16", TENTHS],
    ["if 5", "paceSecondsPer500Metres", "u16", WHOLE],
    ["if 6", "averagePaceSecondsPer500Metres", "u16", WHOLE],
    ["if 7", "totalEnergyKilocalories", "u16", WHOLE, NO_U16],
    ["if 7", "energyKilocaloriesPerHour", "u16", WHOLE, NO_U16],
    ["if 7", "energyKilocaloriesPerMinute", "u8", WHOLE, NO_U8],
    ["if 8", "heartRateBpm", "u8", WHOLE],
    ["if 9", "metabolicEquivalent", "u8", TENTHS],
    ["if 10", "elapsedSeconds", "u16", WHOLE],
    ["if 11", "remainingSeconds", "u16", WHOLE],
    ["if 12", "forceOnBeltNewtons", "s16", WHOLE, NO_S16],
    ["if 12", "powerWatts", "s16", WHOLE, NO_S16],
  ],
} as const satisfies Layout

export const CROSS_TRAINER = {
  tag: "CrossTrainer",
  source: "Fitness Machine Service 1.0, section 4.5 Cross Trainer Data; GATT Specification Supplement, same name",
  flagBytes: 3,
  marks: [
    [0, "moreData", false, true],
    [15, "direction", "forward", "backward"],
  ],
  fields: [
    ["unless 0", "speedMetresPerSecond", "u16", SPEED],
    ["if 1", "averageSpeedMetresPerSecond", "u16", SPEED],
    ["if 2", "totalDistanceMetres", "u24", WHOLE],
    ["if 3", "stepsPerMinute", "u16", WHOLE, NO_U16],
    ["if 3", "averageStepsPerMinute", "u16", WHOLE, NO_U16],
    ["if 4", "strideCount", "u16", TENTHS],
    ["if 5", "positiveElevationGainMetres", "u16", WHOLE],
    ["if 5", "negativeElevationGainMetres", "u16", WHOLE],
    ["if 6", "inclinationPercent", "s16", TENTHS, NO_S16],
    ["if 6", "rampAngleDegrees", "s16", TENTHS, NO_S16],
    ["if 7", "resistanceLevel", "s16", TENTHS],
    ["if 8", "powerWatts", "s16", WHOLE],
    ["if 9", "averagePowerWatts", "s16", WHOLE],
    ["if 10", "totalEnergyKilocalories", "u16", WHOLE, NO_U16],
    ["if 10", "energyKilocaloriesPerHour", "u16", WHOLE, NO_U16],
    ["if 10", "energyKilocaloriesPerMinute", "u8", WHOLE, NO_U8],
    ["if 11", "heartRateBpm", "u8", WHOLE],
    ["if 12", "metabolicEquivalent", "u8", TENTHS],
    ["if 13", "elapsedSeconds", "u16", WHOLE],
    ["if 14", "remainingSeconds", "u16", WHOLE],
  ],
} as const satisfies Layout

export const ROWER = {
  tag: "Rower",
  source: "Fitness Machine Service 1.0, section 4.8 Rower Data; GATT Specification Supplement, same name",
  flagBytes: 2,
  marks: [[0, "moreData", false, true]],
  fields: [
    ["unless 0", "strokesPerMinute", "u8", HALVES],
    ["unless 0", "strokeCount", "u16", WHOLE],
    ["if 1", "averageStrokesPerMinute", "u8", HALVES],
    ["if 2", "totalDistanceMetres", "u24", WHOLE],
    ["if 3", "paceSecondsPer500Metres", "u16", WHOLE],
    ["if 4", "averagePaceSecondsPer500Metres", "u16", WHOLE],
    ["if 5", "powerWatts", "s16", WHOLE],
    ["if 6", "averagePowerWatts", "s16", WHOLE],
    ["if 7", "resistanceLevel", "s16", WHOLE],
    ["if 8", "totalEnergyKilocalories", "u16", WHOLE, NO_U16],
    ["if 8", "energyKilocaloriesPerHour", "u16", WHOLE, NO_U16],
    ["if 8", "energyKilocaloriesPerMinute", "u8", WHOLE, NO_U8],
    ["if 9", "heartRateBpm", "u8", WHOLE],
    ["if 10", "metabolicEquivalent", "u8", TENTHS],
    ["if 11", "elapsedSeconds", "u16", WHOLE],
    ["if 12", "remainingSeconds", "u16", WHOLE],
  ],
} as const satisfies Layout

export const INDOOR_BIKE = {
  tag: "IndoorBike",
  source: "Fitness Machine Service 1.0, section 4.9 Indoor Bike Data; GATT Specification Supplement, same name",
  flagBytes: 2,
  marks: [[0, "moreData", false, true]],
  fields: [
    ["unless 0", "speedMetresPerSecond", "u16", SPEED],
    ["if 1", "averageSpeedMetresPerSecond", "u16", SPEED],
    ["if 2", "cadenceRpm", "u16", HALVES],
    ["if 3", "averageCadenceRpm", "u16", HALVES],
    ["if 4", "totalDistanceMetres", "u24", WHOLE],
    ["if 5", "resistanceLevel", "s16", WHOLE],
    ["if 6", "powerWatts", "s16", WHOLE],
    ["if 7", "averagePowerWatts", "s16", WHOLE],
    ["if 8", "totalEnergyKilocalories", "u16", WHOLE, NO_U16],
    ["if 8", "energyKilocaloriesPerHour", "u16", WHOLE, NO_U16],
    ["if 8", "energyKilocaloriesPerMinute", "u8", WHOLE, NO_U8],
    ["if 9", "heartRateBpm", "u8", WHOLE],
    ["if 10", "metabolicEquivalent", "u8", TENTHS],
    ["if 11", "elapsedSeconds", "u16", WHOLE],
    ["if 12", "remainingSeconds", "u16", WHOLE],
  ],
} as const satisfies Layout
