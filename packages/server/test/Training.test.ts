import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import {
  type AthleteId,
  ClassId,
  CurrentActor,
  DeviceId,
  HeartRates,
  IdempotentRequest,
  SensorName,
  TelemetryRecorded,
  Tile,
  Topics,
  tilesChannel,
} from "@paceline/core/contract"
import { Contact } from "@paceline/core/kernel"
import { EventLog, Progress } from "@paceline/core/messaging"
import { LiveFrame } from "@paceline/core/wire"
import { Context, Duration, Effect, Layer, Logger, Schema, TestClock } from "effect"
import { describe } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { Gamification } from "../src/contexts/gamification/Service.ts"
import { People } from "../src/contexts/people/Service.ts"
import { Training } from "../src/contexts/training/Service.ts"
import * as Gateway from "../src/gateway/Gateway.ts"
import { LiveHub } from "../src/gateway/LiveHub.ts"

/** The contexts on a real store, on a clock that the test moves. */
const contexts = Gateway.contexts({
  frameMillis: 50,
  contact: Contact.standard,
  tileLingerMillis: 20_000,
  silentSessionMillis: 30_000,
}).pipe(Layer.provideMerge(SqliteStore.layerTest()), Layer.provide(Logger.remove(Logger.defaultLogger)))

const main = ClassId.make("main")
const admin = Context.make(CurrentActor, { _tag: "Admin" }).pipe(
  Context.add(IdempotentRequest, IdempotentRequest.withoutKey),
)
const asAdmin = Effect.provide(admin)

const addAthlete = (alias: string) =>
  Effect.gen(function* () {
    const choices = { alias, heartRateVisible: true, maxHeartRateBpm: 200 }
    const { profile } = yield* (yield* People).create(choices).pipe(asAdmin)
    yield* caughtUp
    return profile.athleteId
  })

/** Telemetry as the devices context would append it. */
const record = (athleteId: AthleteId, part: Pick<TelemetryRecorded, "heartRateAtMs" | "heartRateBpm" | "endedAtMs">) =>
  UnitOfWork.run(
    EventLog.append(Topics.telemetry, [
      {
        key: athleteId,
        event: new TelemetryRecorded({
          deviceId: DeviceId.make("bridge"),
          incarnation: "run-1",
          n: 1,
          sensor: SensorName.make("strap-01"),
          athleteId,
          classId: main,
          ...part,
        }),
      },
    ]),
  )

const seconds = (from: number, to: number, bpm: number) => ({
  heartRateAtMs: Array.from({ length: to - from }, (_, i) => (from + i) * 1000),
  heartRateBpm: Array.from({ length: to - from }, () => bpm),
})

/** Lets the consumers work, on the real clock, until they have read everything. */
const caughtUp = Effect.gen(function* () {
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

const tiles = Effect.gen(function* () {
  const frame = LiveFrame.decode((yield* LiveHub).join(tilesChannel(main), null))
  if (frame._tag !== "Snapshot") throw new Error(frame._tag)
  return Object.fromEntries(frame.entries.map(([key, value]) => [key, Schema.decodeUnknownSync(Tile)(value)]))
})

describe("Training by itself", () => {
  it.scoped("lets a reading grow stale and lost, second by second", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      const heartRates = yield* HeartRates
      heartRates.publish({ athleteId: anna, classId: main, heartRateBpm: 150, sensedAtMs: 1 })
      const contactAfter = (millis: number) =>
        TestClock.adjust(Duration.millis(millis)).pipe(
          Effect.zipRight(tiles),
          Effect.map((all) => all[anna]?.contact),
        )
      expect(yield* contactAfter(0)).toBe("live")
      expect(yield* contactAfter(3_000)).toBe("live")
      expect(yield* contactAfter(2_000)).toBe("stale")
      expect(yield* contactAfter(6_000)).toBe("stale")
      expect(yield* contactAfter(2_000)).toBe("lost")
      heartRates.publish({ athleteId: anna, classId: main, heartRateBpm: 151, sensedAtMs: 2 })
      expect(yield* contactAfter(0)).toBe("live")
    }).pipe(Effect.provide(contexts)),
  )

  it.scoped("takes a finished tile down after a while, and one that never began a session", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      const bo = yield* addAthlete("Bo")
      const heartRates = yield* HeartRates
      heartRates.publish({ athleteId: bo, classId: main, heartRateBpm: 90, sensedAtMs: 1 })
      yield* record(anna, { ...seconds(0, 61, 190), endedAtMs: 61_000 })
      yield* caughtUp
      expect(Object.keys(yield* tiles).sort()).toEqual([anna, bo].sort())
      yield* TestClock.adjust(Duration.seconds(18))
      expect((yield* tiles)[anna]).toMatchObject({ contact: "finished", effortPoints: 5 })
      yield* TestClock.adjust(Duration.seconds(4))
      expect(yield* tiles).toEqual({})
    }).pipe(Effect.provide(contexts)),
  )

  it.scoped("ends a session that fell silent, at its last sample, and its points are awarded", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      yield* record(anna, { ...seconds(0, 61, 190), endedAtMs: null })
      yield* caughtUp
      yield* TestClock.adjust(Duration.seconds(29))
      expect((yield* tiles)[anna]).toMatchObject({ contact: "lost", effortPoints: 5 })
      yield* TestClock.adjust(Duration.minutes(1))
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
      yield* caughtUp
      const workouts = yield* (yield* Training).workouts(anna).pipe(asAdmin)
      expect(workouts).toMatchObject([{ startedAtMs: 0, endedAtMs: 60_000, effortPoints: 5 }])
      expect(yield* (yield* Gamification).leaderboard(main)).toMatchObject([{ athleteId: anna, points: 5 }])
    }).pipe(Effect.provide(contexts)),
  )

  it.scoped("[log 15] keeps telemetry of an athlete it does not know yet waiting, and counts it once it does", () =>
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const sql = yield* SqlClient
      const anna = yield* addAthlete("Anna")
      yield* UnitOfWork.run(sql`DELETE FROM training_athlete`)
      yield* record(anna, { ...seconds(0, 61, 190), endedAtMs: 61_000 })
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
      yield* TestClock.adjust(Duration.minutes(1))
      const telemetry = Progress.of({ group: "training", topic: Topics.telemetry.name })
      expect(yield* telemetry).toMatchObject({ done: 0, failed: 0, waiting: 1 })
      const change = { alias: "Anka", heartRateVisible: true, maxHeartRateBpm: 200 }
      yield* (yield* People).change(anna, change, { version: 1, choices: null }).pipe(asAdmin)
      yield* caughtUp
      expect(yield* log.read(Topics.training.name, 0, 0, 10)).toHaveLength(1)
      expect(yield* (yield* Gamification).leaderboard(main)).toMatchObject([{ alias: "Anka", points: 5, workouts: 1 }])
    }).pipe(Effect.provide(contexts)),
  )
})
