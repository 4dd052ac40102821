/**
 * What becomes of each field of a Bluetooth packet: a stream of samples, or nothing.
 *
 * A field whose quantity the wire has a kind for becomes that kind; any other becomes a custom stream with a name and
 * a unit. Averages, maxima and clocks that a machine works out of its own readings are left out: they follow from
 * what is recorded. Counts that only mean something from packet to packet (wheels, cranks, distances, energy, beats)
 * are not here either; `SensorDecoder` keeps their state.
 */
import { SensorKind } from "@paceline/core/wire"
import { CHARACTERISTICS, type Characteristic, type Layout } from "../gatt/index.ts"

/** A stream of samples: of a kind that every side knows, or of one that brings its name and unit. */
export type Stream =
  | { readonly kind: SensorKind.SensorKind }
  | { readonly kind: "custom"; readonly name: string; readonly unit: string }

const custom = (name: string, unit: string): Stream => ({ kind: "custom", name, unit })

export const STREAMS = {
  heartRate: { kind: "heartRate" },
  rrInterval: { kind: "rrInterval" },
  power: { kind: "power" },
  cadence: { kind: "cadence" },
  speed: { kind: "speed" },
  distance: { kind: "distance" },
  /** 1: the strap feels skin, 0: it does not. Said at each change. */
  contact: custom("contact", "1"),
  /** Since the sensor was first heard, or the activity began. */
  energy: custom("energy", "kJ"),
  battery: custom("battery", "%"),
  strokeRate: custom("strokeRate", "1/min"),
  strideLength: custom("strideLength", "m"),
  resistance: custom("resistance", "level"),
  inclination: custom("inclination", "%"),
  metabolicEquivalent: custom("metabolicEquivalent", "MET"),
  pedalBalance: custom("pedalBalance", "%"),
  beltForce: custom("beltForce", "N"),
  weight: custom("weight", "kg"),
  height: custom("height", "m"),
  bodyMassIndex: custom("bodyMassIndex", "kg/m2"),
  bodyFat: custom("bodyFat", "%"),
  muscle: custom("muscle", "%"),
  muscleMass: custom("muscleMass", "kg"),
  fatFreeMass: custom("fatFreeMass", "kg"),
  softLeanMass: custom("softLeanMass", "kg"),
  bodyWaterMass: custom("bodyWaterMass", "kg"),
  impedance: custom("impedance", "ohm"),
  basalMetabolism: custom("basalMetabolism", "kJ"),
} as const satisfies Record<string, Stream>

export type StreamName = keyof typeof STREAMS

interface FieldRule {
  readonly field: string
  readonly stream: StreamName
  /** The sample that the field's value stands for; itself without. */
  readonly as?: (value: number) => number
  /** The sensor says 0 when it measures nothing. */
  readonly zeroIsNothing?: true
}

/** Steps are of either foot; a stride is two of them. */
const strides = (steps: number): number => steps / 2

/** A rower tells its speed only as the time for 500 m, and 0 when it stands. */
const speedOfPace = (secondsPer500Metres: number): number => (secondsPer500Metres === 0 ? 0 : 500 / secondsPer500Metres)

/** The fields that are samples by themselves; their names carry their units, the same in every characteristic. */
const FIELD_RULES: ReadonlyArray<FieldRule> = [
  { field: "powerWatts", stream: "power" },
  { field: "cadenceRpm", stream: "cadence" },
  { field: "cadenceStepsPerMinute", stream: "cadence", as: strides },
  { field: "stepsPerMinute", stream: "cadence", as: strides },
  { field: "speedMetresPerSecond", stream: "speed" },
  { field: "paceSecondsPer500Metres", stream: "speed", as: speedOfPace },
  { field: "heartRateBpm", stream: "heartRate", zeroIsNothing: true },
  { field: "strokesPerMinute", stream: "strokeRate" },
  { field: "strideLengthMetres", stream: "strideLength" },
  { field: "resistanceLevel", stream: "resistance" },
  { field: "inclinationPercent", stream: "inclination" },
  { field: "metabolicEquivalent", stream: "metabolicEquivalent" },
  { field: "pedalBalancePercent", stream: "pedalBalance" },
  { field: "forceOnBeltNewtons", stream: "beltForce" },
  { field: "levelPercent", stream: "battery" },
  { field: "weightKilograms", stream: "weight" },
  { field: "heightMetres", stream: "height" },
  { field: "bodyMassIndex", stream: "bodyMassIndex" },
  { field: "bodyFatPercent", stream: "bodyFat" },
  { field: "musclePercent", stream: "muscle" },
  { field: "muscleMassKilograms", stream: "muscleMass" },
  { field: "fatFreeMassKilograms", stream: "fatFreeMass" },
  { field: "softLeanMassKilograms", stream: "softLeanMass" },
  { field: "bodyWaterMassKilograms", stream: "bodyWaterMass" },
  { field: "impedanceOhms", stream: "impedance" },
  { field: "basalMetabolismKilojoules", stream: "basalMetabolism" },
]

const byCharacteristic = new Map<Characteristic, ReadonlyArray<FieldRule>>()

/** The rules for the fields that a characteristic may have. */
export const rulesOf = (characteristic: Characteristic): ReadonlyArray<FieldRule> => {
  let rules = byCharacteristic.get(characteristic)
  if (rules === undefined) {
    const layout: Layout = CHARACTERISTICS[characteristic]
    rules = FIELD_RULES.filter(({ field }) => layout.fields.some(([, name]) => name === field))
    byCharacteristic.set(characteristic, rules)
  }
  return rules
}

/**
 * Who is believed when several characteristics of one peripheral tell the same quantity, as a smart trainer does:
 * the first of these that has been heard lately. A power meter measures what a machine estimates; a machine knows
 * its flywheel better than we know the circumference of a wheel.
 */
const BEST_FIRST: Partial<Record<StreamName, ReadonlyArray<Characteristic>>> = {
  power: ["2A63"],
  cadence: ["2A63", "2A5B", "2A53"],
  heartRate: ["2A37"],
  energy: ["2AD2", "2AD1", "2ACD", "2ACE"],
  speed: ["2AD2", "2AD1", "2ACD", "2ACE", "2A53", "2A5B"],
  distance: ["2AD2", "2AD1", "2ACD", "2ACE", "2A53", "2A5B"],
}

/** The place of `characteristic` among those that tell `stream`; the least is believed. */
export const rankOf = (stream: StreamName, characteristic: Characteristic): number => {
  const best = BEST_FIRST[stream] ?? []
  const place = best.indexOf(characteristic)
  return place < 0 ? best.length : place
}

/** Worked out by a division, so that no count fits them: rounded to the resolution of their kind. */
const ROUNDED: ReadonlySet<StreamName> = new Set(["speed", "cadence", "distance"])

/**
 * The value as it is recorded. Speeds, cadences and distances come in whole counts of their kind (1/1000 m/s, 1/128 rpm,
 * 1/100 m), which takes a few bits instead of a float64, and is so much finer than what these sensors tell that their
 * own counts can be had back. All else is left as it is.
 */
export const inCounts = (stream: StreamName, value: number): number => {
  const { kind } = STREAMS[stream]
  if (kind === "custom" || !ROUNDED.has(stream)) return value
  const [numerator, denominator] = SensorKind.SENSOR_KINDS[kind].resolution
  return (Math.round((value * denominator) / numerator) * numerator) / denominator
}
