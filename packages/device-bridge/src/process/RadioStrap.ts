/**
 * A strap and an indoor bike whose activity is heard as Bluetooth packets, not as samples: the packets that real sensors would
 * send of it go through the parsers, and what comes out is what the playback records.
 *
 * Each round of the activity is a new connection. Samples are labelled on the playback's own clock, never later than
 * the packet that brought them. Where the athlete is does not come over Bluetooth: positions are played as recorded.
 */
import type { Recording } from "../files/Recording.ts"
import { Playback, simulatedSensor } from "../simulator/index.ts"
import { peripheral } from "../sources/index.ts"

/** What is due in `(fromOffsetMs, toOffsetMs]`. Intervals must be asked for in order; one left out is a drop-out. */
export type Due = (fromOffsetMs: number, toOffsetMs: number) => ReadonlyArray<Playback.DueSample>

const NOT_ON_THE_AIR: ReadonlySet<string> = new Set(["latitude", "longitude", "altitude"])

/** @param seed fixes when packets arrive */
export const overTheAir = (recording: Recording, seed: number): Due => {
  const strap = simulatedSensor(recording, { model: "heartRateStrap", seed })
  const bike = simulatedSensor(recording, { model: "indoorBike", seed })
  const elsewhere = { ...recording, streams: recording.streams.filter(({ kind }) => NOT_ON_THE_AIR.has(kind)) }
  const period = Playback.periodMillis(recording)
  let due: Array<Playback.DueSample> = []
  let now = 0
  let round = 0
  const heard = peripheral(
    {
      record: (_, kind, atMillis, value) => due.push({ kind, offsetMs: Math.min(atMillis, now), value }) > 0,
    },
    { sensor: "strap", clock: { steadyMillis: () => now, wallMillis: () => now } },
  )
  return (fromOffsetMs, toOffsetMs) => {
    due = []
    for (let r = Math.max(0, Math.floor(fromOffsetMs / period)); r <= Math.floor(toOffsetMs / period); r++) {
      const begins = r * period
      if (r !== round) heard.disconnected()
      round = r
      const packets = [strap, bike].flatMap((sensor) => sensor.between(fromOffsetMs - begins, toOffsetMs - begins))
      for (const packet of packets.sort((a, b) => a.offsetMs - b.offsetMs)) {
        now = begins + packet.offsetMs
        if (packet._tag === "Packet") heard.notify(packet.characteristic, packet.bytes)
      }
    }
    due.push(...Playback.samplesBetween(elsewhere, fromOffsetMs, toOffsetMs))
    return due.sort((a, b) => a.offsetMs - b.offsetMs)
  }
}
