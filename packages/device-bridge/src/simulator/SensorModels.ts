/**
 * What each kind of sensor says of a body, once a second, as packets: the bytes that real ones send.
 *
 * Machines send a record in two parts, as they do where a packet is too small for it (More Data), and set the flag bits
 * that the specification reserves, as many do. Counters begin where `SensorTraits` say, so that they can be made to wrap.
 */
import { type Characteristic, encode, type MeasurementOf } from "../gatt/index.ts"
import type { Body, Second } from "./Body.ts"

export interface SensorTraits {
  /** The counts of wheels and cranks, and their clocks, begin so far below their wraps. */
  readonly wheelBegins: number
  readonly crankBegins: number
  readonly ticksBegin: number
  /** How much faster than ours the sensor's clock runs; 1 is exact. */
  readonly clockRate: number
  readonly weightKilograms: number
  readonly heightMetres: number
}

/** Bytes for one notification. */
export interface Said {
  readonly characteristic: Characteristic
  readonly bytes: Uint8Array
}

type Model = (body: Body, second: number, traits: SensorTraits) => ReadonlyArray<Said>

const WHEEL_METRES = 2.105
const BATTERY_EVERY_SECONDS = 300
const ENERGY_EVERY_SECONDS = 10
/** A body turns about a quarter of what it burns into work. */
const BURNED_PER_WORK = 4
const KILOJOULES_PER_KILOCALORIE = 4.184

const say = <C extends Characteristic>(characteristic: C, measurement: MeasurementOf<C>): Said => ({
  characteristic,
  bytes: encode(characteristic, measurement),
})

const heartRateStrap: Model = (body, second, { clockRate }) => {
  const { heartRateBpm, rrTicks, workKilojoules } = body.at(second)
  const packet = say("2A37", {
    _tag: "HeartRate",
    contactDetected: true,
    contactSupported: true,
    heartRateBpm: Math.round(heartRateBpm),
    ...(second % ENERGY_EVERY_SECONDS === 0
      ? { energyExpendedKilojoules: Math.round(BURNED_PER_WORK * workKilojoules) % 65_536 }
      : {}),
    ...(rrTicks.length === 0
      ? {}
      : { rrIntervalsSeconds: rrTicks.map((ticks) => Math.round(ticks * clockRate) / 1024) }),
  })
  if (second % BATTERY_EVERY_SECONDS !== 0) return [packet]
  const levelPercent = Math.max(1, 96 - Math.floor(second / 1_800))
  return [packet, say("2A19", { _tag: "Battery", levelPercent })]
}

/** What a strap says that has lost the skin: it goes on, without a reading. */
export const withoutSkin = (): Said =>
  say("2A37", { _tag: "HeartRate", contactDetected: false, contactSupported: true, heartRateBpm: 0 })

const speedCadence: Model = (body, second, traits) => [
  say("2A5B", {
    _tag: "CyclingSpeedAndCadence",
    ...wheel(body, second, traits, 1024),
    ...crank(body, second, traits),
  }),
]

const powerMeter: Model = (body, second, traits) => [
  say("2A63", {
    _tag: "CyclingPower",
    balanceReference: "left",
    torqueSource: "crank",
    offsetCompensation: false,
    powerWatts: Math.round(body.at(second).powerWatts),
    pedalBalancePercent: 50 + 0.5 * ((second % 5) - 2),
    ...crank(body, second, traits),
  }),
]

const runningPod: Model = (body, second) => {
  const { distanceMetres, speedMetresPerSecond } = running(body.at(second))
  const isMoving = speedMetresPerSecond > 0
  const cadenceStepsPerMinute = isMoving ? stepsPerMinute(speedMetresPerSecond) : 0
  return [
    say("2A53", {
      _tag: "RunningSpeedAndCadence",
      gait: speedMetresPerSecond > 2 ? "running" : "walking",
      speedMetresPerSecond,
      cadenceStepsPerMinute,
      ...(isMoving ? { strideLengthMetres: (2 * 60 * speedMetresPerSecond) / cadenceStepsPerMinute } : {}),
      totalDistanceMetres: distanceMetres,
    }),
  ]
}

