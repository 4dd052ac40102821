/**
 * How small the telemetry codec makes samples, beside what else they could be kept as, and what encoding them costs.
 *
 * Sizes are exact: all bytes of all bundles, names and heads included, over the samples in them. A position counts as
 * one sample, and so does an acceleration along three axes. The real files are those of the folder that
 * PACELINE_SAMPLES names, or of ../shared/samples; without them their rows do not hold.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Bundle } from "@paceline/core/wire"
import { readFitActivity } from "@paceline/device-bridge/files"
import { compare, count, type Measurement } from "../Harness.ts"
import { gorilla, jsonRows, msgpackDeflate } from "./codec/Peers.ts"
import * as Signals from "./codec/Signals.ts"

type Sized = (flush: ReadonlyArray<Signals.Signal>) => number

const bundles: Sized = (flush) => Bundle.encode(Signals.blocksOf(flush)).length

/** Bytes a sample. The same signals always give the same, so that they are encoded once, whatever the rounds. */
const bytesEach = (signals: ReadonlyArray<Signals.Signal>, seconds: number, sized: Sized): (() => number) => {
  let bytes: number | null = null
  return () => {
    bytes ??= Signals.flushes(signals, seconds).reduce((sum, flush) => sum + sized(flush), 0)
    return bytes / Signals.samplesOf(signals)
  }
}

const folder = process.env["PACELINE_SAMPLES"] ?? resolve(import.meta.dirname, "../../../../shared/samples")

/** The signals of all FIT files, each file apart, since each is another athlete's; read once. */
const recordings = (() => {
  let read: ReadonlyArray<ReadonlyArray<Signals.Signal>> | null = null
  return () => {
    read ??= fitFiles().map((bytes) => {
      const activity = readFitActivity(bytes)
      if ("_tag" in activity) throw new Error(activity.message)
      const found = activity.streams.map((stream) => ({ sensor: "fit", atMillis: stream.atMillis, columns: [stream] }))
      const [latitude, longitude] = ["latitude", "longitude"].map((kind) =>
        found.find(({ columns: [column] }) => column?.kind === kind),
      )
      if (latitude === undefined || longitude === undefined) return found
      const position = { ...latitude, columns: [...latitude.columns, ...longitude.columns] }
      return [position, ...found.filter((signal) => signal !== latitude && signal !== longitude)]
    })
    return read
  }
})()

const fitFiles = (): ReadonlyArray<Uint8Array> => {
  const fit = join(folder, "fit")
  if (!existsSync(fit)) return []
  return readdirSync(fit).map((name) => readFileSync(join(fit, name)))
}

/** Bytes a sample over all files, of the signals that begin with this kind, or of all. NaN where there are no files. */
const fileBytesEach = (seconds: number, sized: Sized, kind?: string) => (): number => {
  let [bytes, samples] = [0, 0]
  for (const recording of recordings()) {
    const signals = recording.filter(({ columns: [column] }) => kind === undefined || column?.kind === kind)
    if (signals.length === 0) continue
    for (const flush of Signals.flushes(signals, seconds)) bytes += sized(flush)
    samples += Signals.samplesOf(signals)
  }
  return bytes / samples
}

const TEN_MINUTES = 600

const figure = (value: number): string => value.toPrecision(3)

const sizes: ReadonlyArray<readonly [name: string, kind: string, signal: Signals.Signal, bound: number]> = [
  ["heart rate 1 Hz", "heartRate", Signals.heartRate, 0.6],
  ["RR intervals", "rrInterval", Signals.rrIntervals, 2],
  ["GPS 1 Hz, a position", "latitude", Signals.position, 4.5],
  ["accelerometer 50 Hz, three axes", "accelerationX", Signals.acceleration, 4.6],
]

