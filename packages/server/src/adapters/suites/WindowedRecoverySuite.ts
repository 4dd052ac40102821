/**
 * What windowed streams promise when things go wrong, are restarted, shared out, or started as something else; and that
 * they are exactly what a slow model of them is. Every adapter runs this suite.
 *
 * The layer must keep the topics as `WINDOWED_TOPICS` says.
 */
import { describe, expect } from "@effect/vitest"
import { AggregateStore } from "@paceline/core/consistency"
import { DeadLetters, EventLog } from "@paceline/core/messaging"
import { WindowedStream, WindowShape } from "@paceline/core/streams"
import { Effect, Exit, TestClock, TestContext } from "effect"
import fc from "fast-check"
import { type Given, type ModelOptions, slowly } from "./WindowedModel.ts"
import {
  brief,
  caughtUp,
  inTime,
  keyIn,
  publish,
  type Reading,
  Readings,
  readingStream,
  rows,
  SharedReadings,
  ticks,
  told,
  toldLate,
  turn,
  type WindowedStore,
  type WindowedTest,
  whileRunning,
  windowedTestsOn,
} from "./WindowedServices.ts"

export interface RecoveryOptions {
  /** How many random streams are compared with the model. */
  readonly randomStreams: number
}

export const windowedRecoverySuite = (name: string, store: WindowedStore, options: RecoveryOptions): void => {
  const test = windowedTestsOn(store)

  describe(`windowed streams, restarted and shared: ${name}`, () => {
    restarts(test)
    members(test)
    troubles(test)
    definitions(test)
    againstModel(test, store, options)
  })
}

/** Readings of some athletes, a second apart, each a number of its own. */
const ride = (count: number, athletes: number): ReadonlyArray<Given> =>
  Array.from({ length: count }, (_, n) => ({ key: `athlete-${n % athletes}`, event: { at: n * 1_000, n } }))

const publishAll = (topic: typeof Readings, given: ReadonlyArray<Given>) => EventLog.publish(topic, given)

/** The numbers in final windows. */
const finalNumbers = (name = "s") =>
  Effect.map(told(name), (all) =>
    all
      .filter(({ _tag }) => _tag === "Final")
      .flatMap(({ value }) => value)
      .toSorted((a, b) => a - b),
  )

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

const restarts = (test: WindowedTest): void => {
  test(
    "[log 52] stopped and started again and again it goes on where it was, aligned, and says nothing twice",
    Effect.gen(function* () {
      const options = { shape: WindowShape.tumbling(7_000), graceMillis: 3_000, updates: "none" as const }
      const all = ride(300, 3)
      for (let round = 0; round < 10; round++) {
        const stream = WindowedStream.run(readingStream({ ...options, consumer: { batchSize: 7 } }))
        yield* publishAll(Readings, all.slice(round * 30, (round + 1) * 30))
        yield* whileRunning(stream)(Effect.repeatN(turn, round * 4))
      }
      yield* whileRunning(WindowedStream.run(readingStream(options)))(inTime(caughtUp()))
      const expected = slowly(all, {
        shape: { kind: "sliding", sizeMillis: 7_000, everyMillis: 7_000 },
        graceMillis: 3_000,
        disorderMillis: 0,
      })
      const spoken = yield* told("s")
      for (const key of ["athlete-0", "athlete-1", "athlete-2"]) {
        expect(brief(spoken.filter((each) => each.key === key))).toEqual(
          brief(expected.told.filter((each) => each.key === key && each._tag !== "Update")),
        )
      }
      expect(spoken.every(({ startMillis }) => startMillis % 7_000 === 0)).toBe(true)
    }),
  )

  test(
    "[log 52] downtime is not silence: who comes back first does not make the others late",
    Effect.gen(function* () {
      const watermark = { disorderMillis: 0, idleAfterMillis: 30_000 }
      const stream = readingStream({ topic: SharedReadings, watermark })
      const keys = [0, 1, 2, 3].map((partition) => keyIn(partition))
      const [first = "", second = ""] = keys
      yield* publishAll(
        SharedReadings,
        keys.map((key, n) => ({ key, event: { at: 1_000, n } })),
      )
      yield* whileRunning(WindowedStream.run(stream))(inTime(caughtUp()))
      yield* TestClock.adjust("1 minute")
      yield* whileRunning(WindowedStream.run(stream))(
        Effect.gen(function* () {
          yield* publish(SharedReadings, first, { at: 600_000, n: 4 })
          yield* inTime(caughtUp())
          yield* ticks
          yield* publish(SharedReadings, second, { at: 2_000, n: 5 })
          yield* inTime(caughtUp())
        }),
      )
      expect(yield* toldLate("s")).toEqual([])
      expect(rows(yield* told("s")).get(`${second} 0 60000`)).toEqual([1, 5])
    }),
  )

  test(
    "a thousand keys that are due at once all speak, once, and are gone when they are final",
    Effect.gen(function* () {
      const keys = numbers(1_100)
      yield* publishAll(
        Readings,
        keys.map((n) => ({ key: `athlete-${n}`, event: { at: 0, n } })),
      )
      yield* publish(Readings, "last", { at: 60_000, n: 5_000 })
      const stream = WindowedStream.run(readingStream({ updates: "none" }))
      yield* whileRunning(stream)(inTime(Effect.map(told("s"), (all) => all.length >= 2 * keys.length)))
      expect(yield* finalNumbers()).toEqual(keys)
      expect((yield* told("s")).length).toBe(2 * keys.length)
      const store = yield* AggregateStore.AggregateStore
      expect(yield* store.count("stream-key/s")).toBe(1)
    }),
  )
}

