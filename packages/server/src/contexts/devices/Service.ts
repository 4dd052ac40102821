/**
 * Bridges and what they deliver.
 *
 * `receive` is the way in for telemetry: the chunks and gaps of many connections, each in order, in one unit of work that
 * stores them, moves the high-water mark and appends what they say to the log. Only then are they acknowledged,
 * and so a chunk is stored once, whoever dies in between.
 */
import { afterCommit, UnitOfWork } from "@paceline/core/consistency"
import {
  AthleteDirectory,
  type AthleteId,
  ChunksStored,
  DeviceCreated,
  DeviceId,
  freshId,
  HeartRates,
  KeyIssuer,
  NotFound,
  once,
  orUnavailable,
  Pairing,
  requireAdmin,
  type TelemetryRecorded,
  Topics,
} from "@paceline/core/contract"
import { HighWaterMark } from "@paceline/core/kernel"
import { EventLog } from "@paceline/core/messaging"
import { Bundle } from "@paceline/core/wire"
import { Clock, Effect } from "effect"
import * as Intake from "./Model.ts"
import { DeviceRepository, type Received } from "./Repository.ts"

/** What became of some chunks. All of it is durable. */
export interface Receipt {
  /** For each incarnation, the greatest number received. */
  readonly acknowledged: ReadonlyArray<{ readonly incarnation: string; readonly n: number }>
  readonly setAside: Intake.Intake["setAside"]
  readonly outOfOrder: Intake.Intake["outOfOrder"]
}

const NOT_A_REDELIVERY = "identity-conflict: this number was received before with other bytes, or declared missing"

/** So many quarantined chunks are listed. */
const QUARANTINE_LISTED = 100

/** So many gaps are listed. */
const GAPS_LISTED = 1_000

const countsWith = (before: Received = nothing, intake: Intake.Intake, quarantined: number): Received => ({
  chunks: before.chunks + intake.store.length,
  samples: before.samples + intake.store.reduce((sum, { samples }) => sum + samples, 0),
  quarantined: before.quarantined + quarantined,
  redeliveriesSuppressed: before.redeliveriesSuppressed + intake.again.length - (quarantined - intake.setAside.length),
})

const nothing: Received = { chunks: 0, samples: 0, quarantined: 0, redeliveriesSuppressed: 0 }

/** The same bytes under the same number. */
const isSame = (one: Intake.Chunk, other: Intake.Chunk): boolean =>
  one.incarnation === other.incarnation && one.n === other.n && one.crc === other.crc

/** Of one device, by incarnation. */
type Marks = Map<string, HighWaterMark.HighWaterMark>

