/**
 * Bridges and what they deliver.
 *
 * `receive` is the way in for telemetry: the chunks and gaps of many connections, each in order, in one unit of work
 * (`Receiving`). Only then are they acknowledged, and so a chunk is stored once, whoever dies in between.
 */
import { afterCommit, UnitOfWork } from "@paceline/core/consistency"
import {
  AthleteDirectory,
  type AthleteId,
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
} from "@paceline/core/contract"
import { HighWaterMark } from "@paceline/core/kernel"
import { EventLog } from "@paceline/core/messaging"
import { Bundle } from "@paceline/core/wire"
import { Clock, Effect } from "effect"
import * as Intake from "./Model.ts"
import * as Receiving from "./Receiving.ts"
import { DeviceRepository } from "./Repository.ts"

/** So many quarantined chunks are listed. */
const QUARANTINE_LISTED = 100

/** So many gaps are listed. */
const GAPS_LISTED = 1_000

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

    const receive = Receiving.make(repository, log)

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
      receive: (deliveries: ReadonlyArray<Intake.Delivery>) =>
        work.run(receive(deliveries)).pipe(
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
