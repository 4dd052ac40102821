/**
 * What recording costs a device: bytes on the disk and to the disk, CPU, and the time to open a buffer that is full of
 * what could not be delivered.
 *
 * Each figure is of a process of its own, which records three hours through the package's buffer, in flushes of five
 * seconds, each one durable (`synchronous = FULL`). Bytes written are those given to the system (`wchar`), all files
 * and the checkpoints included; a disk writes whole blocks of its own besides.
 */
import { count, inFreshProcess, type Measurement } from "../Harness.ts"
import type { WorkloadName } from "./buffer/Workloads.ts"

interface Recorded {
  readonly payload: number
  readonly written: number
  readonly onDisk: number
  readonly cpuMicros: number
  readonly samples: number
  readonly flushes: number
}

/** Measured once for all rows. */
const recorded = (() => {
  const known = new Map<string, Recorded>()
  return (workload: WorkloadName, mode: "delivered" | "kept"): Recorded => {
    const key = `${workload} ${mode}`
    const result = known.get(key) ?? read(inFreshProcess(new URL("./buffer/write.ts", import.meta.url), workload, mode))
    known.set(key, result)
    return result
  }
})()

const read = (json: unknown): Recorded => ({
  payload: figureIn(json, "payload"),
  written: figureIn(json, "written"),
  onDisk: figureIn(json, "onDisk"),
  cpuMicros: figureIn(json, "cpuMicros"),
  samples: figureIn(json, "samples"),
  flushes: figureIn(json, "flushes"),
})

const figureIn = (json: unknown, name: string): number => {
  const value: unknown = typeof json === "object" && json !== null ? Reflect.get(json, name) : undefined
  if (typeof value !== "number") throw new Error(`there is no ${name} in ${JSON.stringify(json)}`)
  return value
}

const WORKLOADS: ReadonlyArray<readonly [name: string, workload: WorkloadName]> = [
  ["ride", "ride"],
  ["workout with accelerometer", "accelerometer"],
  ["gateway with 20 riders", "gateway"],
]

/** What is only read when the row is shown. */
const rowOf = (terms: Omit<Parameters<typeof count>[0], "note">, note: () => string): Measurement => ({
  name: terms.name,
  run: async () => {
    const row = await count(terms).run()
    return { ...row, note: note() }
  },
})

const figure = (value: number): string => value.toPrecision(3)

const sizeRows = WORKLOADS.flatMap(([name, workload]) => [
  rowOf(
    {
      name: `${name}, 5 s flush: on disk / payload`,
      unit: "bytes/byte",
      bound: 1.5,
      ours: () => recorded(workload, "kept").onDisk / recorded(workload, "kept").payload,
    },
    () =>
      `three hours that nobody took, ${Math.round(recorded(workload, "kept").onDisk / 1024)} KiB in all, of which 11 an empty file`,
  ),
  rowOf(
    {
      name: `${name}, 5 s flush: written / payload, delivered as it goes`,
      unit: "bytes/byte",
      bound: 2,
      ours: () => recorded(workload, "delivered").written / recorded(workload, "delivered").payload,
    },
    () => {
      const kept = recorded(workload, "kept")
      const { flushes, payload, samples, written } = recorded(workload, "delivered")
      return (
        `${Math.round(payload / flushes)} bytes of payload a flush, ${figure(written / samples)} bytes written a sample; ` +
        `${figure(kept.written / kept.payload)} when nobody takes it, and it goes into the log and the file`
      )
    },
  ),
])

const costRows = WORKLOADS.map(([name, workload]) =>
  rowOf(
    {
      name: `${name}, 5 s flush: record, encode and commit`,
      unit: "CPU ns/sample",
      bound: 500,
      ours: () => cpuNanos(recorded(workload, "kept")),
    },
    () => {
      const { cpuMicros, flushes, samples } = recorded(workload, "kept")
      return (
        `500 ns are 2,000,000 samples a CPU second; ${Math.round(samples / flushes)} samples and ` +
        `${Math.round(cpuMicros / flushes)} µs a flush, of which a durable commit alone takes 60 to 100`
      )
    },
  ),
)

const cpuNanos = ({ cpuMicros, samples }: Recorded): number => (cpuMicros * 1_000) / samples

const realtime = (): { readonly idle: number; readonly recording: number } => {
  const json = inFreshProcess(new URL("./buffer/realtime.ts", import.meta.url))
  return { idle: figureIn(json, "idle"), recording: figureIn(json, "recording") }
}

export const rows: ReadonlyArray<Measurement> = [
  ...sizeRows,
  ...costRows,
  count({
    name: "a sensor of 1 kHz in real time, above idle",
    unit: "% of a core",
    bound: 0.5,
    ours: () => {
      // The least of some, for others use the machine as well.
      const measured = [realtime(), realtime(), realtime()]
      return Math.min(...measured.map(({ idle, recording }) => recording - idle))
    },
  }),
  count({
    name: "open a buffer in which 100 MB wait, and read its first page",
    unit: "ms",
    bound: 250,
    ours: () => Number(inFreshProcess(new URL("./buffer/reopen.ts", import.meta.url))),
    note: "the file is in the system's memory, as it is after a restart of the process",
  }),
]
