/**
 * Takes in what bridges have sent: of many of them as one unit of work, which stores the chunks, moves the high-water
 * marks and appends what the chunks say to the log.
 *
 * What a unit has to know of a bridge is asked for all of them at once. Who wears a bridge's sensors is remembered, by
 * the number of its pairings: that number is read anew in each unit, and says whether what is remembered still holds.
 */
import { afterCommit } from "@paceline/core/consistency"
import { type ChunksStored, type DeviceId, Topics } from "@paceline/core/contract"
import type { HighWaterMark } from "@paceline/core/kernel"
import { EventLog } from "@paceline/core/messaging"
import { Clock, type Context, Effect } from "effect"
import * as Intake from "./Model.ts"
import type { DeviceRepository, NewChunk, Received } from "./Repository.ts"

/** What became of some chunks. All of it is durable. */
export interface Receipt {
  /** For each incarnation, the greatest number received. */
  readonly acknowledged: ReadonlyArray<{ readonly incarnation: string; readonly n: number }>
  readonly setAside: Intake.Intake["setAside"]
  readonly outOfOrder: Intake.Intake["outOfOrder"]
}

const NOT_A_REDELIVERY = "identity-conflict: this number was received before with other bytes, or declared missing"

/** Who wears the sensors of a device since its pairings had this number. */
interface Worn {
  readonly pairings: number
  readonly by: Intake.Pairings
}

/** A device in a unit of work. */
interface Sender {
  worn: Worn
  /** By incarnation. */
  readonly marks: Map<string, HighWaterMark.HighWaterMark>
  readonly stored: Array<Intake.Intake["store"][number]>
  received: Received
}

const NOTHING: Received = { chunks: 0, samples: 0, quarantined: 0, redeliveriesSuppressed: 0 }

const NOBODY: Worn = { pairings: 0, by: new Map() }

const countsWith = (before: Received, intake: Intake.Intake, quarantined: number): Received => ({
  chunks: before.chunks + intake.store.length,
  samples: before.samples + intake.store.reduce((sum, { samples }) => sum + samples, 0),
  quarantined: before.quarantined + quarantined,
  redeliveriesSuppressed: before.redeliveriesSuppressed + intake.again.length - (quarantined - intake.setAside.length),
})

/** The same bytes under the same number. */
const isSame = (one: Intake.Chunk, other: Intake.Chunk): boolean =>
  one.incarnation === other.incarnation && one.n === other.n && one.crc === other.crc

export const make = (repository: DeviceRepository, log: Context.Tag.Service<typeof EventLog.EventLog>) => {
  /** As committed. */
  const known = new Map<DeviceId, Worn>()

  /** Whoever sends something in these deliveries, as they stand before it. */
  const sendersOf = Effect.fnUntraced(function* (deliveries: ReadonlyArray<Intake.Delivery>) {
    const senders = new Map<DeviceId, Sender>()
    const streams: Array<readonly [DeviceId, incarnation: string]> = []
    for (const { deviceId, items } of deliveries) {
      const sender = senders.get(deviceId) ?? { worn: NOBODY, marks: new Map(), stored: [], received: NOTHING }
      senders.set(deviceId, sender)
      for (const { incarnation } of items) {
        if (sender.marks.has(incarnation)) continue
        sender.marks.set(incarnation, 0)
        streams.push([deviceId, incarnation])
      }
    }
    const pairings = new Map<DeviceId, number>()
    for (const standing of yield* repository.standings(streams)) {
      if (standing.mark !== null) senders.get(standing.deviceId)?.marks.set(standing.incarnation, standing.mark)
      pairings.set(standing.deviceId, standing.pairings)
    }
    const unknown: Array<DeviceId> = []
    for (const [deviceId, sender] of senders) {
      const worn = known.get(deviceId)
      if (worn !== undefined && worn.pairings === pairings.get(deviceId)) sender.worn = worn
      else unknown.push(deviceId)
    }
    if (unknown.length === 0) return senders
    const found = Map.groupBy(yield* repository.pairingsOf(unknown), ({ deviceId }) => deviceId)
    const fresh = unknown.map((deviceId): readonly [DeviceId, Worn] => {
      const by = Intake.pairingsOf((found.get(deviceId) ?? []).map(({ pairing }) => pairing))
      return [deviceId, { pairings: pairings.get(deviceId) ?? 0, by }]
    })
    for (const [deviceId, worn] of fresh) {
      const sender = senders.get(deviceId)
      if (sender !== undefined) sender.worn = worn
    }
    yield* afterCommit(() => {
      for (const [deviceId, worn] of fresh) known.set(deviceId, worn)
    })
    return senders
  })

  const tell = (events: ReadonlyArray<Intake.Recorded>) =>
    EventLog.appendEncoded(
      Topics.telemetry,
      events.map((event) => ({ key: event.athleteId, event })),
    ).pipe(Effect.provideService(EventLog.EventLog, log))

  /** Says which numbers of which incarnations are stored now, for whoever makes something of their samples. */
  const tellStored = (senders: ReadonlyMap<DeviceId, Sender>) => {
    const events: Array<{ readonly key: DeviceId; readonly event: typeof ChunksStored.Encoded }> = []
    for (const [deviceId, { stored }] of senders) {
      for (const { first, incarnation, last } of Intake.spansOf(stored)) {
        events.push({ key: deviceId, event: { _tag: "ChunksStored", deviceId, incarnation, first, last } })
      }
    }
    return EventLog.appendEncoded(Topics.chunks, events).pipe(Effect.provideService(EventLog.EventLog, log))
  }

  /** Inside the caller's unit of work. Answers a receipt for each delivery. */
  return Effect.fnUntraced(function* (deliveries: ReadonlyArray<Intake.Delivery>) {
    const nowMs = yield* Clock.currentTimeMillis
    const senders = yield* sendersOf(deliveries)
    const events: Array<Intake.Recorded> = []
    const receipts: Array<Receipt> = []
    for (const { deviceId, hello, items } of deliveries) {
      const sender = senders.get(deviceId)
      if (sender === undefined) continue
      const { marks, stored, worn } = sender
      const intake = Intake.plan({ deviceId, pairings: worn.by, marks, hello, nowMs }, items)
      for (const one of intake.store) stored.push(one)
      const setAside = [...intake.setAside]
      for (const chunk of intake.again) {
        if (stored.some((one) => isSame(one.chunk, chunk))) continue
        if (!(yield* repository.wasReceived(deviceId, chunk))) setAside.push({ chunk, reason: NOT_A_REDELIVERY })
      }
      for (const { chunk, reason } of setAside) yield* repository.setAside(deviceId, chunk, reason, nowMs)
      for (const { from, gap } of intake.gaps) yield* repository.saveGap(deviceId, gap, from, nowMs)
      for (const event of intake.events) events.push(event)
      sender.received = countsWith(sender.received, intake, setAside.length)
      const acknowledged: Array<Receipt["acknowledged"][number]> = []
      for (const [incarnation, n] of intake.marks) {
        marks.set(incarnation, n)
        acknowledged.push({ incarnation, n })
      }
      receipts.push({ acknowledged, setAside, outOfOrder: intake.outOfOrder })
    }
    const chunks: Array<NewChunk> = []
    for (const [deviceId, { stored, worn }] of senders) {
      for (const one of stored) chunks.push({ deviceId, pairings: worn.pairings, ...one })
    }
    yield* repository.insertChunks(chunks, nowMs)
    yield* repository.saveMarks(senders)
    yield* repository.count(senders, nowMs)
    if (events.length > 0) yield* tell(events)
    if (chunks.length > 0) yield* tellStored(senders)
    return receipts
  })
}
