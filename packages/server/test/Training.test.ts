import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { HeartRates, Tile, Topics, tilesChannel } from "@paceline/core/contract"
import { EventLog, Progress } from "@paceline/core/messaging"
import { LiveFrame } from "@paceline/core/wire"
import { Duration, Effect, Schema, TestClock } from "effect"
import { describe } from "vitest"
import { Gamification } from "../src/contexts/gamification/Service.ts"
import { People } from "../src/contexts/people/Service.ts"
import { Training } from "../src/contexts/training/Service.ts"
import { LiveHub } from "../src/gateway/LiveHub.ts"
import { addAthlete, asAdmin, caughtUp, contexts, main, record, seconds } from "./Contexts.ts"

/** Sessions fall silent, and tiles go, while a test looks on. */
const hasty = contexts({ silentSessionMillis: 30_000 })

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
    }).pipe(Effect.provide(hasty)),
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
    }).pipe(Effect.provide(hasty)),
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
    }).pipe(Effect.provide(hasty)),
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
    }).pipe(Effect.provide(hasty)),
  )
})
