/**
 * What windowed streams promise on an adapter's stores, through a real consumer group. Every adapter runs this suite.
 *
 * The layer must keep the topics as `WINDOWED_TOPICS` says.
 *
 * @example
 * windowedStreamSuite("SQLite", SqliteStore.layerTest({ topics: WINDOWED_TOPICS }))
 */
import { describe, expect } from "@effect/vitest"
import { WindowedStream, WindowShape } from "@paceline/core/streams"
import { Effect, TestClock } from "effect"
import {
  brief,
  caughtUp,
  inTime,
  keyIn,
  publish,
  Readings,
  readingStream,
  rows,
  SharedReadings,
  told,
  toldLate,
  turn,
  until,
  type WindowedStore,
  type WindowedTest,
  whileRunning,
  windowedTestsOn,
} from "./WindowedServices.ts"

export const windowedStreamSuite = (name: string, store: WindowedStore): void => {
  const test = windowedTestsOn(store)

  describe(`windowed streams: ${name}`, () => {
    spans(test)
    lateness(test)
    idleness(test)
  })
}

/** Lets a stream take all that was published. */
const taken = (options: Parameters<typeof readingStream>[0] = {}) => {
  const stream = readingStream(options)
  return whileRunning(WindowedStream.run(stream))(inTime(caughtUp(stream.name)))
}

const spans = (test: WindowedTest): void => {
  test(
    "[log 48] a window's start is in, its end is out",
    Effect.gen(function* () {
      yield* publish(Readings, "a", { at: 0, n: 1 }, { at: 59_999, n: 2 }, { at: 60_000, n: 3 }, { at: 120_000, n: 4 })
      yield* taken({ updates: "none" })
      expect(brief(yield* told("s"))).toEqual([
        ["OnTime", 0, 60_000, [1, 2]],
        ["Final", 0, 60_000, [1, 2]],
        ["OnTime", 60_000, 120_000, [3]],
        ["Final", 60_000, 120_000, [3]],
      ])
    }),
  )

  test(
    "[log 48] windows that overlap each have what is between their start and their end",
    Effect.gen(function* () {
      yield* publish(Readings, "a", { at: 0, n: 1 }, { at: 30_000, n: 2 }, { at: 60_000, n: 3 }, { at: 180_000, n: 4 })
      yield* taken({ shape: WindowShape.sliding({ sizeMillis: 60_000, everyMillis: 30_000 }), updates: "none" })
      const finals = (yield* told("s")).filter(({ _tag }) => _tag === "Final")
      expect(brief(finals)).toEqual([
        ["Final", -30_000, 30_000, [1]],
        ["Final", 0, 60_000, [1, 2]],
        ["Final", 30_000, 90_000, [2, 3]],
        ["Final", 60_000, 120_000, [3]],
      ])
    }),
  )

  test(
    "[log 49] days of 23 and 25 hours are right, each in its athlete's zone",
    Effect.gen(function* () {
      const berlin = (at: string, n: number) => ({ at: Date.parse(at), n, zone: "Europe/Berlin" })
      yield* publish(
        Readings,
        "a",
        berlin("2026-03-28T22:59:59.999Z", 1),
        berlin("2026-03-28T23:00:00Z", 2),
        berlin("2026-03-29T21:59:59.999Z", 3),
        berlin("2026-03-29T22:00:00Z", 4),
        berlin("2026-10-24T22:00:00Z", 5),
        berlin("2026-10-25T22:59:59.999Z", 6),
        berlin("2026-10-25T23:00:00Z", 7),
        { at: Date.parse("2026-10-25T23:00:00Z"), n: 8, zone: "UTC" },
      )
      yield* taken({ shape: WindowShape.day(({ zone }) => zone ?? "UTC") })
      const hours = [...rows(yield* told("s"))].map(([id, numbers]) => {
        const [, start, end] = id.split(" ").map(Number)
        return [new Date(start ?? 0).toISOString(), ((end ?? 0) - (start ?? 0)) / 3_600_000, numbers]
      })
      expect(hours).toEqual([
        ["2026-03-27T23:00:00.000Z", 24, [1]],
        ["2026-03-28T23:00:00.000Z", 23, [2, 3]],
        ["2026-03-29T22:00:00.000Z", 24, [4]],
        ["2026-10-24T22:00:00.000Z", 25, [5, 6]],
        ["2026-10-25T23:00:00.000Z", 24, [7]],
        ["2026-10-25T00:00:00.000Z", 24, [8]],
      ])
    }),
  )

  test(
    "weeks and months follow the athlete's calendar",
    Effect.gen(function* () {
      const at = Date.parse("2026-03-01T12:00:00Z") // a Sunday
      yield* publish(Readings, "a", { at, n: 1, zone: "Asia/Kathmandu" })
      yield* taken({ name: "week", shape: WindowShape.week(({ zone }) => zone ?? "UTC") })
      yield* taken({ name: "month", shape: WindowShape.month(({ zone }) => zone ?? "UTC") })
      const [week] = yield* told("week")
      const [month] = yield* told("month")
      const text = (millis: number | undefined) => new Date(millis ?? 0).toISOString()
      expect([text(week?.startMillis), text(week?.endMillis)]).toEqual([
        "2026-02-22T18:15:00.000Z",
        "2026-03-01T18:15:00.000Z",
      ])
      expect([text(month?.startMillis), text(month?.endMillis)]).toEqual([
        "2026-02-28T18:15:00.000Z",
        "2026-03-31T18:15:00.000Z",
      ])
    }),
  )

  test(
    "each preset has its length",
    Effect.gen(function* () {
      yield* publish(Readings, "a", { at: 3_723_456, n: 1 })
      const presets = [
        ["second", WindowShape.everySecond, 3_723_000, 1_000],
        ["minute", WindowShape.everyMinute, 3_720_000, 60_000],
        ["five minutes", WindowShape.everyFiveMinutes, 3_600_000, 300_000],
        ["hour", WindowShape.everyHour, 3_600_000, 3_600_000],
      ] as const
      for (const [name, shape, startMillis, length] of presets) {
        yield* taken({ name, shape })
        const [first] = yield* told(name)
        expect(first).toMatchObject({ startMillis, endMillis: startMillis + length })
      }
    }),
  )
}