const members = (test: WindowedTest): void => {
  const sharing = (name: string, keyOf: Partial<Parameters<typeof readingStream>[0]>) =>
    Effect.gen(function* () {
      const count = 400
      // Partitions are read at their own pace: what one is ahead of the others is allowed as disorder.
      const stream = readingStream({
        name,
        topic: SharedReadings,
        watermark: { disorderMillis: count * 1_000, idleAfterMillis: 3_600_000 },
        consumer: { batchSize: 9, lease: "2 seconds" },
        ...keyOf,
      })
      const all = ride(count, 20)
      yield* whileRunning(WindowedStream.run(stream))(
        whileRunning(WindowedStream.run(stream))(
          Effect.gen(function* () {
            for (let from = 0; from < count; from += 50) {
              yield* publishAll(SharedReadings, all.slice(from, from + 50))
              yield* inTime(Effect.succeed(true))
            }
            yield* inTime(caughtUp(name))
          }),
        ),
      )
      expect(yield* toldLate(name)).toEqual([])
      const table = rows(yield* told(name))
      expect([...table.values()].flat().toSorted((a, b) => a - b)).toEqual(numbers(count))
      return table
    })

  test(
    "two members share the partitions, and every event is in its window once",
    Effect.gen(function* () {
      const table = yield* sharing("s", {})
      expect(table.get("athlete-3 0 60000")).toEqual([3, 23, 43])
    }),
    120_000,
  )

  test(
    "a key whose events come from several partitions, through two members, has each of them once",
    Effect.gen(function* () {
      const table = yield* sharing("s", { keyOf: ({ n }: Reading) => (n % 2 === 0 ? "even" : "odd") })
      expect(table.size).toBe(2 * Math.ceil(400 / 60))
      expect(table.get("even 0 60000")?.toSorted((a, b) => a - b)).toEqual(numbers(60).filter((n) => n % 2 === 0))
    }),
    120_000,
  )
}

const troubles = (test: WindowedTest): void => {
  test(
    "a handler that fails takes windows and offset back with it, and everything is said once in the end",
    Effect.gen(function* () {
      let failures = 5
      const stream = readingStream({ updates: "none" })
      const failing = {
        ...stream,
        onEmit: (emissions: Parameters<typeof stream.onEmit>[0]) =>
          Effect.tap(stream.onEmit(emissions), () => (failures-- > 0 ? Effect.fail("not today") : Effect.void)),
      }
      const all = ride(200, 2)
      yield* publishAll(Readings, all)
      yield* whileRunning(WindowedStream.run(failing))(inTime(caughtUp()))
      expect(failures).toBeLessThan(0)
      expect(yield* finalNumbers()).toEqual(numbers(180))
    }),
  )

  test(
    "an event at which a function throws is a dead letter at once, and its neighbours are in their windows",
    Effect.gen(function* () {
      const day = WindowShape.day(({ zone }: Reading) => zone ?? "UTC")
      yield* publish(Readings, "a", { at: 0, n: 1 }, { at: 1, n: 2, zone: "Middle/Earth" }, { at: 2, n: 3 })
      yield* whileRunning(WindowedStream.run(readingStream({ shape: day })))(inTime(caughtUp()))
      expect(rows(yield* told("s")).get(`a 0 ${24 * 3_600_000}`)).toEqual([1, 3])
      const letters = yield* DeadLetters.list({ group: "stream/s", topic: Readings.name }, { limit: 10 })
      expect(letters.map(({ attempts, offset }) => [offset, attempts])).toEqual([[1, 1]])
    }),
  )

  test(
    "options that are no lengths of time are refused before anything is read",
    Effect.gen(function* () {
      for (const wrong of [{ graceMillis: -1 }, { graceMillis: 0.5 }, { watermark: { disorderMillis: Number.NaN } }]) {
        const exit = yield* Effect.exit(WindowedStream.run(readingStream(wrong)))
        expect(Exit.isFailure(exit) && String(exit.cause)).toContain("RangeError")
      }
    }),
  )
}