const treadmill: Model = (body, second) => {
  const now = body.at(second)
  const { distanceMetres, speedMetresPerSecond } = running(now)
  return withReservedBits([
    say("2ACD", {
      _tag: "Treadmill",
      moreData: true,
      ...energy(now),
      elapsedSeconds: second % 65_536,
    }),
    say("2ACD", {
      _tag: "Treadmill",
      moreData: false,
      speedMetresPerSecond,
      totalDistanceMetres: Math.floor(distanceMetres),
      inclinationPercent: 1,
      rampAngleDegrees: null,
    }),
  ])
}

const indoorBike: Model = (body, second) => {
  const now = body.at(second)
  return withReservedBits([
    say("2AD2", {
      _tag: "IndoorBike",
      moreData: true,
      resistanceLevel: 8,
      powerWatts: Math.round(now.powerWatts),
      ...energy(now),
    }),
    say("2AD2", {
      _tag: "IndoorBike",
      moreData: false,
      speedMetresPerSecond: now.speedMetresPerSecond,
      cadenceRpm: now.cadenceRpm,
      totalDistanceMetres: Math.floor(now.distanceMetres),
    }),
  ])
}

const rower: Model = (body, second) => {
  const now = body.at(second)
  const strokesPerMinute = now.powerWatts === 0 ? 0 : Math.round(2 * (18 + now.powerWatts / 25)) / 2
  const metresPerSecond = rowing(now)
  return withReservedBits([
    say("2AD1", { _tag: "Rower", moreData: true, powerWatts: Math.round(now.powerWatts), ...energy(now) }),
    say("2AD1", {
      _tag: "Rower",
      moreData: false,
      strokesPerMinute,
      strokeCount: Math.floor((second * 24) / 60) % 65_536,
      totalDistanceMetres: Math.floor(now.distanceMetres * ROWING_SHARE),
      paceSecondsPer500Metres: metresPerSecond === 0 ? 0 : Math.min(65_535, Math.round(500 / metresPerSecond)),
    }),
  ])
}

const crossTrainer: Model = (body, second) => {
  const now = body.at(second)
  return withReservedBits([
    say("2ACE", {
      _tag: "CrossTrainer",
      direction: "forward",
      moreData: true,
      powerWatts: Math.round(now.powerWatts),
      ...energy(now),
    }),
    say("2ACE", {
      _tag: "CrossTrainer",
      direction: "forward",
      moreData: false,
      speedMetresPerSecond: running(now).speedMetresPerSecond,
      totalDistanceMetres: Math.floor(running(now).distanceMetres),
      stepsPerMinute: Math.round(1.6 * now.cadenceRpm),
      averageStepsPerMinute: null,
      resistanceLevel: 5,
    }),
  ])
}

/** A scale is stood on once, before the activity. */
const scale: Model = (_, second, { weightKilograms, heightMetres }) =>
  second !== 0
    ? []
    : [
        say("2A9D", {
          _tag: "Weight",
          wireUnits: "si",
          weightKilograms,
          userId: 1,
          bodyMassIndex: weightKilograms / (heightMetres * heightMetres),
          heightMetres,
        }),
        say("2A9C", {
          _tag: "BodyComposition",
          wireUnits: "si",
          multiplePackets: false,
          bodyFatPercent: 18.5,
          userId: 1,
          muscleMassKilograms: 0.45 * weightKilograms,
          impedanceOhms: 480,
          weightKilograms,
        }),
      ]

export const SENSOR_MODELS = {
  heartRateStrap,
  powerMeter,
  speedCadence,
  runningPod,
  treadmill,
  indoorBike,
  rower,
  crossTrainer,
  scale,
} as const satisfies Record<string, Model>

