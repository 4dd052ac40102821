/**
 * Bluetooth fitness characteristics: packets to measurements and back.
 *
 *     const strap = parse("2A37", Uint8Array.of(0x10, 61, 0x00, 0x04))
 *     if (strap._tag === "GattError") report(strap.message)
 *     else show(strap.heartRateBpm, strap.rrIntervalsSeconds)        // 61, [1]
 *
 * `parse` is total: any bytes give a measurement or a `GattError`. `encode` is its inverse, for simulators of
 * sensors. Both follow the tables of `tables/`, from which the types are computed too.
 */
import type { Layout, MeasurementIn } from "./Layout.ts"
import { type FaultReason, isFault, readFields } from "./LayoutReader.ts"
import { writeFields } from "./LayoutWriter.ts"
import { BODY_COMPOSITION, WEIGHT } from "./tables/Body.ts"
import { CROSS_TRAINER, INDOOR_BIKE, ROWER, TREADMILL } from "./tables/FitnessMachines.ts"
import { BATTERY, CYCLING, CYCLING_POWER, HEART_RATE, RUNNING } from "./tables/Sensors.ts"

/** The table of each characteristic, by its 16-bit UUID. */
export const CHARACTERISTICS = {
  "2A19": BATTERY,
  "2A37": HEART_RATE,
  "2A53": RUNNING,
  "2A5B": CYCLING,
  "2A63": CYCLING_POWER,
  "2A9C": BODY_COMPOSITION,
  "2A9D": WEIGHT,
  "2ACD": TREADMILL,
  "2ACE": CROSS_TRAINER,
  "2AD1": ROWER,
  "2AD2": INDOOR_BIKE,
} as const satisfies Record<string, Layout>

export type Characteristic = keyof typeof CHARACTERISTICS

/** What a packet of `C` says. Fields that were not sent are absent; null is a value the sensor could not tell. */
export type MeasurementOf<C extends Characteristic> = MeasurementIn<(typeof CHARACTERISTICS)[C]>

export type Measurement = { [C in Characteristic]: MeasurementOf<C> }[Characteristic]

/** A packet that says nothing. `message` is for a log; it names the field where reading stopped. */
export interface GattError {
  readonly _tag: "GattError"
  readonly characteristic: Characteristic
  readonly reason: FaultReason
  readonly field: string
  readonly message: string
}

/** A packet of this characteristic, read. Never throws. */
export function parse<C extends Characteristic>(characteristic: C, bytes: Uint8Array): MeasurementOf<C> | GattError
// The type of the first signature is computed from the table that the body reads by.
export function parse(characteristic: Characteristic, bytes: Uint8Array): object {
  const read = readFields(CHARACTERISTICS[characteristic], bytes)
  if (!isFault(read)) return read
  return { _tag: "GattError", characteristic, ...read } satisfies GattError
}

/** The packet that says `measurement`. Throws RangeError, naming the field, for what the wire cannot say. */
export const encode = <C extends Characteristic>(characteristic: C, measurement: MeasurementOf<C>): Uint8Array =>
  writeFields(CHARACTERISTICS[characteristic], measurement)

/** The characteristic of a UUID as a Bluetooth stack tells it: 0x2a37, "2a37" or the 128-bit form; or undefined. */
export const characteristicOf = (uuid: string | number): Characteristic | undefined => {
  const text = typeof uuid === "number" ? uuid.toString(16) : uuid
  // As this package tells it; no need to look closer at every packet.
  if (isCharacteristic(text)) return text
  const [, short] = /^(?:0x|0000)?([0-9a-f]{4})(?:-0000-1000-8000-00805f9b34fb)?$/i.exec(text) ?? []
  const name = short?.toUpperCase()
  return name !== undefined && isCharacteristic(name) ? name : undefined
}

const isCharacteristic = (name: string): name is Characteristic => Object.hasOwn(CHARACTERISTICS, name)
