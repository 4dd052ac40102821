/**
 * What sensors say, made from a seed: an hour of a ride, and an hour of a run with an accelerometer on the foot. Times
 * are those of the sensors' own clocks; `arriving` shows what a Bluetooth link makes of them.
 *
 * A *sample* is one measurement, as a sensor gives it: a position is one sample, though it has two coordinates, and so
 * is an acceleration along three axes. So sizes are per sample in the strictest sense; per number they are smaller.
 */
import type { Bundle } from "@paceline/core/wire"
import { simulateAthlete } from "@paceline/device-bridge/simulator"

const SECONDS = 3600
const STARTED_AT_MS = 1_763_640_000_123

/** Columns of one sensor that were measured together. */
export interface Signal {
  readonly sensor: string
  readonly atMillis: ReadonlyArray<number>
  readonly columns: ReadonlyArray<Pick<Bundle.KindBlock, "kind" | "values">>
}

export const samplesOf = (signals: ReadonlyArray<Signal>): number =>
  signals.reduce((sum, { atMillis }) => sum + atMillis.length, 0)

export const blocksOf = (signals: ReadonlyArray<Signal>): Bundle.Bundle =>
  signals.flatMap(({ atMillis, columns, sensor }) =>
    // Each block has times of its own, as a buffer has that gathers samples one by one.
    columns.map(({ kind, values }) => ({ sensor, kind, atMillis: [...atMillis], values })),
  )

/** The signals cut into what is flushed together. */
export const flushes = (signals: ReadonlyArray<Signal>, seconds: number): ReadonlyArray<ReadonlyArray<Signal>> => {
  const startedAtMs = Math.min(...signals.map(({ atMillis }) => atMillis[0] ?? Number.POSITIVE_INFINITY))
  const cut: Array<Array<Signal>> = []
  for (const { atMillis, columns, sensor } of signals) {
    for (let from = 0, to = 0; from < atMillis.length; from = to) {
      const flush = Math.floor(((atMillis[from] ?? 0) - startedAtMs) / (seconds * 1000))
      const endsAtMs = startedAtMs + (flush + 1) * seconds * 1000
      while (to < atMillis.length && (atMillis[to] ?? 0) < endsAtMs) to++
      cut[flush] ??= []
      cut[flush].push({
        sensor,
        atMillis: atMillis.slice(from, to),
        columns: columns.map(({ kind, values }) => ({ kind, values: values.slice(from, to) })),
      })
    }
  }
  // A pause longer than a flush leaves nothing to be flushed.
  return cut.filter((flush) => flush !== undefined)
}

/** The same signal with the times at which a Bluetooth link delivers it: some milliseconds late, now more, now less. */
export const arriving = (signal: Signal): Signal => {
  const { gauss } = seeded(20_261_120)
  return { ...signal, atMillis: signal.atMillis.map((at) => at + Math.round(Math.abs(15 * gauss()))) }
}

/** Mulberry32, and normal deviates from it. */
const seeded = (seed: number) => {
  let state = seed
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const gauss = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return { uniform, gauss }
}

const rounded = (value: number, perUnit: number): number => Math.round(value * perUnit) / perUnit + 0

const simulated = simulateAthlete({ seed: 7, seconds: SECONDS, startedAtMs: STARTED_AT_MS })

const simulatedSignal = (sensor: string, kind: Bundle.KindBlock["kind"]): Signal => {
  const stream = simulated.streams.find((candidate) => candidate.kind === kind)
  if (stream === undefined) throw new Error(`The simulation has no ${kind}.`)
  return { sensor, atMillis: stream.atMillis, columns: [stream] }
}

export const heartRate = simulatedSignal("strap-07", "heartRate")
export const rrIntervals = simulatedSignal("strap-07", "rrInterval")

