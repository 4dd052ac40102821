/** The same activity from a strap, a watch and a file: it counts once, in whatever order it comes, until somebody parts it. */
import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { type AthleteId, ClassId, type MergeId, SessionId, Topics } from "@paceline/core/contract"
import { EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import { describe } from "vitest"
import { Gamification } from "../src/contexts/gamification/Service.ts"
import { merge } from "../src/contexts/training/Merge.ts"
import { MergeRepository } from "../src/contexts/training/MergeRepository.ts"
import { Merging } from "../src/contexts/training/Merging.ts"
import { Training } from "../src/contexts/training/Service.ts"
import { addAthlete, asAdmin, caughtUp, contexts, main, record, seconds } from "./Contexts.ts"

const spin = ClassId.make("spin")

const T = 1_700_000_000_000

/** What one source hears: 160 bpm, a second each, from `from` to before `to`, seconds from T, without `missing`. */
interface Source {
  readonly sensor: string
  readonly device: string
  readonly classId: ClassId
  readonly from: number
  readonly to: number
  readonly missing?: readonly [from: number, to: number]
  readonly bpm: number
}

const strap: Source = {
  sensor: "strap-1",
  device: "studio",
  classId: spin,
  from: 0,
  to: 1200,
  missing: [300, 420],
  bpm: 162,
}
const watch: Source = { sensor: "watch", device: "phone", classId: main, from: 30, to: 1230, bpm: 182 }
const file: Source = { sensor: "file", device: "upload", classId: main, from: 28, to: 1228, bpm: 182 }
const evening: Source = { sensor: "watch", device: "phone", classId: main, from: 40_000, to: 40_600, bpm: 162 }

const deliver = (athleteId: AthleteId, { bpm, classId, device, from, missing = [from, from], sensor, to }: Source) => {
  const parts = [seconds(from, missing[0], bpm, T), seconds(missing[1], to, bpm, T)]
  const told = {
    heartRateAtMs: parts.flatMap(({ heartRateAtMs }) => heartRateAtMs),
    heartRateBpm: parts.flatMap(({ heartRateBpm }) => heartRateBpm),
    endedAtMs: T + to * 1000,
  }
  return Effect.zipRight(record(athleteId, { ...told, classId, device, sensor }), caughtUp)
}

/** All that an athlete sees of it, without the ids that are new each time. */
const seen = (athleteId: AthleteId) =>
  Effect.gen(function* () {
    const workouts = yield* (yield* Training).workouts(athleteId).pipe(asAdmin)
    const points = yield* (yield* Gamification).points(athleteId)
    const merges = yield* (yield* Merging).list(athleteId).pipe(asAdmin)
    const boards = yield* Effect.forEach([main, spin], (classId) =>
      Effect.flatMap(Gamification, (gamification) => gamification.leaderboard(classId)),
    )
    return {
      workouts: workouts.map(({ classId, effortPoints, endedAtMs, mergedFrom = [] }) => ({
        classId,
        effortPoints,
        endedAtMs,
        recordings: mergedFrom.length,
      })),
      points: points.map((award) => [award.classId, award.points, award.explanation]),
      merges: merges.map(({ recordings, streams }) => ({
        sources: recordings.map(({ sensor, source }) => `${sensor}: ${source}`),
        streams: streams.map(({ fillsGap, fromMs, toMs, samples }) => ({
          fillsGap,
          from: fromMs - T,
          to: toMs - T,
          samples,
        })),
      })),
      boards: boards.map((board) => board.map(({ points, workouts }) => ({ points, workouts }))),
    }
  })

const mergeId = (athleteId: AthleteId) =>
  Effect.flatMap(Merging, (merging) => merging.list(athleteId).pipe(asAdmin)).pipe(
    Effect.map(([merge]): MergeId => merge!.mergeId),
  )

describe("The same activity from several sources", () => {
  it.scoped("counts once: the best source, with its gaps filled by the others, which each stretch says", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      yield* deliver(anna, strap)
      const alone = yield* seen(anna)
      expect(alone.boards).toEqual([[], [{ points: 72, workouts: 1 }]])
      yield* deliver(anna, watch)
      const both = yield* seen(anna)
      expect(both.workouts).toHaveLength(1)
      expect(both.workouts[0]).toMatchObject({ classId: "spin", recordings: 2, endedAtMs: T + 1_230_000 })
      expect(both.merges).toEqual([
        {
          sources: ["strap-1: strap", "watch: watch"],
          streams: [
            { fillsGap: false, from: 0, to: 299_000, samples: 300 },
            { fillsGap: true, from: 305_000, to: 419_000, samples: 115 },
            { fillsGap: false, from: 420_000, to: 1_199_000, samples: 780 },
            { fillsGap: true, from: 1_205_000, to: 1_229_000, samples: 25 },
          ],
        },
      ])
      const points = both.workouts[0]!.effortPoints
      expect(both.boards).toEqual([[], [{ points, workouts: 1 }]])
      // 18:08 min of the strap in zone 4, and 2:19 min of the watch in zone 5.
      expect(points).toBe(84)
      expect(both.points).toEqual([
        ["spin", points, expect.stringMatching(/One activity, recorded 2 times: it counts once$/)],
      ])
      const told = yield* (yield* EventLog.EventLog).read(Topics.training.name, 0, 0, 99)
      expect(told.map(({ payload }) => Reflect.get(Object(payload), "_tag"))).toEqual([
        "WorkoutCompleted",
        "WorkoutCompleted",
        "ActivitiesMerged",
      ])
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped("is filled by others where the best source has no contact, and says 0", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      const { heartRateAtMs, heartRateBpm } = seconds(0, 1200, 162, T)
      const withoutContact = heartRateBpm.map((bpm, i) => (i >= 300 && i < 420 ? 0 : bpm))
      yield* record(anna, { heartRateAtMs, heartRateBpm: withoutContact, endedAtMs: T + 1_200_000, classId: spin })
      yield* deliver(anna, watch)
      const { merges } = yield* seen(anna)
      expect(merges[0]!.streams[1]).toEqual({ fillsGap: true, from: 305_000, to: 419_000, samples: 115 })
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped(
    "comes to the same in every order of arrival, a late file included, and leaves other activities alone",
    () =>
      Effect.gen(function* () {
        const orders = [
          [strap, watch, file, evening],
          [file, evening, watch, strap],
          [evening, watch, strap, file],
          [watch, file, evening, strap],
        ]
        const results = yield* Effect.forEach(orders, (order) =>
          Effect.gen(function* () {
            const anna = yield* addAthlete("Anna")
            yield* Effect.forEach(order, (source) => deliver(anna, source))
            const { boards: _, ...own } = yield* seen(anna)
            return own
          }),
        )
        expect(results[0]!.workouts).toHaveLength(2)
        expect(results[0]!.merges[0]!.sources).toEqual(["strap-1: strap", "watch: watch", "file: file"])
        for (const result of results) expect(result).toEqual(results[0])
      }).pipe(Effect.provide(contexts())),
  )

  it.scoped("is taken apart on request, with points as before, and is not merged again by what arrives later", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      yield* deliver(anna, strap)
      const before = yield* seen(anna)
      yield* deliver(anna, watch)
      const merging = yield* Merging
      const merged = yield* mergeId(anna)
      const apart = yield* merging.undo(anna, merged).pipe(asAdmin)
      yield* caughtUp
      expect(apart).toHaveLength(2)
      const after = yield* seen(anna)
      expect(after.merges).toEqual([])
      expect(after.workouts).toHaveLength(2)
      expect(after.boards[1]).toEqual(before.boards[1])
      expect(after.boards[0]).toEqual([{ points: expect.any(Number), workouts: 1 }])
      expect(after.points.map(([, , explanation]) => explanation)).toContain(before.points[0]![2])
      expect(yield* Effect.flip(merging.undo(anna, merged).pipe(asAdmin))).toMatchObject({ _tag: "NotFound" })

      // The file is the same as both. It joins one of them, and the two stay apart.
      yield* deliver(anna, file)
      const later = yield* seen(anna)
      expect(later.workouts).toHaveLength(2)
      expect(later.merges).toHaveLength(1)
      expect(later.merges[0]!.sources).toHaveLength(2)
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped("is put together by hand where nothing was recognised, and again after it was taken apart", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      yield* deliver(anna, strap)
      yield* deliver(anna, evening)
      const merging = yield* Merging
      const sessions = (yield* (yield* Training).workouts(anna).pipe(asAdmin)).map(({ sessionId }) => sessionId)
      const merge = yield* merging.merge(anna, sessions).pipe(asAdmin)
      yield* caughtUp
      expect(merge.reasons).toMatchObject([{ confidence: 2, reason: "put together by hand" }])
      expect((yield* seen(anna)).boards).toEqual([[], [{ points: merge.effortPoints, workouts: 1 }]])
      yield* merging.undo(anna, merge.mergeId).pipe(asAdmin)
      const again = yield* merging.merge(anna, sessions).pipe(asAdmin)
      yield* caughtUp
      expect(again).toEqual(merge)
      expect((yield* seen(anna)).boards).toEqual([[], [{ points: merge.effortPoints, workouts: 1 }]])
      // With a third, by the id of the merge.
      yield* deliver(anna, { ...evening, from: 90_000, to: 90_600 })
      const third = (yield* (yield* Training).workouts(anna).pipe(asAdmin))[0]!.sessionId
      const all = yield* merging.merge(anna, [SessionId.make(merge.mergeId), third]).pipe(asAdmin)
      expect(all.recordings).toHaveLength(3)
      const unknown = merging.merge(anna, [third, SessionId.make("nobody")]).pipe(asAdmin)
      expect(yield* Effect.flip(unknown)).toMatchObject({ _tag: "NotFound", id: "nobody" })
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped("is grouped anew with all that it was merged with, where a version before this one saw more alike", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      yield* deliver(anna, strap)
      yield* deliver(anna, evening)
      yield* deliver(anna, { ...evening, sensor: "strap-1", device: "studio" })
      const repository = yield* MergeRepository
      const [both] = yield* repository.list(anna, 9)
      const sql = yield* SqlClient
      const rows = yield* sql<{ session_id: SessionId }>`SELECT session_id FROM training_session`
      const all = yield* repository.completed(
        anna,
        rows.map(({ session_id }) => session_id),
      )
      // As if the evening had been the same as the morning once.
      yield* UnitOfWork.run(Effect.zipRight(repository.remove(both!.mergeId), repository.insert(merge(anna, all, []))))
      yield* deliver(anna, watch)
      const { merges } = yield* seen(anna)
      expect(merges.map(({ sources }) => sources)).toEqual([
        ["strap-1: strap", "watch: watch"],
        ["strap-1: strap", "watch: watch"],
      ])
    }).pipe(Effect.provide(MergeRepository.Default), Effect.provide(contexts())),
  )

  it.scoped("is told by how fast its athlete was, where clocks differ and the heart says nothing", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      const run = (sensor: string, from: number, seed: number) => {
        const steps = Array.from({ length: 120 }, (_, i) => i)
        return record(anna, {
          ...seconds(from, from + 1200, 150, T),
          speed: {
            atMs: steps.map((i) => T + (from + i * 10) * 1000),
            metresPerSecond: steps.map((i) => 3 + Math.sin(i / 4 + seed) + 0.5 * Math.sin(i / 1.7)),
          },
          endedAtMs: T + (from + 1200) * 1000,
          sensor,
        })
      }
      yield* run("watch", 0, 0)
      // By a clock that is an hour ahead, and another run.
      yield* run("phone", 3600, 0)
      yield* run("file", 7200, 2)
      yield* caughtUp
      const { merges, workouts } = yield* seen(anna)
      expect(merges.map(({ sources }) => sources)).toEqual([["watch: watch", "phone: phone"]])
      expect(workouts).toHaveLength(2)
      const [merge] = yield* (yield* Merging).list(anna).pipe(asAdmin)
      expect(merge!.reasons).toMatchObject([{ reason: expect.stringMatching(/^the speed of both agrees .* 1 h/) }])
      expect(merge!.recordings.map(({ shiftMillis }) => shiftMillis)).toEqual([0, -3_600_000])
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped("is never that of a treadmill and of a bike, whatever the clock says", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      for (const sensor of ["Treadmill 3", "bike-07"]) {
        yield* record(anna, { ...seconds(0, 600, 150, T), endedAtMs: T + 600_000, sensor })
      }
      yield* caughtUp
      expect((yield* seen(anna)).merges).toEqual([])
      yield* record(anna, { ...seconds(0, 600, 150, T), endedAtMs: T + 600_000, sensor: "strap-01" })
      yield* caughtUp
      expect((yield* seen(anna)).merges).toHaveLength(1)
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped("takes no more recordings than an activity has", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      for (let i = 0; i < 11; i++) yield* deliver(anna, { ...evening, from: i * 90_000, to: i * 90_000 + 60 })
      for (let i = 0; i < 11; i++)
        yield* deliver(anna, { ...evening, from: i * 90_000 + 7_000, to: i * 90_000 + 7_060 })
      const merging = yield* Merging
      const ids = (yield* (yield* Training).workouts(anna).pipe(asAdmin)).map(({ sessionId }) => sessionId)
      const some = yield* merging.merge(anna, ids.slice(0, 11)).pipe(asAdmin)
      const others = yield* merging.merge(anna, ids.slice(11)).pipe(asAdmin)
      const both = [some, others].map(({ mergeId }) => SessionId.make(mergeId))
      const refused = yield* Effect.flip(merging.merge(anna, both).pipe(asAdmin))
      expect(refused).toMatchObject({ _tag: "InvalidRequest", message: expect.stringContaining("22") })
      expect((yield* seen(anna)).merges).toHaveLength(2)
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped("is ended by another sensor of its device, which has no heart rate; what was heard of later goes on", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      const tell = (sensor: string, device: string, length: number, endedAtMs: number | null = null) =>
        record(anna, { ...seconds(0, length, 162, T), endedAtMs, sensor, device })
      yield* tell("strap-1", "phone", 300)
      yield* tell("armband", "phone", 500)
      yield* tell("strap-9", "studio", 200)
      yield* tell("phone", "phone", 0, T + 400_000)
      yield* caughtUp
      const workouts = yield* (yield* Training).workouts(anna).pipe(asAdmin)
      expect(workouts.map(({ endedAtMs, heartRateSamples }) => [endedAtMs - T, heartRateSamples])).toEqual([
        [400_000, 300],
      ])
      yield* tell("phone", "phone", 0, T + 600_000)
      yield* caughtUp
      expect((yield* (yield* Training).workouts(anna).pipe(asAdmin))[0]).toMatchObject({ heartRateSamples: 500 })
    }).pipe(Effect.provide(contexts())),
  )

  it.scoped("is ended as one when both sources still record in one class", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      for (const { device, sensor } of [strap, watch]) {
        yield* record(anna, { ...seconds(0, 600, 162, T), endedAtMs: null, sensor, device })
      }
      yield* caughtUp
      const ended = yield* (yield* Training).complete(main, anna).pipe(asAdmin)
      yield* caughtUp
      expect(ended).toMatchObject({ effortPoints: 39, mergedFrom: [expect.any(String), expect.any(String)] })
      expect((yield* seen(anna)).boards).toEqual([[{ points: 39, workouts: 1 }], []])
    }).pipe(Effect.provide(contexts())),
  )
})