export class Devices extends Effect.Service<Devices>()("paceline/devices/Devices", {
  dependencies: [DeviceRepository.Default],
  effect: Effect.gen(function* () {
    const repository = yield* DeviceRepository
    const work = yield* UnitOfWork
    const log = yield* EventLog.EventLog
    const keys = yield* KeyIssuer
    const athletes = yield* AthleteDirectory
    const heartRates = yield* HeartRates
    /** The bridges that are connected, and who wears their sensors: what live readings are looked up in. */
    const connected = new Map<DeviceId, Intake.Pairings>()

    const mustExist = Effect.fnUntraced(function* (deviceId: DeviceId) {
      if (!(yield* repository.exists(deviceId))) return yield* NotFound.of("device", deviceId)
    })

    /** Who wears the sensors of these devices; a device whose sensors nobody wears is not in it. */
    const pairingsOf = Effect.fnUntraced(function* (deviceIds: ReadonlyArray<DeviceId>) {
      const all = new Map<DeviceId, Map<string, Pairing>>()
      for (const { deviceId, pairing } of yield* repository.pairingsOf(deviceIds)) {
        const worn = all.get(deviceId) ?? new Map()
        all.set(deviceId, worn.set(pairing.sensor, pairing))
      }
      return all
    })

    /** How far the incarnations of these deliveries were received. */
    const marksOf = Effect.fnUntraced(function* (deliveries: ReadonlyArray<Intake.Delivery>) {
      const marks = new Map<DeviceId, Marks>(deliveries.map(({ deviceId }) => [deviceId, new Map()]))
      const streams = deliveries.flatMap(({ deviceId, items }) =>
        Array.from(
          new Set(items.map(({ incarnation }) => incarnation)),
          (incarnation) => [deviceId, incarnation] as const,
        ),
      )
      for (const { deviceId, incarnation, mark } of yield* repository.marksOf(streams)) {
        marks.get(deviceId)?.set(incarnation, mark)
      }
      return marks
    })

    const tell = (events: ReadonlyArray<TelemetryRecorded>) =>
      EventLog.append(
        Topics.telemetry,
        events.map((event) => ({ key: event.athleteId, event })),
      ).pipe(Effect.provideService(EventLog.EventLog, log))

    /** Says which numbers of which incarnations are stored now, for whoever makes something of their samples. */
    const tellStored = (stored: ReadonlyMap<DeviceId, Intake.Intake["store"]>) =>
      EventLog.append(
        Topics.chunks,
        Array.from(stored).flatMap(([deviceId, chunks]) =>
          Intake.spansOf(chunks.map(({ chunk }) => chunk)).map((span) => ({
            key: deviceId,
            event: new ChunksStored({ deviceId, ...span }),
          })),
        ),
      ).pipe(Effect.provideService(EventLog.EventLog, log))

    return {
      /** Registers a bridge. Its key is shown once. */
      create: Effect.fn("Devices.create")(
        function* (name: string) {
          const deviceId = yield* freshId("bridge", DeviceId)
          yield* repository.insert(deviceId, name)
          const key = yield* keys.issue({ _tag: "Device", deviceId })
          return { deviceId, name, key }
        },
        (unit) => work.run(unit),
        (created, name) =>
          once({ operation: "devices.create", content: { name }, answer: DeviceCreated, confidential: true }, created),
        orUnavailable,
        requireAdmin,
      ),

      list: Effect.fn("Devices.list")(
        function* () {
          const pairings = Map.groupBy(yield* repository.allPairings(), ({ deviceId }) => deviceId)
          return (yield* repository.list()).map((device) => ({
            ...device,
            connected: connected.has(device.deviceId),
            sensors: (pairings.get(device.deviceId) ?? []).map(({ pairing }) => pairing),
          }))
        },
        orUnavailable,
        requireAdmin,
      ),

      quarantine: Effect.fn("Devices.quarantine")(
        function* (deviceId: DeviceId) {
          yield* mustExist(deviceId)
          return yield* repository.quarantined(deviceId, QUARANTINE_LISTED)
        },
        orUnavailable,
        requireAdmin,
      ),

      /** What is missing of a bridge's data and will not come. */
      gaps: Effect.fn("Devices.gaps")(
        function* (deviceId: DeviceId) {
          yield* mustExist(deviceId)
          return yield* repository.gaps(deviceId, GAPS_LISTED)
        },
        orUnavailable,
        requireAdmin,
      ),

      /** From now on this athlete wears the sensor, in this class. */
      pair: Effect.fn("Devices.pair")(
        function* (deviceId: DeviceId, pairing: Pairing) {
          yield* mustExist(deviceId)
          if (!(yield* athletes.exists(pairing.athleteId))) return yield* NotFound.of("athlete", pairing.athleteId)
          yield* repository.savePairing(deviceId, pairing)
          const pairings = Intake.pairingsOf(yield* repository.pairings(deviceId))
          yield* afterCommit(() => {
            if (connected.has(deviceId)) connected.set(deviceId, pairings)
          })
          return pairing
        },
        (unit) => work.run(unit),
        (paired, deviceId, pairing) =>
          once({ operation: "devices.pair", content: { deviceId, pairing }, answer: Pairing }, paired),
        orUnavailable,
        requireAdmin,
      ),

      /**
       * A bridge connected, with these incarnations waiting, each from its first waiting number on. Answers how far
       * each was received. What the bridge no longer has and this server never got is declared missing.
       */
      connect: Effect.fn("Devices.connect")(
        function* (
          deviceId: DeviceId,
          waiting: ReadonlyArray<{ readonly incarnation: string; readonly first: number }>,
        ) {
          const nowMs = yield* Clock.currentTimeMillis
          const marks = yield* Effect.forEach(waiting, ({ first, incarnation }) =>
            Effect.gen(function* () {
              const resumption = HighWaterMark.resume(yield* repository.mark(deviceId, incarnation), first)
              if (resumption._tag === "Gap") {
                yield* repository.declareGap(deviceId, incarnation, resumption.first, resumption.last, nowMs)
                yield* repository.saveMark(deviceId, incarnation, resumption.mark)
              }
              return { incarnation, mark: resumption.mark }
            }),
          )
          const pairings = Intake.pairingsOf(yield* repository.pairings(deviceId))
          yield* afterCommit(() => connected.set(deviceId, pairings))
          return marks
        },
        (unit) => work.run(unit),
        orUnavailable,
      ),

      /** The athlete wears nothing any more. What their sensors say from now on is nobody's. */
      unpairAthlete: Effect.fn("Devices.unpairAthlete")(
        function* (athleteId: AthleteId) {
          for (const deviceId of yield* repository.unpairAthlete(athleteId)) {
            const pairings = Intake.pairingsOf(yield* repository.pairings(deviceId))
            yield* afterCommit(() => {
              if (connected.has(deviceId)) connected.set(deviceId, pairings)
            })
          }
        },
        (unit) => work.run(unit),
        orUnavailable,
      ),

      disconnect: (deviceId: DeviceId): void => {
        connected.delete(deviceId)
      },

      /**
       * Takes in what bridges have sent, as one unit of work for all of them: each delivery's chunks and gaps in their
       * order. Answers a receipt for each delivery. Dies when one of them cannot be stored whatever the store's state is:
       * then each is to be tried alone.
       */
      receive: Effect.fnUntraced(
        function* (deliveries: ReadonlyArray<Intake.Delivery>) {
          const nowMs = yield* Clock.currentTimeMillis
          const pairings = yield* pairingsOf(deliveries.map(({ deviceId }) => deviceId))
          const marks = yield* marksOf(deliveries)
          const stored = new Map<DeviceId, Array<Intake.Intake["store"][number]>>()
          const events: Array<TelemetryRecorded> = []
          const counts = new Map<DeviceId, Received>()
          const receipts: Array<Receipt> = []
          for (const { deviceId, hello, items } of deliveries) {
            const reached: Marks = marks.get(deviceId) ?? new Map()
            const worn = pairings.get(deviceId) ?? new Map()
            const intake = Intake.plan({ deviceId, pairings: worn, marks: reached, hello, nowMs }, items)
            const inThisUnit = [...(stored.get(deviceId) ?? []), ...intake.store]
            if (inThisUnit.length > 0) stored.set(deviceId, inThisUnit)
            const setAside = [...intake.setAside]
            for (const chunk of intake.again) {
              if (inThisUnit.some((one) => isSame(one.chunk, chunk))) continue
              if (!(yield* repository.wasReceived(deviceId, chunk))) setAside.push({ chunk, reason: NOT_A_REDELIVERY })
            }
            for (const { chunk, reason } of setAside) yield* repository.setAside(deviceId, chunk, reason, nowMs)
            for (const { from, gap } of intake.gaps) yield* repository.saveGap(deviceId, gap, from, nowMs)
            events.push(...intake.events)
            counts.set(deviceId, countsWith(counts.get(deviceId), intake, setAside.length))
            for (const [incarnation, mark] of intake.marks) reached.set(incarnation, mark)
            const acknowledged = Array.from(intake.marks, ([incarnation, n]) => ({ incarnation, n }))
            receipts.push({ acknowledged, setAside, outOfOrder: intake.outOfOrder })
          }
          const chunks = Array.from(stored).flatMap(([deviceId, some]) => some.map((one) => ({ deviceId, ...one })))
          yield* repository.insertChunks(chunks, nowMs)
          yield* repository.saveMarks(
            Array.from(marks).flatMap(([deviceId, reached]) =>
              Array.from(reached, ([incarnation, mark]) => ({ deviceId, incarnation, mark })),
            ),
          )
          yield* repository.count(counts, nowMs)
          if (events.length > 0) yield* tell(events)
          if (chunks.length > 0) yield* tellStored(stored)
          return receipts
        },
        (unit) => work.run(unit),
        // What the store refuses, as opposed to its being in trouble: it must not hold up those who share the unit.
        Effect.catchTag("SqlError", Effect.die),
        Effect.catchIf((error) => error._tag === "StorageError" && error.reason === "refused", Effect.die),
        orUnavailable,
      ),

      /**
       * Shows the newest readings of a connected bridge at once. They are not stored: what they say comes again in a
       * chunk. Answers what was wrong with the payload, if anything.
       */
      showLive: (deviceId: DeviceId, sensedAtMs: number, payload: Uint8Array): Bundle.BundleError | null => {
        const pairings = connected.get(deviceId)
        const bundle = Bundle.decode(payload)
        if ("_tag" in bundle) return bundle
        if (pairings === undefined) return null
        for (const reading of Intake.newestHeartRates(pairings, bundle)) heartRates.publish({ ...reading, sensedAtMs })
        return null
      },
    }
  }),
}) {}
