/** The part of the event log's suite that tells of the past: finding a time in it, and dropping what is old. */
import { expect } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import { append, change, fresh, type LogTest, numbered, offsets, publish, upTo } from "./EventLogServices.ts"

export const retention = (test: LogTest): void => {
  test(
    "[log 22] a time names the first offset appended then or later, and labels never go back",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const topic = fresh("times")
      expect(yield* log.offsetAt(topic, 0, Date.now())).toBe(0)
      for (const i of upTo(12)) yield* Effect.delay(append(topic, numbered(i * 3, 1 + (i % 3))), "3 millis")
      const records = yield* log.read(topic, 0, 0, 99)
      const labels = records.map(({ appendedAtMs }) => appendedAtMs)
      expect(labels).toEqual(labels.toSorted((a, b) => a - b))
      expect(new Set(labels).size).toBeGreaterThan(3)
      for (const atMs of labels.flatMap((label) => [label - 1, label, label + 1])) {
        const first = labels.findIndex((label) => label >= atMs)
        expect(yield* log.offsetAt(topic, 0, atMs)).toBe(first < 0 ? labels.length : first)
      }
      expect(yield* log.offsetAt(topic, 0, 0)).toBe(0)
      expect(yield* log.offsetAt(topic, 0, Date.now() + 3_600_000)).toBe(labels.length)
      yield* change((s) => s.dropBefore(topic, 0, 7))
      expect(yield* log.offsetAt(topic, 0, 0)).toBe(7)
    }),
  )

  test(
    "[log 23] segments cut a partition at multiples of their size, each with the time of its newest record",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const topic = "short segments"
      expect(yield* log.segments(topic, 0)).toEqual([])
      const bounds = Effect.map(log.segments(topic, 0), (segments) =>
        segments.map(({ endOffset, firstOffset }) => [firstOffset, endOffset]),
      )
      yield* publish(topic, numbered(0, 7))
      expect(yield* bounds).toEqual([[0, 7]])
      yield* publish(topic, numbered(7, 18))
      expect(yield* bounds).toEqual([
        [0, 10],
        [10, 20],
        [20, 25],
      ])
      const records = yield* log.read(topic, 0, 0, 99)
      const newest = (yield* log.segments(topic, 0)).map(({ newestAtMs }) => newestAtMs)
      expect(newest).toEqual([9, 19, 24].map((offset) => records[offset]?.appendedAtMs))
      yield* change((s) => s.dropBefore(topic, 0, 10))
      expect(yield* bounds).toEqual([
        [10, 20],
        [20, 25],
      ])
    }),
  )

  test(
    "[log 23] what was dropped is passed over, the rest keeps its offsets, and new records go on after the end",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const topic = "short segments/age"
      yield* publish(topic, numbered(0, 10))
      const drop = (offset: number) => change((s) => s.dropBefore(topic, 0, offset))
      yield* Effect.flip(UnitOfWork.run(Effect.zipRight(log.dropBefore(topic, 0, 8), Effect.fail("refused"))))
      expect(yield* log.bounds(topic, 0)).toEqual({ start: 0, end: 10 })
      yield* drop(4)
      expect(yield* log.bounds(topic, 0)).toEqual({ start: 4, end: 10 })
      expect(offsets(yield* log.read(topic, 0, 0, 3))).toEqual([4, 5, 6])
      yield* drop(2)
      expect(yield* log.bounds(topic, 0)).toEqual({ start: 4, end: 10 })
      yield* drop(99)
      expect(yield* log.bounds(topic, 0)).toEqual({ start: 10, end: 10 })
      expect(yield* log.read(topic, 0, 0, 9)).toEqual([])
      expect(yield* log.segments(topic, 0)).toEqual([])
      expect(yield* log.offsetAt(topic, 0, 0)).toBe(10)
      expect(yield* publish(topic, numbered(10, 1))).toEqual([{ partition: 0, offset: 10, duplicate: false }])
      expect(offsets(yield* log.read(topic, 0, 0, 9))).toEqual([10])
    }),
  )

  test(
    "[log 23] a group that has not read what was dropped is told so by its lag",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const [topic, group] = [fresh("missed"), fresh("late")]
      yield* publish(topic, numbered(0, 9))
      yield* change((s) => s.subscribe(group, topic))
      yield* change((s) => s.commit(group, topic, 0, 0, 2))
      yield* change((s) => s.dropBefore(topic, 0, 5))
      const own = Effect.map(log.lag, (lag) => lag.filter((one) => one.group === group))
      expect(yield* own).toEqual([{ group, topic, partition: 0, committed: 2, start: 5, end: 9 }])
    }),
  )
}
