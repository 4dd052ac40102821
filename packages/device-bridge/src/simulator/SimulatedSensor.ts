/**
 * A Bluetooth sensor where none is at hand: the packets that it would send of an activity, when they would arrive, and
 * what goes wrong on the way, all fixed by a seed.
 *
 *     const strap = simulatedSensor(simulateAthlete({ seed: 7, seconds: 1800 }), { model: "heartRateStrap", seed: 7 })
 *     for (const heard of strap.between(-1, 60_000)) …            // the first minute
 *
 * Adjacent intervals give each packet exactly once, in order of arrival, and any interval can be asked for: a
 * simulation that was killed goes on where its clock is.
 */
import type { Recording } from "../files/Recording.ts"
import type { Characteristic } from "../gatt/index.ts"
import { bodyOf } from "./Body.ts"
import { type SeededRandom, seededRandom } from "./SeededRandom.ts"
import { type Said, SENSOR_MODELS, type SensorModel, type SensorTraits, withoutSkin } from "./SensorModels.ts"

/** What goes wrong; nothing without. Shares are from 0 to 1. */
export interface Faults {
  /** The share of packets that the air swallows. */
  readonly lost?: number
  /** The share of packets that arrive cut. */
  readonly truncated?: number
  /** The share of packets whose flags and fields are noise. */
  readonly garbled?: number
  /** Counters begin shortly before they wrap. */
  readonly wrapping?: boolean
  /** How much the sensor's clock gains in an hour, in seconds. */
  readonly driftSecondsPerHour?: number
  /** Out of range for `awaySeconds` after every `connectedSeconds`. */
  readonly flapping?: { readonly connectedSeconds: number; readonly awaySeconds: number }
  /** Of a strap: without skin for `secondsWithout` after every `secondsWith`. */
  readonly contact?: { readonly secondsWith: number; readonly secondsWithout: number }
  /** Packets arrive so much late at most, in milliseconds, under 900. Default 60. */
  readonly latencyMillis?: number
}

export interface SensorOptions {
  readonly model: SensorModel
  /** Any whole number. */
  readonly seed: number
  readonly faults?: Faults
}

export interface PacketHeard {
  readonly _tag: "Packet"
  /** When it arrives, milliseconds from the start of the activity; whole. */
  readonly offsetMs: number
  readonly characteristic: Characteristic
  readonly bytes: Uint8Array
}

/** The connection is lost. The next packet is of a new one. */
export interface ConnectionLost {
  readonly _tag: "Lost"
  readonly offsetMs: number
}

export interface SimulatedSensor {
  /** From the first packet that may come to the last, milliseconds. */
  readonly durationMs: number
  /** What is heard in `(fromOffsetMs, toOffsetMs]`, in order. */
  between(fromOffsetMs: number, toOffsetMs: number): ReadonlyArray<PacketHeard | ConnectionLost>
}

/** @throws RangeError when a fault is out of its range */
export const simulatedSensor = (recording: Recording, { model, seed, faults = {} }: SensorOptions): SimulatedSensor => {
  const { latencyMillis = 60, flapping } = faults
  if (!(latencyMillis >= 0 && latencyMillis < 900)) throw new RangeError(`latencyMillis must be 0 to 899`)
  for (const share of [faults.lost, faults.truncated, faults.garbled]) {
    if (share !== undefined && !(share >= 0 && share <= 1)) throw new RangeError(`a share must be 0 to 1, not ${share}`)
  }
  const body = bodyOf(recording)
  const durationMs = (body.seconds - 1) * 1000
  const traits = traitsOf(seed, faults)
  const heardIn = (second: number): ReadonlyArray<PacketHeard | ConnectionLost> => {
    if (isAway(flapping, second)) {
      return isAway(flapping, second - 1) ? [] : [{ _tag: "Lost", offsetMs: second * 1000 }]
    }
    // A stream of numbers for each second: what is asked for first changes nothing.
    const random = seededRandom(seed, second + 2)
    const latency = Math.floor(random.between(0, latencyMillis))
    const heard: Array<PacketHeard> = []
    for (const [part, said] of saidIn(second).entries()) {
      const bytes = throughTheAir(said.bytes, faults, random)
      // The last packets of an activity are not heard after its end.
      const offsetMs = Math.min(durationMs, second * 1000 + latency + part * PART_MILLIS)
      if (bytes !== null) heard.push({ _tag: "Packet", offsetMs, characteristic: said.characteristic, bytes })
    }
    return heard
  }
  const saidIn = (second: number): ReadonlyArray<Said> => {
    const said = SENSOR_MODELS[model](body, second, traits)
    const { contact } = faults
    if (model !== "heartRateStrap" || contact === undefined) return said
    const without = second % (contact.secondsWith + contact.secondsWithout) >= contact.secondsWith
    return without ? [withoutSkin()] : said
  }
  // A second is often looked at in pieces.
  let made: { readonly second: number; readonly heard: ReadonlyArray<PacketHeard | ConnectionLost> } | undefined
  const madeOf = (second: number): ReadonlyArray<PacketHeard | ConnectionLost> => {
    if (made?.second !== second) made = { second, heard: heardIn(second) }
    return made.heard
  }
  return {
    durationMs,
    between: (fromOffsetMs, toOffsetMs) => {
      const out: Array<PacketHeard | ConnectionLost> = []
      const last = Math.min(body.seconds - 1, Math.floor(toOffsetMs / 1000))
      for (let second = Math.max(0, Math.floor(fromOffsetMs / 1000) - 1); second <= last; second++) {
        // Nothing of it is still on its way: a packet that nobody hears need not be made.
        if (second * 1000 + latencyMillis + MOST_PARTS * PART_MILLIS <= fromOffsetMs) continue
        for (const heard of madeOf(second)) {
          if (heard.offsetMs > fromOffsetMs && heard.offsetMs <= toOffsetMs) out.push(heard)
        }
      }
      return out
    },
  }
}

/** Parts of one record follow each other at once. */
const PART_MILLIS = 5
const MOST_PARTS = 3

const traitsOf = (seed: number, { wrapping = false, driftSecondsPerHour = 0 }: Faults): SensorTraits => {
  const random = seededRandom(seed, 1)
  const before = (wrapAt: number, most: number) =>
    wrapping ? wrapAt - 1 - Math.floor(random.between(0, most)) : Math.floor(random.between(0, wrapAt / 2))
  return {
    wheelBegins: before(2 ** 32, 200),
    crankBegins: before(2 ** 16, 100),
    ticksBegin: before(2 ** 16, 20_000),
    clockRate: 1 + driftSecondsPerHour / 3_600,
    weightKilograms: Math.round(random.between(52, 96) * 10) / 10,
    heightMetres: Math.round(random.between(155, 195)) / 100,
  }
}

const isAway = (flapping: Faults["flapping"], second: number): boolean =>
  flapping !== undefined &&
  second >= 0 &&
  second % (flapping.connectedSeconds + flapping.awaySeconds) >= flapping.connectedSeconds

/** The packet as it arrives; null when it does not. */
const throughTheAir = (bytes: Uint8Array, faults: Faults, random: SeededRandom): Uint8Array | null => {
  const { lost = 0, truncated = 0, garbled = 0 } = faults
  if (lost + truncated + garbled === 0) return bytes
  if (random.between(0, 1) < lost) return null
  if (random.between(0, 1) < truncated) return bytes.subarray(0, Math.floor(random.between(0, bytes.length)))
  if (random.between(0, 1) < garbled) return bytes.map(() => random.uint32() & 0xff)
  return bytes
}