const lateness = (test: WindowedTest): void => {
  test(
    "[log 50] a late event within the grace updates its window; after it, it goes to the side",
    Effect.gen(function* () {
      const stream = WindowedStream.run(readingStream({ graceMillis: 30_000 }))
      yield* whileRunning(stream)(
        Effect.gen(function* () {
          yield* publish(Readings, "a", { at: 1_000, n: 1 }, { at: 60_000, n: 2 })
          yield* inTime(caughtUp())
          yield* publish(Readings, "a", { at: 2_000, n: 3 })
          yield* inTime(caughtUp())
          yield* publish(Readings, "a", { at: 89_999, n: 4 }, { at: 59_999, n: 5 })
          yield* inTime(caughtUp())
          yield* publish(Readings, "a", { at: 90_000, n: 6 }, { at: 59_999, n: 7 })
          yield* inTime(caughtUp())
        }),
      )
      const first = (yield* told("s")).filter(({ startMillis }) => startMillis === 0)
      expect(first.map(({ _tag, late, value }) => [_tag, late, value])).toEqual([
        ["Update", false, [1]],
        ["OnTime", undefined, [1]],
        ["Update", true, [1, 3]],
        ["Update", true, [1, 3, 5]],
        ["Final", undefined, [1, 3, 5]],
      ])
      expect(yield* toldLate("s")).toEqual([{ key: "a", n: 7, reason: "late" }])
    }),
  )

  test(
    "events out of order within the allowed disorder are on time",
    Effect.gen(function* () {
      yield* publish(
        Readings,
        "a",
        { at: 64_000, n: 1 },
        { at: 59_000, n: 2 },
        { at: 65_000, n: 3 },
        { at: 70_000, n: 4 },
      )
      yield* taken({ watermark: { disorderMillis: 5_000 }, updates: "none" })
      expect(brief(yield* told("s"))).toEqual([
        ["OnTime", 0, 60_000, [2]],
        ["Final", 0, 60_000, [2]],
      ])
      expect(yield* toldLate("s")).toEqual([])
    }),
  )

  test(
    "[log 51] a late event merges two sessions, which are replaced by one",
    Effect.gen(function* () {
      const merge = (earlier: ReadonlyArray<number>, later: ReadonlyArray<number>): ReadonlyArray<number> => [
        ...earlier,
        ...later,
      ]
      const shape = WindowShape.session({ gapMillis: 10_000, merge })
      const stream = WindowedStream.run(readingStream({ shape, graceMillis: 60_000 }))
      yield* whileRunning(stream)(
        Effect.gen(function* () {
          yield* publish(Readings, "a", { at: 0, n: 1 }, { at: 15_000, n: 2 }, { at: 30_000, n: 3 })
          yield* inTime(caughtUp())
          expect([...rows(yield* told("s"))]).toEqual([
            ["a 0 10000", [1]],
            ["a 15000 25000", [2]],
            ["a 30000 40000", [3]],
          ])
          yield* publish(Readings, "a", { at: 8_000, n: 4 })
          yield* inTime(caughtUp())
          expect([...rows(yield* told("s"))]).toEqual([
            ["a 30000 40000", [3]],
            ["a 0 25000", [1, 2, 4]],
          ])
          yield* publish(Readings, "b", { at: 85_000, n: 5 })
          yield* inTime(caughtUp())
        }),
      )
      const finals = (yield* told("s")).filter(({ _tag }) => _tag === "Final")
      expect(brief(finals)).toEqual([["Final", 0, 25_000, [1, 2, 4]]])
    }),
  )

  test(
    "an event without a time goes to the side, and one in the far future moves others only as far as it may",
    Effect.gen(function* () {
      yield* publish(Readings, "a", { at: null, n: 1 }, { at: 1_000, n: 2 }, { at: 1e18, n: 3 }, { at: 9e14, n: 4 })
      yield* publish(Readings, "a", { at: 2_000, n: 5 })
      yield* taken({ watermark: { disorderMillis: 0, maxAheadMillis: 0 } })
      expect(yield* toldLate("s")).toEqual([
        { key: "a", n: 1, reason: "no-time" },
        { key: "a", n: 3, reason: "no-time" },
      ])
      expect(rows(yield* told("s")).get("a 0 60000")).toEqual([2, 5])
    }),
  )
}