export type SensorModel = keyof typeof SENSOR_MODELS

/** What runs at the effort that the body gives on a bicycle, roughly: a third of its speed. */
const running = ({ distanceMetres, speedMetresPerSecond }: Second) => ({
  distanceMetres: Math.round(distanceMetres * 3.5) / 10,
  speedMetresPerSecond: Math.round(speedMetresPerSecond * 0.35 * 256) / 256,
})

const ROWING_SHARE = 0.4
const rowing = ({ speedMetresPerSecond }: Second): number => speedMetresPerSecond * ROWING_SHARE

const stepsPerMinute = (speedMetresPerSecond: number): number =>
  Math.min(220, Math.round(110 + 18 * speedMetresPerSecond))

const energy = ({ workKilojoules, powerWatts }: Second) => {
  const kilocaloriesPerSecond = (BURNED_PER_WORK * powerWatts) / 1000 / KILOJOULES_PER_KILOCALORIE
  return {
    totalEnergyKilocalories: Math.floor((BURNED_PER_WORK * workKilojoules) / KILOJOULES_PER_KILOCALORIE) % 65_535,
    energyKilocaloriesPerHour: Math.min(65_534, Math.round(3_600 * kilocaloriesPerSecond)),
    energyKilocaloriesPerMinute: Math.min(254, Math.round(60 * kilocaloriesPerSecond)),
  }
}

/** Bits 13 and up mean nothing to a machine's data (16 and up to a cross trainer's); real ones set them. */
const withReservedBits = (packets: ReadonlyArray<Said>): ReadonlyArray<Said> => {
  for (const { characteristic, bytes } of packets) {
    const place = characteristic === "2ACE" ? 2 : 1
    bytes[place] = (bytes[place] ?? 0) | (characteristic === "2ACE" ? 0x01 : 0x20)
  }
  return packets
}

const wheel = (body: Body, second: number, traits: SensorTraits, ticksPerSecond: number) => {
  const { distanceMetres, speedMetresPerSecond } = body.at(second)
  const turned = Math.floor(distanceMetres / WHEEL_METRES)
  const sinceThen = speedMetresPerSecond === 0 ? 0 : (distanceMetres - turned * WHEEL_METRES) / speedMetresPerSecond
  return {
    cumulativeWheelRevolutions: modulo(turned + traits.wheelBegins, 2 ** 32),
    lastWheelEventSeconds: eventSeconds(second - Math.min(1, sinceThen), traits, ticksPerSecond),
  }
}

/** A crank turns evenly within a second; its whole turns follow from the cadence so far. */
const crank = (body: Body, second: number, traits: SensorTraits) => {
  const turns = turnsUpTo(body, second)
  const rate = body.at(second).cadenceRpm / 60
  const whole = Math.floor(turns)
  const sinceThen = rate === 0 ? 0 : (turns - whole) / rate
  return {
    cumulativeCrankRevolutions: modulo(whole + traits.crankBegins, 2 ** 16),
    lastCrankEventSeconds: eventSeconds(second - Math.min(1, sinceThen), traits, 1024),
  }
}

const turnsOf = new WeakMap<Body, Float64Array>()

const turnsUpTo = (body: Body, second: number): number => {
  let known = turnsOf.get(body)
  if (known === undefined) {
    known = new Float64Array(body.seconds)
    for (let n = 1; n < body.seconds; n++) known[n] = (known[n - 1] ?? 0) + body.at(n).cadenceRpm / 60
    turnsOf.set(body, known)
  }
  return known[second] ?? 0
}

const eventSeconds = (moment: number, { ticksBegin, clockRate }: SensorTraits, ticksPerSecond: number): number =>
  modulo(ticksBegin + Math.round(moment * clockRate * ticksPerSecond), 65_536) / ticksPerSecond

const modulo = (value: number, wrapAt: number): number => ((value % wrapAt) + wrapAt) % wrapAt
