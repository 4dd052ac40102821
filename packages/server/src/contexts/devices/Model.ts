/**
 * What a chunk of telemetry is to this server: something to store, to set aside, stored before, or out of order.
 *
 * The identity of a chunk is (device, incarnation, n); the high-water mark tells a redelivery from something new.
 * A chunk whose bytes are damaged or cannot be read still counts as received, so that those behind it flow: its
 * bytes are kept in quarantine. Clocks label: how far the bridge's can be believed is kept with each chunk, and what
 * is dated in the future counts for nothing but is stored like the rest.
 */
import type { AthleteId, ClassId, DeviceId, Pairing, SensorName, TelemetryRecorded } from "@paceline/core/contract"
import { ClockQuality, HighWaterMark } from "@paceline/core/kernel"
import { Bundle, crc32, SensorKind, type TelemetryFrame } from "@paceline/core/wire"
import * as Speeds from "./Speeds.ts"

export type Chunk = TelemetryFrame.Chunk
export type Gap = TelemetryFrame.Gap

/** What a bridge delivers in the order of its numbers. */
export type Item = Chunk | Gap

/** The most chunks that one gap may stand for; whoever says more counts wrongly. */
export const MOST_MISSING = 1_000_000_000

/** Who wears the sensors of one device. */
export type Pairings = ReadonlyMap<string, Pairing>

/** What a connected bridge has sent, in order. */
export interface Delivery {
  readonly deviceId: DeviceId
  readonly items: ReadonlyArray<Item>
  /** The bridge's clocks when it connected; null when it did not tell. */
  readonly hello: ClockQuality.Reference | null
}

/** Where chunks come from, and how far each incarnation got. */
export interface Origin extends Omit<Delivery, "items"> {
  readonly pairings: Pairings
  readonly marks: ReadonlyMap<string, HighWaterMark.HighWaterMark>
  /** This server's clock. */
  readonly nowMs: number
}

/** An event as the log keeps it: one of each chunk is made, of what is checked already. */
export type Recorded = typeof TelemetryRecorded.Encoded

/** What is to be done with some chunks of one device. */
export interface Intake {
  readonly store: ReadonlyArray<{
    readonly chunk: Chunk
    readonly samples: number
    readonly clock: ClockQuality.ClockQuality
  }>
  readonly setAside: ReadonlyArray<{ readonly chunk: Chunk; readonly reason: string }>
  /** Their numbers were received before: redeliveries, if their bytes are the same. */
  readonly again: ReadonlyArray<Chunk>
  /** What will not come; `from` is the first number that was not received or declared before. */
  readonly gaps: ReadonlyArray<{ readonly gap: Gap; readonly from: number }>
  /** What is new in them, in order. */
  readonly events: ReadonlyArray<Recorded>
  /** How far each incarnation got with them. */
  readonly marks: ReadonlyMap<string, HighWaterMark.HighWaterMark>
  /** The chunk that came too early; it and those behind it are not looked at. */
  readonly outOfOrder: { readonly incarnation: string; readonly expected: number; readonly provided: number } | null
}

const INCARNATION = /^[A-Za-z0-9_-]{1,64}$/

/** Whether a text can name an incarnation. */
export const isIncarnation = (text: string): boolean => INCARNATION.test(text)

/** Looks at the items in their order. */
export const plan = (origin: Origin, items: ReadonlyArray<Item>): Intake => {
  const store: Array<Intake["store"][number]> = []
  const setAside: Array<Intake["setAside"][number]> = []
  const again: Array<Chunk> = []
  const gaps: Array<Intake["gaps"][number]> = []
  const events: Array<Recorded> = []
  const marks = new Map<string, HighWaterMark.HighWaterMark>()
  for (const item of items) {
    const { incarnation } = item
    const mark = marks.get(incarnation) ?? origin.marks.get(incarnation) ?? 0
    const verdict =
      item._tag === "Gap" ? HighWaterMark.offerRange(mark, item.first, item.last) : HighWaterMark.offer(mark, item.n)
    if (verdict._tag === "OutOfOrder") {
      const { expected, provided } = verdict
      return { store, setAside, again, gaps, events, marks, outOfOrder: { incarnation, expected, provided } }
    }
    marks.set(incarnation, verdict.mark)
    if (item._tag === "Gap") {
      if (verdict._tag === "Accept") gaps.push({ gap: item, from: mark + 1 })
    } else if (verdict._tag === "Duplicate") {
      again.push(item)
    } else {
      const bundle = open(item)
      if (typeof bundle === "string") {
        setAside.push({ chunk: item, reason: bundle })
      } else {
        const clock = ClockQuality.of(item.clock ?? null, newestOf(bundle), origin.hello, origin.nowMs)
        store.push({ chunk: item, samples: Bundle.sampleCount(bundle), clock })
        addTelemetry(events, origin, item, bundle)
      }
    }
  }
  return { store, setAside, again, gaps, events, marks, outOfOrder: null }
}

/** The least and the greatest number of each incarnation that is stored. */
export const spansOf = (
  stored: Intake["store"],
): ReadonlyArray<{ readonly incarnation: string; readonly first: number; readonly last: number }> => {
  const spans = new Map<string, { readonly incarnation: string; first: number; last: number }>()
  for (const { chunk } of stored) {
    const { incarnation, n } = chunk
    const span = spans.get(incarnation)
    if (span === undefined) {
      spans.set(incarnation, { incarnation, first: n, last: n })
    } else {
      span.first = Math.min(span.first, n)
      span.last = Math.max(span.last, n)
    }
  }
  return Array.from(spans.values())
}