const idleness = (test: WindowedTest): void => {
  const watermark = { disorderMillis: 0, idleAfterMillis: 30_000 }
  const one = keyIn(1)
  const other = keyIn(2)

  test(
    "[log 52] a partition that speaks holds the watermark; once it is idle it does not, and windows close without events",
    Effect.gen(function* () {
      const options = { topic: SharedReadings, watermark, updates: "none" as const }
      yield* whileRunning(WindowedStream.run(readingStream(options)))(
        Effect.gen(function* () {
          yield* publish(SharedReadings, one, { at: 10_000, n: 1 }, { at: 70_000, n: 2 })
          yield* publish(SharedReadings, other, { at: 20_000, n: 3 })
          yield* until(caughtUp())
          expect(yield* told("s")).toEqual([])
          // The two that never spoke are idle, and so are these: the watermark is where the furthest of them came to.
          yield* inTime(Effect.map(told("s"), (all) => all.length >= 4))
          expect(brief(yield* told("s"))).toEqual([
            ["OnTime", 0, 60_000, [1]],
            ["Final", 0, 60_000, [1]],
            ["OnTime", 0, 60_000, [3]],
            ["Final", 0, 60_000, [3]],
          ])
        }),
      )
    }),
  )

  test(
    "[log 52] a partition whose records wait to be handled is not idle",
    Effect.gen(function* () {
      let isBroken = true
      const stream = readingStream({ topic: SharedReadings, watermark, updates: "none" })
      const failing = {
        ...stream,
        onLate: (events: Parameters<typeof stream.onLate>[0]) =>
          isBroken ? Effect.fail("not today") : stream.onLate(events),
      }
      yield* publish(SharedReadings, other, { at: null, n: 0 }, { at: 20_000, n: 3 })
      yield* whileRunning(WindowedStream.run({ ...failing, consumer: { attempts: 1_000 } }))(
        Effect.gen(function* () {
          yield* publish(SharedReadings, one, { at: 10_000, n: 1 }, { at: 70_000, n: 2 })
          // Twice as long as silence takes.
          for (let second = 0; second < 60; second++) {
            yield* TestClock.adjust("1 second")
            yield* Effect.repeatN(turn, 5)
          }
          expect(yield* told("s")).toEqual([])
          isBroken = false
          yield* inTime(Effect.map(told("s"), (all) => all.length >= 4))
        }),
      )
      expect(yield* toldLate("s")).toEqual([{ key: other, n: 0, reason: "no-time" }])
      expect(rows(yield* told("s")).get(`${other} 0 60000`)).toEqual([3])
    }),
  )
}
