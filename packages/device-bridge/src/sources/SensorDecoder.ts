/**
 * Packets of one sensor, one after the other, made into readings: the state that a stream needs from packet to packet.
 *
 * Beats are placed by the sum of their intervals, wheels and cranks are followed over their wraps, parts of a fitness
 * machine's record are joined, distances and energy are counted from where the sensor was first heard. Of two
 * characteristics that tell the same quantity one is believed, so that nothing is recorded twice.
 *
 *     const decoder = new SensorDecoder({ wheelCircumferenceMetres: 2.105 })
 *     const heard = decoder.take("2A37", bytes, steadyMillis)
 *     if ("_tag" in heard) report(heard.message)
 *     else for (const { stream, atMs, value } of heard) show(stream, value)
 *
 * Knows no clock and no bridge. Times are on the clock of arrival, which must never go back. Never throws.
 */
import {
  addEnergy,
  type BeatState,
  beatsOf,
  type Characteristic,
  type Counter,
  CSC_CRANK,
  CSC_WHEEL,
  countRevolutions,
  type EnergyState,
  type GattError,
  joinMoreData,
  type MachineData,
  type Measurement,
  type MeasurementOf,
  POWER_CRANK,
  POWER_WHEEL,
  parse,
  type RevolutionState,
  wheelSpeed,
} from "../gatt/index.ts"
import { inCounts, rankOf, rulesOf, type StreamName } from "./Streams.ts"
import { addTotal, type TotalState } from "./Totals.ts"

/** One sample to be: what, when (on the clock of arrival, not whole), and the value in the stream's unit. */
export interface Reading {
  readonly stream: StreamName
  readonly atMs: number
  readonly value: number
}

export interface DecoderOptions {
  /** Around the wheel whose revolutions are counted; a 700 × 25C road wheel has 2.105 m. */
  readonly wheelCircumferenceMetres: number
}

/** How long a better teller of a quantity is waited for before the next best is believed. */
const BELIEVED_MILLIS = 5_000

/** Parts of a record come at once; later than this, the rest of it was lost. */
const PARTS_WITHIN_MILLIS = 3_000

const KILOJOULES_PER_KILOCALORIE = 4.184

/** The first distance that the wire cannot say: 24 bits of metres (FTMS), 32 bits of 0.1 m (2A53). */
const MACHINE_METRES = 2 ** 24
const POD_METRES = 2 ** 32 / 10
/** 16 bits of kcal, of which the last means "not available". */
const MACHINE_KILOCALORIES = 2 ** 16

export class SensorDecoder {
  readonly #circumference: number
  readonly #counters = new Map<Counter, RevolutionState>()
  readonly #unfinished = new Map<Characteristic, { readonly data: MachineData; readonly atMs: number }>()
  readonly #totals = new Map<Characteristic, TotalState>()
  readonly #kilocalories = new Map<Characteristic, TotalState>()
  readonly #believed = new Map<StreamName, { readonly from: Characteristic; readonly atMs: number }>()
  #beats: BeatState | undefined
  #energy: EnergyState | undefined
  #contact: boolean | null = null
  #beatGaps = 0
  #beatsAheadMillis = 0
  #lostRecords = 0

  constructor({ wheelCircumferenceMetres }: DecoderOptions) {
    this.#circumference = wheelCircumferenceMetres
  }

  /** Whether the strap feels skin; null when it has not told. */
  get contact(): boolean | null {
    return this.#contact
  }

  /** How often beats were lost, so that their chain began anew. */
  get beatGaps(): number {
    return this.#beatGaps
  }

  /** How far the strap's clock is ahead of arrival, by its beats; negative is the normal delay. */
  get beatsAheadMillis(): number {
    return this.#beatsAheadMillis
  }

  /** Records of a fitness machine of which a part never came. */
  get lostRecords(): number {
    return this.#lostRecords
  }

  /** The readings of the next packet, or why it is none. */
  take(characteristic: Characteristic, bytes: Uint8Array, arrivedAtMs: number): ReadonlyArray<Reading> | GattError {
    const measurement: Measurement | GattError = parse<Characteristic>(characteristic, bytes)
    if (measurement._tag === "GattError") return measurement
    const readings: Array<Reading> = []
    const say = (stream: StreamName, value: number, atMs = arrivedAtMs): void => {
      if (this.#isBelieved(stream, characteristic, arrivedAtMs)) {
        readings.push({ stream, atMs, value: inCounts(stream, value) })
      }
    }
    const whole = this.#joined(characteristic, measurement, arrivedAtMs)
    if (whole === undefined) return readings
    this.#sayFields(characteristic, whole, say)
    switch (whole._tag) {
      case "HeartRate":
        this.#heart(whole, arrivedAtMs, say)
        break
      case "CyclingSpeedAndCadence":
        this.#turning(CSC_WHEEL, whole.cumulativeWheelRevolutions, whole.lastWheelEventSeconds, arrivedAtMs, say)
        this.#turning(CSC_CRANK, whole.cumulativeCrankRevolutions, whole.lastCrankEventSeconds, arrivedAtMs, say)
        break
      case "CyclingPower":
        this.#turning(POWER_WHEEL, whole.cumulativeWheelRevolutions, whole.lastWheelEventSeconds, arrivedAtMs, say)
        this.#turning(POWER_CRANK, whole.cumulativeCrankRevolutions, whole.lastCrankEventSeconds, arrivedAtMs, say)
        break
      case "RunningSpeedAndCadence":
        this.#covered(characteristic, whole.totalDistanceMetres, POD_METRES, say)
        break
      case "Treadmill":
      case "CrossTrainer":
      case "Rower":
      case "IndoorBike":
        this.#covered(characteristic, whole.totalDistanceMetres, MACHINE_METRES, say)
        this.#burned(characteristic, whole.totalEnergyKilocalories, say)
        break
    }
    return readings
  }

