/**
 * The contexts on a real store, without doors, on a clock that the test moves: telemetry goes into the log as the devices
 * context would append it, and what comes of it is asked of the services.
 *
 * @example
 * it.scoped("…", () => Effect.gen(function* () {
 *   const anna = yield* addAthlete("Anna")
 *   yield* record(anna, { ...seconds(0, 61, 190), endedAtMs: 61_000 })
 *   yield* caughtUp
 * }).pipe(Effect.provide(contexts())))
 */
import { UnitOfWork } from "@paceline/core/consistency"
import {
  type AthleteId,
  ClassId,
  CurrentActor,
  DeviceId,
  IdempotentRequest,
  SensorName,
  TelemetryRecorded,
  Topics,
} from "@paceline/core/contract"
import { Contact } from "@paceline/core/kernel"
import { EventLog, Progress } from "@paceline/core/messaging"
import { Context, Duration, Effect, Layer, Logger, TestClock } from "effect"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { People } from "../src/contexts/people/Service.ts"
import * as Gateway from "../src/gateway/Gateway.ts"

export const contexts = (changes: Partial<Gateway.ContextOptions> = {}) =>
  Gateway.contexts({
    frameMillis: 50,
    contact: Contact.standard,
    tileLingerMillis: 20_000,
    silentSessionMillis: 7_200_000,
    ...changes,
  }).pipe(Layer.provideMerge(SqliteStore.layerTest()), Layer.provide(Logger.remove(Logger.defaultLogger)))

export const main = ClassId.make("main")

export const asAdmin = Effect.provide(
  Context.make(CurrentActor, { _tag: "Admin" }).pipe(Context.add(IdempotentRequest, IdempotentRequest.withoutKey)),
)

/** With a greatest heart rate of 200 bpm. */
export const addAthlete = (alias: string) =>
  Effect.gen(function* () {
    const choices = { alias, heartRateVisible: true, maxHeartRateBpm: 200 }
    const { profile } = yield* (yield* People).create(choices).pipe(asAdmin)
    yield* caughtUp
    return profile.athleteId
  })

/** What is told of a chunk, and by whom: by the strap of one bridge unless it is said otherwise. */
export interface Told extends Pick<TelemetryRecorded, "heartRateAtMs" | "heartRateBpm" | "endedAtMs"> {
  readonly speed?: TelemetryRecorded["speed"]
  readonly device?: string
  readonly sensor?: string
  readonly source?: TelemetryRecorded["source"]
  readonly classId?: ClassId
}

/** Telemetry as the devices context would append it. */
export const record = (
  athleteId: AthleteId,
  { classId = main, device = "bridge", sensor = "strap-01", source, speed, ...part }: Told,
) => {
  const event = new TelemetryRecorded({
    deviceId: DeviceId.make(device),
    incarnation: "run-1",
    n: 1,
    sensor: SensorName.make(sensor),
    ...(source === undefined ? {} : { source }),
    ...(speed === undefined ? {} : { speed }),
    athleteId,
    classId,
    ...part,
  })
  return UnitOfWork.run(EventLog.append(Topics.telemetry, [{ key: athleteId, event }]))
}

/** A heart rate a second, from second `from` to before `to`, of the epoch or of what is given. */
export const seconds = (from: number, to: number, bpm: number, epochMs = 0) => ({
  heartRateAtMs: Array.from({ length: to - from }, (_, i) => epochMs + (from + i) * 1000),
  heartRateBpm: Array.from({ length: to - from }, () => bpm),
})

/** Lets the consumers work, on the real clock, until they have read everything. */
export const caughtUp = Effect.gen(function* () {
  const log = yield* EventLog.EventLog
  for (let tries = 0; tries < 500; tries++) {
    const lags = yield* log.lag
    const groups = yield* Effect.forEach(lags, Progress.of)
    if (lags.length >= 4 && groups.every(({ waiting }) => waiting === 0)) return
    yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
    // A consumer that failed waits up to 10 s before it tries again.
    yield* TestClock.adjust(Duration.millis(tries < 200 ? 10 : 200))
  }
  return yield* Effect.dieMessage("the consumers do not catch up")
})