/** What is in a chunk, or why it cannot be read. */
const open = (chunk: Chunk): Bundle.Bundle | string => {
  const actual = crc32(chunk.payload)
  if (actual !== chunk.crc) return `wrong-crc: the payload's CRC-32 is ${actual}, the chunk says ${chunk.crc}`
  const bundle = Bundle.decode(chunk.payload)
  return "_tag" in bundle ? `${bundle.reason}: ${bundle.detail}` : bundle
}

/** The time of the newest sample; null when there is none. */
const newestOf = (bundle: Bundle.Bundle): number | null => {
  let newest = Number.NEGATIVE_INFINITY
  let looked: ReadonlyArray<number> = []
  for (const { atMillis } of bundle) {
    // Blocks that were measured together share their times.
    if (atMillis === looked) continue
    looked = atMillis
    for (let i = 0; i < atMillis.length; i++) newest = Math.max(newest, atMillis[i] ?? newest)
  }
  return newest === Number.NEGATIVE_INFINITY ? null : newest
}

/** Adds what a bundle says of the athletes who wear its sensors: their heart rates, and where an activity ended. */
const addTelemetry = (events: Array<Recorded>, origin: Origin, chunk: Chunk, bundle: Bundle.Bundle): void => {
  const latestMs = origin.nowMs + ClockQuality.TOLERANCE_MILLIS
  const heard = new Map<Pairing, { atMs: Array<number>; bpm: Array<number>; ends: Array<number> }>()
  const speeds = new Map<string, Speeds.Speeds>()
  for (const block of bundle) {
    const { atMillis, kind, sensor, values } = block
    if (kind !== "heartRate" && kind !== "activity" && kind !== "speed") continue
    const pairing = origin.pairings.get(sensor)
    if (pairing === undefined) continue
    if (kind === "speed") {
      speeds.set(sensor, Speeds.joined(speeds.get(sensor), Speeds.of(block, latestMs)))
      continue
    }
    const athlete = heard.get(pairing) ?? { atMs: [], bpm: [], ends: [] }
    heard.set(pairing, athlete)
    for (let i = 0; i < atMillis.length; i++) {
      const atMs = atMillis[i]
      const value = values[i]
      if (atMs === undefined || value === undefined) continue
      if (kind === "heartRate") {
        // A time to come would outdo every sample after it until that time: it would end the counting. One before the
        // epoch is no clock's.
        if (!isHeartRate(value) || atMs < 0 || atMs > latestMs) continue
        athlete.atMs.push(atMs)
        athlete.bpm.push(value)
      } else if (value === SensorKind.ACTIVITY_ENDED) {
        athlete.ends.push(Math.max(0, Math.min(atMs, latestMs)))
      }
    }
  }
  for (const [{ athleteId, classId, sensor, source }, { atMs, bpm, ends }] of heard) {
    const all = speeds.get(sensor)
    let fromMs = Number.NEGATIVE_INFINITY
    for (const { endedAtMs, heartRateAtMs, heartRateBpm } of splitAtEnds(atMs, bpm, ends)) {
      const toMs = endedAtMs ?? Number.POSITIVE_INFINITY
      const speed = all === undefined || heartRateAtMs.length === 0 ? undefined : Speeds.between(all, fromMs, toMs)
      fromMs = toMs
      events.push({
        _tag: "TelemetryRecorded",
        deviceId: origin.deviceId,
        incarnation: chunk.incarnation,
        n: chunk.n,
        sensor,
        ...(source === undefined ? {} : { source }),
        athleteId,
        classId,
        heartRateAtMs,
        heartRateBpm,
        ...(speed === undefined || speed.atMs.length === 0 ? {} : { speed }),
        endedAtMs,
      })
    }
  }
}

/** More beats a minute than any heart has. */
const MOST_BPM = 300

/** A sensor may say anything; what is no number of beats is stored with its chunk, and counts for nothing. */
const isHeartRate = (value: number): boolean => value >= 0 && value <= MOST_BPM

/** Cuts an athlete's samples where activities ended: a sample at the time of an end still belongs before it. */
const splitAtEnds = (atMs: ReadonlyArray<number>, bpm: ReadonlyArray<number>, ends: ReadonlyArray<number>) => {
  if (ends.length === 0) return atMs.length === 0 ? [] : [{ heartRateAtMs: atMs, heartRateBpm: bpm, endedAtMs: null }]
  const parts: Array<Pick<Recorded, "heartRateAtMs" | "heartRateBpm" | "endedAtMs">> = []
  let from = 0
  for (const endedAtMs of ends) {
    let to = from
    while (to < atMs.length && (atMs[to] ?? Number.POSITIVE_INFINITY) <= endedAtMs) to++
    parts.push({ heartRateAtMs: atMs.slice(from, to), heartRateBpm: bpm.slice(from, to), endedAtMs })
    from = to
  }
  if (from < atMs.length) {
    parts.push({ heartRateAtMs: atMs.slice(from), heartRateBpm: bpm.slice(from), endedAtMs: null })
  }
  return parts
}

/** The newest heart rate of each athlete in a bundle, for the screen. */
export const newestHeartRates = (
  pairings: Pairings,
  bundle: Bundle.Bundle,
): ReadonlyArray<{ readonly athleteId: AthleteId; readonly classId: ClassId; readonly heartRateBpm: number }> =>
  bundle.flatMap((block) => {
    const pairing = block.kind === "heartRate" ? pairings.get(block.sensor) : undefined
    const heartRateBpm = block.values.at(-1)
    return pairing === undefined || heartRateBpm === undefined || !isHeartRate(heartRateBpm)
      ? []
      : [{ athleteId: pairing.athleteId, classId: pairing.classId, heartRateBpm }]
  })

export const pairingsOf = (pairings: ReadonlyArray<Pairing>): Pairings =>
  new Map(pairings.map((pairing): readonly [SensorName, Pairing] => [pairing.sensor, pairing]))