  /** The connection was lost: what was heard in parts or in chains begins anew, totals and counts go on. */
  disconnected(): void {
    this.#beats = undefined
    this.#contact = null
    this.#lostRecords += this.#unfinished.size
    this.#unfinished.clear()
    this.#believed.clear()
  }

  /** An activity begins: distances and energy count from here. */
  restartTotals(): void {
    for (const [characteristic, { last }] of this.#totals) this.#totals.set(characteristic, { last, total: 0 })
    for (const [characteristic, { last }] of this.#kilocalories) {
      this.#kilocalories.set(characteristic, { last, total: 0 })
    }
    for (const [counter, state] of this.#counters) this.#counters.set(counter, { ...state, total: 0 })
    if (this.#energy !== undefined) this.#energy = { ...this.#energy, totalKilojoules: 0 }
  }

  /** The measurement, or the whole record that it is the last part of; undefined while parts are missing. */
  #joined(characteristic: Characteristic, measurement: Measurement, atMs: number): Measurement | undefined {
    if (!("moreData" in measurement)) return measurement
    let before = this.#unfinished.get(characteristic)
    if (before !== undefined && atMs - before.atMs > PARTS_WITHIN_MILLIS) {
      before = undefined
      this.#lostRecords++
    }
    const { record, unfinished, lost } = joinMoreData<MachineData>(before?.data, measurement)
    if (lost) this.#lostRecords++
    if (unfinished === undefined) this.#unfinished.delete(characteristic)
    else this.#unfinished.set(characteristic, { data: unfinished, atMs })
    return record
  }

  #sayFields(characteristic: Characteristic, measurement: Measurement, say: Say): void {
    for (const { field, stream, as, zeroIsNothing } of rulesOf(characteristic)) {
      const value: unknown = Reflect.get(measurement, field)
      if (typeof value !== "number" || (value === 0 && zeroIsNothing)) continue
      // A strap that has lost the skin goes on telling what it last felt.
      if (stream === "heartRate" && withoutContact(measurement)) continue
      say(stream, as === undefined ? value : as(value))
    }
  }

  #heart(packet: MeasurementOf<"2A37">, arrivedAtMs: number, say: Say): void {
    if (packet.contactSupported && packet.contactDetected !== this.#contact) {
      this.#contact = packet.contactDetected
      say("contact", packet.contactDetected ? 1 : 0)
    }
    const rrIntervalsSeconds = packet.rrIntervalsSeconds ?? []
    const { state, beats, anchored, aheadMillis } = beatsOf(this.#beats, { rrIntervalsSeconds, arrivedAtMs })
    if (anchored && this.#beats !== undefined) this.#beatGaps++
    this.#beats = state
    this.#beatsAheadMillis = aheadMillis
    for (const { atMs, rrIntervalSeconds } of beats) say("rrInterval", rrIntervalSeconds, atMs)
    if (packet.energyExpendedKilojoules === undefined) return
    this.#energy = addEnergy(this.#energy, packet.energyExpendedKilojoules)
    say("energy", this.#energy.totalKilojoules)
  }

  #turning(
    counter: Counter,
    revolutions: number | undefined,
    eventSeconds: number | undefined,
    arrivedAtMs: number,
    say: Say,
  ): void {
    if (revolutions === undefined || eventSeconds === undefined) return
    const before = this.#counters.get(counter)
    const { state, rpm } = countRevolutions(counter, before, { revolutions, eventSeconds, arrivedAtMs })
    this.#counters.set(counter, state)
    const isCrank = counter === CSC_CRANK || counter === POWER_CRANK
    if (rpm !== undefined) {
      if (isCrank) say("cadence", rpm)
      else say("speed", wheelSpeed(rpm, this.#circumference))
    }
    if (!isCrank && state.total !== before?.total) say("distance", state.total * this.#circumference)
  }

  #covered(characteristic: Characteristic, metres: number | undefined, wrapsAt: number, say: Say): void {
    if (metres === undefined) return
    const state = addTotal(this.#totals.get(characteristic), metres, wrapsAt)
    this.#totals.set(characteristic, state)
    say("distance", state.total)
  }

  #burned(characteristic: Characteristic, kilocalories: number | null | undefined, say: Say): void {
    if (typeof kilocalories !== "number") return
    const state = addTotal(this.#kilocalories.get(characteristic), kilocalories, MACHINE_KILOCALORIES)
    this.#kilocalories.set(characteristic, state)
    say("energy", state.total * KILOJOULES_PER_KILOCALORIE)
  }

  /** Whether this characteristic may tell the stream, or a better one has done so lately. */
  #isBelieved(stream: StreamName, from: Characteristic, atMs: number): boolean {
    const now = this.#believed.get(stream)
    const better = now !== undefined && rankOf(stream, now.from) < rankOf(stream, from)
    const equal = now !== undefined && now.from !== from && rankOf(stream, now.from) === rankOf(stream, from)
    if ((better || equal) && atMs - now.atMs <= BELIEVED_MILLIS) return false
    this.#believed.set(stream, { from, atMs })
    return true
  }
}

type Say = (stream: StreamName, value: number, atMs?: number) => void

const withoutContact = (measurement: Measurement): boolean =>
  measurement._tag === "HeartRate" && measurement.contactSupported && !measurement.contactDetected
