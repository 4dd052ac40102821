/** The part of the event log's suite that tells of ids: the same one is appended once, for as long as the topic says. */
import { expect } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { type EventLog, partitionOf } from "@paceline/core/messaging"
import { Effect } from "effect"
import { append, ask, change, fresh, type LogTest, numbered, offsets, publish, upTo } from "./EventLogServices.ts"

const withId = (id: string, n: number, key = "k"): EventLog.NewRecord => ({ key, payload: { n }, id })

export const publishedIds = (test: LogTest): void => {
  test(
    "[log 12] a duplicate publish id gives the same offset and stores nothing, whoever sends it",
    Effect.gen(function* () {
      const topic = fresh("ids")
      yield* publish(topic, numbered(0, 3))
      expect(yield* publish(topic, [withId("one", 1)])).toEqual([{ partition: 0, offset: 3, duplicate: false }])
      const again = { partition: 0, offset: 3, duplicate: true }
      expect(yield* publish(topic, [withId("one", 99)])).toEqual([again])
      expect(yield* append(topic, [withId("one", 99)])).toEqual([again])
      expect(yield* publish(topic, [withId("two", 2), withId("one", 99), withId("two", 99)])).toEqual([
        { partition: 0, offset: 4, duplicate: false },
        again,
        { partition: 0, offset: 4, duplicate: true },
      ])
      const records = yield* ask((log) => log.read(topic, 0, 3, 9))
      expect(records.map(({ id, payload }) => [id, payload])).toEqual([
        ["one", { n: 1 }],
        ["two", { n: 2 }],
      ])
      expect(yield* publish(fresh("ids of another topic"), [withId("one", 1)])).toEqual([
        { partition: 0, offset: 0, duplicate: false },
      ])
    }),
  )

  test(
    "[log 12] of many that publish one id at the same time one is stored, and all learn where",
    Effect.gen(function* () {
      const topic = "sharded/ids"
      const ids = upTo(10).map((i) => `id-${i}`)
      const answers = yield* Effect.forEach(
        upTo(60),
        (i) => (i % 2 === 0 ? publish : append)(topic, [withId(`id-${i % 10}`, i, `key-${i % 10}`)]),
        { concurrency: "unbounded" },
      )
      const positions = answers.flat()
      for (const [i, id] of ids.entries()) {
        const own = positions.filter((_, n) => n % 10 === i)
        expect(own.filter(({ duplicate }) => !duplicate).length, id).toBe(1)
        expect(new Set(own.map(({ offset, partition }) => `${partition}/${offset}`)).size, id).toBe(1)
        expect(own[0]?.partition).toBe(partitionOf(`key-${i}`, 4))
      }
      const stored = yield* Effect.forEach(upTo(4), (partition) => ask((log) => log.read(topic, partition, 0, 99)))
      for (const records of stored) expect(offsets(records)).toEqual(upTo(records.length))
      expect(
        stored
          .flat()
          .map(({ id }) => id)
          .toSorted(),
      ).toEqual(ids)
    }),
  )

  test(
    "[log 12] an id whose unit failed was never used",
    Effect.gen(function* () {
      const topic = fresh("failed ids")
      const failing = UnitOfWork.run(
        Effect.zipRight(
          ask((log) => log.append(topic, [withId("one", 1)])),
          Effect.fail("refused"),
        ),
      )
      yield* Effect.flip(failing)
      expect(yield* publish(topic, [withId("one", 2)])).toEqual([{ partition: 0, offset: 0, duplicate: false }])
    }),
  )

  test(
    "[log 12] dedup ends when the topic says, not before, and not when the id is forgotten late",
    Effect.gen(function* () {
      const topic = "short dedup"
      const publishOne = Effect.map(publish(topic, [withId("one", 1)]), ([position]) => position)
      const first = yield* publishOne
      expect(first).toMatchObject({ offset: 0, duplicate: false })
      const next = yield* Effect.repeat(Effect.delay(publishOne, "50 millis"), {
        while: (position) => position?.duplicate === true,
      })
      expect(next).toMatchObject({ offset: 1, duplicate: false })
      const [one, two] = yield* ask((log) => log.read(topic, 0, 0, 9))
      expect((two?.appendedAtMs ?? 0) - (one?.appendedAtMs ?? 0)).toBeGreaterThanOrEqual(2000)
      expect(yield* publishOne).toMatchObject({ offset: 1, duplicate: true })
    }),
    30_000,
  )

  test(
    "forgets ids whose time is over, as many as asked for, and no record",
    Effect.gen(function* () {
      const topic = fresh("forgotten ids")
      yield* publish(
        topic,
        upTo(5).map((i) => withId(`id-${i}`, i)),
      )
      // Others' ids may be among them: a shared database is cleared until nothing is left to forget.
      const later = Date.now() + 25 * 3_600_000
      const forget = (nowMs: number, limit: number) => change((log) => log.forgetIds(nowMs, limit))
      expect(yield* forget(Date.now() - 3_600_000, 99)).toBe(0)
      expect(yield* forget(later, 3)).toBe(3)
      yield* Effect.repeat(forget(later, 100), { while: (count) => count > 0 })
      expect(yield* publish(topic, [withId("id-0", 9)])).toEqual([{ partition: 0, offset: 5, duplicate: false }])
      expect(offsets(yield* ask((log) => log.read(topic, 0, 0, 99)))).toEqual(upTo(6))
    }),
  )
}
