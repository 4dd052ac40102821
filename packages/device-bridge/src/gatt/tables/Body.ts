/**
 * What scales send: Body Composition Measurement (2A9C) and Weight Measurement (2A9D).
 *
 * A scale may speak SI or imperial on the wire and says so in bit 0; here masses are kilograms and heights metres
 * either way, and `wireUnits` remembers which it was. One pound is 0.45359237 kg, one inch 0.0254 m, exactly.
 */
import { type Layout, WHOLE } from "../Layout.ts"

/** 0.005 kg, or 0.01 lb. */
const MASS = { unlessBit0: [1, 200], ifBit0: [45_359_237, 10_000_000_000] } as const

/** 0.001 m, or 0.1 in. */
const HEIGHT = { unlessBit0: [1, 1000], ifBit0: [254, 100_000] } as const

const TENTHS = [1, 10] as const

/** Body fat or weight that could not be measured is `unavailable`; user 0xFF is one the scale does not know. */
export const BODY_COMPOSITION = {
  tag: "BodyComposition",
  source: "Body Composition Service 1.0, Body Composition Measurement; GATT Specification Supplement, same name",
  flagBytes: 2,
  marks: [
    [0, "wireUnits", "si", "imperial"],
    [12, "multiplePackets", false, true],
  ],
  fields: [
    ["always", "bodyFatPercent", "u16", TENTHS, { unavailable: 0xffff }],
    ["if 1", "measuredAt", "dateTime", WHOLE],
    ["if 2", "userId", "u8", WHOLE, { unavailable: 0xff }],
    ["if 3", "basalMetabolismKilojoules", "u16", WHOLE],
    ["if 4", "musclePercent", "u16", TENTHS],
    ["if 5", "muscleMassKilograms", "u16", MASS],
    ["if 6", "fatFreeMassKilograms", "u16", MASS],
    ["if 7", "softLeanMassKilograms", "u16", MASS],
    ["if 8", "bodyWaterMassKilograms", "u16", MASS],
    ["if 9", "impedanceOhms", "u16", TENTHS],
    ["if 10", "weightKilograms", "u16", MASS],
    ["if 11", "heightMetres", "u16", HEIGHT],
  ],
} as const satisfies Layout

export const WEIGHT = {
  tag: "Weight",
  source: "Weight Scale Service 1.0, Weight Measurement; GATT Specification Supplement, same name",
  flagBytes: 1,
  marks: [[0, "wireUnits", "si", "imperial"]],
  fields: [
    ["always", "weightKilograms", "u16", MASS, { unavailable: 0xffff }],
    ["if 1", "measuredAt", "dateTime", WHOLE],
    ["if 2", "userId", "u8", WHOLE, { unavailable: 0xff }],
    ["if 3", "bodyMassIndex", "u16", TENTHS],
    ["if 3", "heightMetres", "u16", HEIGHT],
  ],
} as const satisfies Layout