/** A ride: a heading and speed that wander, the slow drift of a receiver, and its noise; in 1/10^7 degree. */
const ride = () => {
  const { gauss } = seeded(1)
  const columns = { latitude: [0], longitude: [0], speed: [0], altitude: [0], distance: [0] }
  for (const column of Object.values(columns)) column.length = 0
  let [heading, speed, north, east, climb, altitude, distance] = [0.7, 8.3, 0, 0, 0, 412, 0]
  let [driftNorth, driftEast] = [0, 0]
  for (let second = 0; second < SECONDS; second++) {
    heading += 0.04 * gauss()
    speed = Math.max(2, speed + 0.02 * (8.3 - speed) + 0.15 * gauss())
    climb = 0.98 * climb + 0.02 * gauss()
    altitude += climb
    north += speed * Math.cos(heading)
    east += speed * Math.sin(heading)
    distance += speed
    driftNorth = 0.99 * driftNorth + 0.2 * gauss()
    driftEast = 0.99 * driftEast + 0.2 * gauss()
    const latitude = 47.6 + (north + driftNorth + 0.05 * gauss()) / 111_195
    columns.latitude.push(rounded(latitude, 1e7))
    columns.longitude.push(rounded(-122.3 + (east + driftEast + 0.05 * gauss()) / (111_195 * Math.cos(0.83)), 1e7))
    columns.speed.push(rounded(speed + 0.03 * gauss(), 1000))
    columns.altitude.push(rounded(altitude, 5))
    columns.distance.push(rounded(distance, 100))
  }
  return columns
}

const ridden = ride()
const everySecond = heartRate.atMillis

export const position: Signal = {
  sensor: "gps-1",
  atMillis: everySecond,
  columns: [
    { kind: "latitude", values: ridden.latitude },
    { kind: "longitude", values: ridden.longitude },
  ],
}

const motion = (["speed", "altitude", "distance"] as const).map(
  (kind): Signal => ({ sensor: "gps-1", atMillis: everySecond, columns: [{ kind, values: ridden[kind] }] }),
)

/** A runner's foot at 165 steps a minute, in 1/1000 g, with the sensor's noise. */
const foot = (): Signal => {
  const { gauss } = seeded(2)
  const [x, y, z]: [Array<number>, Array<number>, Array<number>] = [[], [], []]
  const atMillis = Array.from({ length: 50 * SECONDS }, (_, i) => STARTED_AT_MS + 20 * i)
  let phase = 0
  for (const _ of atMillis) {
    phase += ((2 * Math.PI * 2.75) / 50) * (1 + 0.05 * gauss())
    const impact = Math.max(0, Math.sin(phase)) ** 4
    x.push(rounded(0.15 * Math.sin(phase / 2) + 0.3 * impact * Math.sin(3 * phase) + 0.06 * gauss(), 1000))
    y.push(rounded(0.25 * Math.sin(phase + 1) + 0.4 * impact + 0.06 * gauss(), 1000))
    z.push(rounded(1 + 0.9 * Math.sin(phase) + 0.8 * impact + 0.06 * gauss(), 1000))
  }
  return {
    sensor: "pod-3",
    atMillis,
    columns: [
      { kind: "accelerationX", values: x },
      { kind: "accelerationY", values: y },
      { kind: "accelerationZ", values: z },
    ],
  }
}

export const acceleration = foot()

/** Steps as a watch counts them, once a second. */
const steps: Signal = {
  sensor: "pod-3",
  atMillis: everySecond,
  columns: [{ kind: "steps", values: everySecond.map((_, second) => Math.floor(second * 2.75)) }],
}

/** A workout at once a second and once a beat: the hardest for a codec, since five seconds of it are few samples. */
export const mixedRide: ReadonlyArray<Signal> = [
  heartRate,
  rrIntervals,
  position,
  ...motion,
  simulatedSignal("crank-2", "power"),
  simulatedSignal("crank-2", "cadence"),
]

/** The same with an accelerometer at 50 Hz, which outnumbers all else. */
export const mixedWithAcceleration: ReadonlyArray<Signal> = [...mixedRide, steps, acceleration]
