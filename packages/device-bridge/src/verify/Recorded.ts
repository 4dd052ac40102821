/**
 * What a bridge of its maker's own says that it recorded, and whether that is what arrived.
 *
 * The file is NDJSON: one JSON object a line, written when the sample is promised (its flush has returned):
 *
 *     {"sensor":"strap-1","kind":"heartRate","atMs":1700000000000,"value":61}
 *     {"end":true}
 *
 * `kind` is a sensor kind of docs/telemetry.md, or the name of a custom stream. The last line says that nothing more
 * comes. Samples that arrive and are in no line are no fault: a process may be killed between the flush and the line.
 */
import type { StoredSample } from "./SimulatedServer.ts"

export interface Recorded {
  readonly samples: ReadonlyArray<StoredSample>
  /** The last line was read. */
  readonly ended: boolean
}

/** Reads the file as far as it is written; a last line without its line break is still being written. @throws Error */
export const readRecorded = (text: string): Recorded => {
  const samples: Array<StoredSample> = []
  let ended = false
  for (const [i, line] of text.split("\n").slice(0, -1).entries()) {
    if (line.trim() === "") continue
    const value = parsed(line, i + 1)
    if (Reflect.get(value, "end") === true) ended = true
    else samples.push(sampleOf(value, i + 1))
  }
  return { samples, ended }
}

const parsed = (line: string, number: number): object => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    value = null
  }
  if (typeof value === "object" && value !== null) return value
  throw new Error(`line ${number} of what was recorded is no JSON object: ${line.slice(0, 80)}`)
}

const sampleOf = (line: object, number: number): StoredSample => {
  const sensor: unknown = Reflect.get(line, "sensor")
  const kind: unknown = Reflect.get(line, "kind")
  const atMillis: unknown = Reflect.get(line, "atMs")
  const value: unknown = Reflect.get(line, "value")
  const isSample =
    typeof sensor === "string" && typeof kind === "string" && typeof atMillis === "number" && typeof value === "number"
  if (isSample) return { sensor, kind, atMillis, value }
  throw new Error(`line ${number} of what was recorded is no sample: it needs sensor, kind, atMs and value`)
}

export interface Comparison {
  readonly recorded: number
  readonly lost: number
  readonly doubled: number
  /** Streams whose samples came in another order. */
  readonly outOfOrder: ReadonlyArray<string>
  /** Samples that arrived and are in no line. */
  readonly unlisted: number
  /** The first sample that is lost or doubled, in words. */
  readonly first: string | null
}

const streamOf = ({ kind, sensor }: StoredSample): string => `${sensor} ${kind}`
const readingOf = ({ atMillis, value }: StoredSample): string => `${value} at ${atMillis}`

/** Holds what arrived against what was recorded, stream by stream. */
export const compare = (recorded: ReadonlyArray<StoredSample>, stored: ReadonlyArray<StoredSample>): Comparison => {
  const arrived = Map.groupBy(stored, streamOf)
  const listed = Map.groupBy(recorded, streamOf)
  const outOfOrder: Array<string> = []
  let lost = 0
  let doubled = 0
  let first: string | null = null
  for (const [stream, samples] of listed) {
    const wanted = countsOf(samples)
    const there = countsOf(arrived.get(stream) ?? [])
    let complete = true
    for (const [reading, count] of wanted) {
      const missing = count - (there.get(reading) ?? 0)
      if (missing === 0) continue
      complete = false
      if (missing > 0) lost += missing
      else doubled -= missing
      first ??= `${stream}: ${reading} ${missing > 0 ? "never arrived" : "is stored more than once"}`
    }
    const order = (arrived.get(stream) ?? []).map(readingOf).filter((reading) => wanted.has(reading))
    if (complete && samples.some((sample, i) => readingOf(sample) !== order[i])) outOfOrder.push(stream)
  }
  const unlisted = stored.length - recorded.length + lost - doubled
  return { recorded: recorded.length, lost, doubled, outOfOrder, unlisted, first }
}

const countsOf = (samples: ReadonlyArray<StoredSample>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const sample of samples) counts.set(readingOf(sample), (counts.get(readingOf(sample)) ?? 0) + 1)
  return counts
}
