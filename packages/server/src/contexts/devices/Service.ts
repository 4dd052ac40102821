/**
 * Bridges and what they deliver.
 *
 * `receive` is the way in for telemetry: the chunks and gaps of one connection, in order, in one unit of work that
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
import { type ClockQuality, HighWaterMark } from "@paceline/core/kernel"
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

const countsOf = (intake: Intake.Intake, quarantined: number): Received => ({
  chunks: intake.store.length,
  samples: intake.store.reduce((sum, { samples }) => sum + samples, 0),
  quarantined,
  redeliveriesSuppressed: intake.again.length - (quarantined - intake.setAside.length),
})

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

    /** How far the incarnations of these items were received. */
    const marksOf = Effect.fnUntraced(function* (deviceId: DeviceId, items: ReadonlyArray<Intake.Item>) {
      const marks = new Map<string, number>()
      for (const { incarnation } of items) {
        if (!marks.has(incarnation)) marks.set(incarnation, yield* repository.mark(deviceId, incarnation))
      }
      return marks
    })

    const tell = (events: ReadonlyArray<TelemetryRecorded>) =>
      EventLog.append(
        Topics.telemetry,
        events.map((event) => ({ key: event.athleteId, event })),
      ).pipe(Effect.provideService(EventLog.EventLog, log))

    /** Says which numbers of which incarnations are stored now, for whoever makes something of their samples. */
    const tellStored = (deviceId: DeviceId, stored: Intake.Intake["store"]) =>
      EventLog.append(
        Topics.chunks,
        Intake.spansOf(stored.map(({ chunk }) => chunk)).map((span) => ({
          key: deviceId,
          event: new ChunksStored({ deviceId, ...span }),
        })),
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
       * Takes chunks and gaps in, in order, as one unit of work.
       *
       * @param hello what the bridge's clocks showed when it connected
       */
      receive: Effect.fn("Devices.receive")(
        function* (deviceId: DeviceId, items: ReadonlyArray<Intake.Item>, hello: ClockQuality.Reference | null) {
          const nowMs = yield* Clock.currentTimeMillis
          const pairings = Intake.pairingsOf(yield* repository.pairings(deviceId))
          const marks = yield* marksOf(deviceId, items)
          const intake = Intake.plan({ deviceId, pairings, marks, hello, nowMs }, items)

          for (const stored of intake.store) yield* repository.insertChunk(deviceId, stored, nowMs)
          const setAside = [...intake.setAside]
          for (const chunk of intake.again) {
            if (!(yield* repository.wasReceived(deviceId, chunk))) setAside.push({ chunk, reason: NOT_A_REDELIVERY })
          }
          for (const { chunk, reason } of setAside) yield* repository.setAside(deviceId, chunk, reason, nowMs)
          for (const { from, gap } of intake.gaps) yield* repository.saveGap(deviceId, gap, from, nowMs)
          for (const [incarnation, mark] of intake.marks) yield* repository.saveMark(deviceId, incarnation, mark)
          yield* repository.count(deviceId, countsOf(intake, setAside.length), nowMs)
          if (intake.events.length > 0) yield* tell(intake.events)
          if (intake.store.length > 0) yield* tellStored(deviceId, intake.store)
          const acknowledged = Array.from(intake.marks, ([incarnation, n]) => ({ incarnation, n }))
          const receipt: Receipt = { acknowledged, setAside, outOfOrder: intake.outOfOrder }
          return receipt
        },
        (unit) => work.run(unit),
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