const sizeRows = sizes.flatMap(([name, kind, signal, bound]): ReadonlyArray<Measurement> => {
  const each = (of: Signals.Signal, seconds: number) => figure(bytesEach([of], seconds, bundles)())
  const simulated = count({
    name: `${name}, simulated, 10 min a bundle`,
    unit: "bytes/sample",
    bound,
    ours: bytesEach([signal], TEN_MINUTES, bundles),
    peers: { "JSON rows": bytesEach([signal], TEN_MINUTES, jsonRows) },
    note: `${each(signal, 60)} in bundles of a minute, ${each(signal, 5)} in bundles of 5 s alone; stamped when a Bluetooth link delivers it (σ 15 ms) ${each(Signals.arriving(signal), TEN_MINUTES)}`,
  })
  if (kind === "accelerationX") return [simulated]
  return [
    simulated,
    count({
      name: `${name}, FIT files, 10 min a bundle`,
      unit: "bytes/sample",
      bound,
      ours: fileBytesEach(TEN_MINUTES, bundles, kind),
      peers: { "JSON rows": fileBytesEach(TEN_MINUTES, jsonRows, kind) },
    }),
  ]
})

const RIDE = "ride, 5 s flush"
const WITH_ACCELEROMETER = "workout with accelerometer, 5 s flush"

const mixed = [
  [RIDE, (sized: Sized) => bytesEach(Signals.mixedRide, 5, sized)],
  [WITH_ACCELEROMETER, (sized: Sized) => bytesEach(Signals.mixedWithAcceleration, 5, sized)],
  ["FIT files, 5 s flush", (sized: Sized) => fileBytesEach(5, sized)],
] as const

/** How many times smaller than each peer. */
const TIMES_SMALLER = [
  ["JSON rows", jsonRows, 13],
  ["msgpack + deflate", msgpackDeflate, 1.8],
  ["Gorilla", gorilla, 1.5],
] as const

const mixedRows = mixed.flatMap(([name, each]) => [
  count({ name: `${name}: payload`, unit: "bytes/sample", bound: 5, ours: each(bundles) }),
  ...TIMES_SMALLER.map(([peer, sized, times]) => smaller(`${name}, beside ${peer}`, each, peer, sized, times)),
])

function smaller(
  name: string,
  each: (sized: Sized) => () => number,
  peer: string,
  sized: Sized,
  times: number,
): Measurement {
  const [ours, theirs] = [each(bundles), each(sized)].map(once)
  if (ours === undefined || theirs === undefined) throw new Error("two measures")
  return compare({
    name,
    unit: "bytes/sample",
    goal: 1 / times,
    rounds: 5,
    warmUp: false,
    ours,
    peers: { [peer]: theirs },
    note: `${times} times smaller is the goal; sizes are exact, so all rounds are one`,
  })
}

/** Measures the first time it is asked. */
function once(measure: () => number): () => number {
  let value: number | null = null
  return () => (value ??= measure())
}

/** CPU nanoseconds for each sample of an hour, in bundles of 5 s that a buffer has gathered. The best of some runs. */
const encodeCost = (signals: ReadonlyArray<Signals.Signal>) => (): number => {
  const gathered = Signals.flushes(signals, 5).map(Signals.blocksOf)
  const repeats = Math.ceil(500_000 / Signals.samplesOf(signals))
  let least = Number.POSITIVE_INFINITY
  for (let run = 0; run < 9; run++) {
    const before = process.cpuUsage()
    for (let i = 0; i < repeats; i++) for (const bundle of gathered) Bundle.encode(bundle)
    const { system, user } = process.cpuUsage(before)
    least = Math.min(least, ((user + system) * 1000) / (repeats * Signals.samplesOf(signals)))
  }
  return least
}

const costRows = [
  [RIDE, Signals.mixedRide],
  [WITH_ACCELEROMETER, Signals.mixedWithAcceleration],
] as const

export const rows: ReadonlyArray<Measurement> = [
  ...sizeRows,
  ...mixedRows,
  ...["FIT files, 10 min a bundle, beside Gorilla"].map((name) =>
    smaller(name, (sized) => fileBytesEach(TEN_MINUTES, sized), "Gorilla", gorilla, 1.5),
  ),
  ...costRows.map(([name, signals]) =>
    count({
      name: `encode, ${name}`,
      unit: "CPU ns/sample",
      bound: 500,
      ours: encodeCost(signals),
      note: "500 ns are 2,000,000 samples a CPU second; encoding only, without the commit",
    }),
  ),
]
