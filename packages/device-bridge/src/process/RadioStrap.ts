/**
 * A strap and an indoor bike whose activity is heard as Bluetooth packets, not as samples: the packets that real sensors would
 * send of it go through the parsers, and what comes out is what the playback records.
 *
 * Each round of the activity is a new connection. What is asked for in a long piece was heard by nobody: the sensors tell
 * it from their memory, as they measured it. Samples are labelled on the playback's own clock, never later than the
 * packet that brought them. An indoor bike goes nowhere: there are no positions. What no kind covers (skin contact, energy,
 * the bike's resistance) is heard like the rest; only memory does not have it, for the recording does not.
 */
import type { SensorKind } from "@paceline/core/wire"
import type { CustomStream } from "../buffer/Pending.ts"
import type { Recording } from "../files/Recording.ts"
import { Playback, simulatedSensor } from "../simulator/index.ts"
import { peripheral } from "../sources/index.ts"

/** A sample of a kind, or of a stream that brings its name and unit. */
export interface HeardSample {
  readonly kind: SensorKind.SensorKind | CustomStream
  readonly offsetMs: number
  readonly value: number
}

/** What is due in `(fromOffsetMs, toOffsetMs]`. Intervals must be asked for in order; one left out is a drop-out. */
export type Due = (fromOffsetMs: number, toOffsetMs: number) => ReadonlyArray<HeardSample>

const OUTDOORS: ReadonlySet<string> = new Set(["latitude", "longitude", "altitude"])

/** Longer than any look at the clock that is in time. */
const REMEMBERED_MILLIS = 5_000

/** @param seed fixes when packets arrive */
export const overTheAir = (recording: Recording, seed: number): Due => {
  const sensors = [
    simulatedSensor(recording, { model: "heartRateStrap", seed }),
    simulatedSensor(recording, { model: "indoorBike", seed }),
  ]
  const indoors = { ...recording, streams: recording.streams.filter(({ kind }) => !OUTDOORS.has(kind)) }
  const period = Playback.periodMillis(recording)
  let due: Array<HeardSample> = []
  let now = 0
  let round = -1
  /** All up to here has been told from memory. */
  let rememberedUpTo = -1
  /** How far the bike had gone when it was first heard. */
  let goneBefore: number | undefined
  const take = (kind: HeardSample["kind"], atMillis: number, value: number): true => {
    const offsetMs = Math.min(atMillis, now)
    // The player marks activities itself.
    if (offsetMs <= rememberedUpTo || kind === "activity") return true
    goneBefore ??= kind === "distance" ? distanceAt(recording, now - round * period) : undefined
    due.push({ kind, offsetMs, value: kind === "distance" ? value + (goneBefore ?? 0) : value })
    return true
  }
  const heard = peripheral(
    {
      record: (_, kind, atMillis, value) => take(kind, atMillis, value),
      stream: ({ kind: name, unit }) => ({ record: (atMillis, value) => take({ name, unit }, atMillis, value) }),
    },
    { sensor: "strap", clock: { steadyMillis: () => now, wallMillis: () => now } },
  )
  const hear = (fromOffsetMs: number, toOffsetMs: number): void => {
    const begins = round * period
    const packets = sensors.flatMap((sensor) => sensor.between(fromOffsetMs - begins, toOffsetMs - begins))
    if (packets.length === 0) return
    for (const packet of packets.sort((a, b) => a.offsetMs - b.offsetMs)) {
      now = begins + packet.offsetMs
      // The packet of a second that was told from memory.
      if (begins + 1_000 * Math.floor(packet.offsetMs / 1_000) <= rememberedUpTo) continue
      if (packet._tag === "Packet") heard.notify(packet.characteristic, packet.bytes)
    }
  }
  return (fromOffsetMs, toOffsetMs) => {
    if (toOffsetMs - fromOffsetMs > REMEMBERED_MILLIS) {
      rememberedUpTo = toOffsetMs
      round = -1
      return Playback.samplesBetween(indoors, fromOffsetMs, toOffsetMs)
    }
    due = []
    for (let r = Math.max(0, Math.floor(fromOffsetMs / period)); r <= Math.floor(toOffsetMs / period); r++) {
      if (r !== round) {
        round = r
        goneBefore = fromOffsetMs < r * period ? 0 : undefined
        heard.disconnected()
        heard.beginActivity()
      }
      hear(fromOffsetMs, toOffsetMs)
    }
    return due.length < 2 ? due : due.sort((a, b) => a.offsetMs - b.offsetMs)
  }
}

const distanceAt = (recording: Recording, offsetMs: number): number =>
  Math.floor(
    Playback.samplesBetween(recording, offsetMs - REMEMBERED_MILLIS, offsetMs).findLast(
      ({ kind }) => kind === "distance",
    )?.value ?? 0,
  )
