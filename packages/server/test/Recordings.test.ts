/** How what comes of a source, live or late, becomes sessions: one for each training, and none that swallows others. */
import { expect, it } from "@effect/vitest"
import { type AthleteId, Tile, tilesChannel } from "@paceline/core/contract"
import { LiveFrame } from "@paceline/core/wire"
import { Duration, Effect, Schema, TestClock } from "effect"
import { describe } from "vitest"
import { Training } from "../src/contexts/training/Service.ts"
import { LiveHub } from "../src/gateway/LiveHub.ts"
import { addAthlete, asAdmin, caughtUp, contexts, main, record, seconds } from "./Contexts.ts"

const T = 1_700_000_000_000
const HOUR = 3600
const DAY = 24 * HOUR

/** From when to when, in seconds from T, and how many samples; the oldest first. */
const workouts = (athleteId: AthleteId) =>
  Effect.gen(function* () {
    yield* caughtUp
    const all = yield* (yield* Training).workouts(athleteId).pipe(asAdmin)
    return all
      .map(({ endedAtMs, heartRateSamples, startedAtMs }) => [
        (startedAtMs - T) / 1000,
        (endedAtMs - T) / 1000,
        heartRateSamples,
      ])
      .toSorted(([a = 0], [b = 0]) => a - b)
  })

const tileOf = (athleteId: AthleteId) =>
  Effect.gen(function* () {
    yield* caughtUp
    const frame = LiveFrame.decode((yield* LiveHub).join(tilesChannel(main), null))
    if (frame._tag !== "Snapshot") throw new Error(frame._tag)
    const entry = frame.entries.find(([key]) => key === athleteId)
    return entry === undefined ? null : Schema.decodeUnknownSync(Tile)(entry[1])
  })

const rec = (from: number, to: number, endedAt: number | null = null) => ({
  ...seconds(from, to, 162, T),
  endedAtMs: endedAt === null ? null : T + endedAt * 1000,
})

describe("A recording", () => {
  it.scoped("ends where its source fell silent, whether that was heard live or comes late, all at once", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      yield* record(anna, rec(0, 600))
      // A pause is none: the same training goes on.
      yield* record(anna, rec(600 + HOUR, 1200 + HOUR))
      const [one, other] = [rec(DAY, DAY + 600), rec(2 * DAY, 2 * DAY + 600, 2 * DAY + 600)]
      yield* record(anna, {
        ...other,
        heartRateAtMs: [...one.heartRateAtMs, ...other.heartRateAtMs],
        heartRateBpm: [...one.heartRateBpm, ...other.heartRateBpm],
      })
      expect(yield* workouts(anna)).toEqual([
        [0, 1199 + HOUR, 1200],
        [DAY, DAY + 599, 600],
        [2 * DAY, 2 * DAY + 600, 600],
      ])
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped("of a clock that was not set yet swallows no other", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      yield* record(anna, rec(0, 600, 600))
      yield* record(anna, rec(DAY, DAY + 600, DAY + 600))
      yield* record(anna, { heartRateAtMs: [1_000], heartRateBpm: [90], endedAtMs: null, sensor: "watch" })
      yield* record(anna, { ...rec(3 * DAY, 3 * DAY + 600, 3 * DAY + 600), sensor: "watch" })
      expect((yield* workouts(anna)).slice(-3)).toEqual([
        [0, 600, 600],
        [DAY, DAY + 600, 600],
        [3 * DAY, 3 * DAY + 600, 600],
      ])
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped("ends no earlier than its last sample, whatever the clock says then, and not hours after it", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      yield* record(anna, rec(0, 600))
      // The clock was set back by an hour before the athlete said that it was over.
      yield* record(anna, rec(0, 0, 600 - HOUR))
      yield* record(anna, rec(DAY, DAY + 600))
      yield* record(anna, rec(0, 0, DAY + 600 + 5 * HOUR))
      expect(yield* workouts(anna)).toEqual([
        [0, 599, 600],
        [DAY, DAY + 599, 600],
      ])
    }).pipe(Effect.provide(contexts())),
  )
})

describe("Who trains right now", () => {
  it.scoped("goes on, on the wall too, while old recordings of theirs are brought into the class", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      yield* record(anna, rec(DAY, DAY + 600))
      const before = yield* tileOf(anna)
      expect(before).toMatchObject({ effortPoints: 39 })
      // From a file with more points, from one without a heart rate, and from a watch that was not synced for a month.
      yield* record(anna, { ...rec(0, 1200, 1200), device: "importer", sensor: "files", source: "file" })
      yield* record(anna, { ...rec(0, 0, 1300), device: "importer", sensor: "files", source: "file" })
      yield* record(anna, { ...rec(0, 0, 1300), sensor: "files", source: "file" })
      yield* record(anna, { ...rec(-30 * DAY, 1200 - 30 * DAY, 1200 - 30 * DAY), device: "phone", sensor: "watch" })
      expect(yield* tileOf(anna)).toEqual(before)
      yield* record(anna, rec(DAY + 600, DAY + 1200, DAY + 1200))
      expect(yield* workouts(anna)).toEqual([
        [-30 * DAY, 1200 - 30 * DAY, 1200],
        [0, 1200, 1200],
        [DAY, DAY + 1200, 1200],
      ])
      expect(yield* tileOf(anna)).toMatchObject({ contact: "finished", effortPoints: 79 })
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped("an old file alone puts nobody on the wall", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      yield* record(anna, { ...rec(0, 600, 600), device: "importer", sensor: "files" })
      expect(yield* workouts(anna)).toEqual([[0, 600, 600]])
      expect(yield* tileOf(anna)).toBeNull()
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped("is ended when it falls silent, and so is what the wall never showed", () =>
    Effect.gen(function* () {
      const [anna, bo] = [yield* addAthlete("Anna"), yield* addAthlete("Bo")]
      // The end of a file that never came; and an old recording beside one of today, which has ended.
      yield* record(anna, { ...rec(0, 60), device: "importer", sensor: "files" })
      yield* record(bo, rec(DAY, DAY + 60))
      yield* record(bo, { ...rec(0, 60), device: "phone", sensor: "watch" })
      yield* record(bo, rec(DAY + 60, DAY + 120, DAY + 120))
      expect([yield* workouts(anna), yield* workouts(bo)]).toEqual([[], [[DAY, DAY + 120, 120]]])
      yield* TestClock.adjust(Duration.seconds(100))
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
      expect(yield* workouts(anna)).toEqual([[0, 59, 60]])
      expect(yield* workouts(bo)).toEqual([
        [0, 59, 60],
        [DAY, DAY + 120, 120],
      ])
    }).pipe(Effect.provide(contexts({ silentSessionMillis: 30_000 }))),
  )
})