const definitions = (test: WindowedTest): void => {
  test(
    "a stream that is started as something else is refused; a new name begins at the start of the log",
    Effect.gen(function* () {
      yield* publish(Readings, "a", { at: 0, n: 1 })
      yield* whileRunning(WindowedStream.run(readingStream()))(inTime(caughtUp()))
      for (const other of [{ shape: WindowShape.everyHour }, { revision: 2 }, { keyOf: () => "all" }]) {
        const error = yield* Effect.flip(WindowedStream.run(readingStream(other)))
        expect(error).toBeInstanceOf(WindowedStream.StreamDefinitionChanged)
        expect(error.message).toContain("tumbling 60000 ms")
      }
      const renamed = readingStream({ name: "hourly", shape: WindowShape.everyHour })
      yield* whileRunning(WindowedStream.run(renamed))(inTime(caughtUp("hourly")))
      expect([...rows(yield* told("hourly")).keys()]).toEqual(["a 0 3600000"])
    }),
  )

  test(
    "a stream that is reset says all of it again, as another if that is asked",
    Effect.gen(function* () {
      yield* publishAll(Readings, ride(150, 3))
      const stream = readingStream()
      yield* whileRunning(WindowedStream.run(stream))(inTime(caughtUp()))
      const first = yield* told("s")
      yield* WindowedStream.reset(stream)
      yield* whileRunning(WindowedStream.run(stream))(inTime(caughtUp()))
      const both = yield* told("s")
      expect(both.length).toBe(2 * first.length)
      expect(rows(both)).toEqual(rows(first))
      yield* WindowedStream.reset(stream)
      const other = readingStream({ shape: WindowShape.everyHour })
      yield* whileRunning(WindowedStream.run(other))(inTime(caughtUp()))
      expect(rows(yield* told("s")).get("athlete-0 0 3600000")?.length).toBe(50)
    }),
  )
}

const model = fc.record({
  shape: fc.oneof(
    fc.record({ kind: fc.constant("session" as const), gapMillis: fc.integer({ min: 1, max: 12 }) }),
    fc
      .record({ everyMillis: fc.integer({ min: 2, max: 10 }), more: fc.integer({ min: 0, max: 15 }) })
      .map(({ everyMillis, more }) => ({ kind: "sliding" as const, everyMillis, sizeMillis: everyMillis + more })),
  ),
  graceMillis: fc.integer({ min: 0, max: 15 }),
  disorderMillis: fc.integer({ min: 0, max: 8 }),
})

/** Mostly forward, sometimes far back. */
const streams = fc
  .array(
    fc.record({
      key: fc.constantFrom("a", "b", "c"),
      step: fc.integer({ min: 0, max: 4 }),
      back: fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 40 }) },
      ),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((steps) => {
    let at = 0
    return steps.map(({ back, key, step }, n): Given => {
      at += step
      return { key, event: { at: at - back, n } }
    })
  })

const againstModel = (test: WindowedTest, store: WindowedStore, options: RecoveryOptions): void => {
  test(
    "[log 48] [log 50] [log 51] random streams in random batches, restarted in the middle, say what the slow model says",
    Effect.gen(function* () {
      const runOne = (given: ReadonlyArray<Given>, definition: ModelOptions, batchSize: number, stopAt: number) =>
        Effect.gen(function* () {
          const merge = (earlier: ReadonlyArray<number>, later: ReadonlyArray<number>): ReadonlyArray<number> =>
            [...earlier, ...later].toSorted((a, b) => a - b)
          const stream = readingStream({
            shape:
              definition.shape.kind === "session"
                ? WindowShape.session({ gapMillis: definition.shape.gapMillis, merge })
                : WindowShape.sliding(definition.shape),
            graceMillis: definition.graceMillis,
            watermark: { disorderMillis: definition.disorderMillis },
            updates: "each",
            consumer: { batchSize },
          })
          yield* publishAll(Readings, given)
          yield* whileRunning(WindowedStream.run(stream))(Effect.repeatN(turn, stopAt))
          yield* whileRunning(WindowedStream.run(stream))(inTime(caughtUp()))
          const expected = slowly(given, definition)
          const [spoken, late] = [yield* told("s"), yield* toldLate("s")]
          for (const key of ["a", "b", "c"]) {
            expect(spoken.filter((each) => each.key === key)).toEqual(expected.told.filter((each) => each.key === key))
            expect(late.filter((each) => each.key === key)).toEqual(expected.late.filter((each) => each.key === key))
          }
        })
      const property = fc.asyncProperty(
        streams,
        model,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 30 }),
        (given, definition, batchSize, stopAt) =>
          Effect.runPromise(
            runOne(given, definition, batchSize, stopAt).pipe(
              Effect.provide(store),
              Effect.provide(TestContext.TestContext),
            ),
          ),
      )
      yield* Effect.promise(() => fc.assert(property, { numRuns: options.randomStreams }))
    }),
    120_000,
  )
}
