/** What the last N events of each key promise on an adapter's stores, through a real consumer group. */
import { describe, expect } from "@effect/vitest"
import { AggregateStore } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { LastNStream } from "@paceline/core/streams"
import { Effect, Exit, Option, Schema, TestContext } from "effect"
import fc from "fast-check"
import {
  caughtUp,
  inTime,
  publish,
  type Reading,
  Readings,
  turn,
  type WindowedStore,
  whileRunning,
  windowedTestsOn,
} from "./WindowedServices.ts"

type Kept = ReadonlyArray<readonly [at: number, n: number]>

/** Keeps what was said last of each key, and counts how often it was said; and who came too late. */
const lastReadings = (
  count: number,
  more: { readonly forgetAfterMillis?: number; readonly batchSize?: number } = {},
) => {
  const put = (kind: string, id: string, next: (before: unknown) => unknown) =>
    Effect.gen(function* () {
      const store = yield* AggregateStore.AggregateStore
      const before = yield* store.get(kind, id)
      if (Option.isNone(before)) return yield* store.insert(kind, id, { state: next(undefined), dueAtMs: null })
      yield* store.update(kind, id, before.value.version, { state: next(before.value.state), dueAtMs: null })
    })
  return LastNStream.run({
    name: "s",
    topic: Readings,
    atMillisOf: ({ at }: Reading) => at ?? Number.NaN,
    count,
    valueFrom: ({ n }) => n,
    state: Schema.Int,
    ...(more.forgetAfterMillis === undefined ? {} : { forgetAfterMillis: more.forgetAfterMillis }),
    ...(more.batchSize === undefined ? {} : { consumer: { batchSize: more.batchSize } }),
    onEmit: (windows) =>
      Effect.forEach(windows, ({ events, key }) =>
        put("last", key, () => events.map(({ atMillis, value }) => [atMillis, value])),
      ),
    onLate: (events) =>
      put("late", "all", (before) => [
        ...(Array.isArray(before) ? before : []),
        ...events.map(({ event, reason }) => [event.value, reason]),
      ]),
  })
}

const stateOf = (kind: string, id: string) =>
  Effect.flatMap(AggregateStore.AggregateStore, (store) =>
    Effect.map(store.get(kind, id), (found) => Option.getOrUndefined(found)?.state ?? []),
  )

/** The model: all events of a key in order of time, those of one instant as they came; the last of them. */
const lastOf = (
  given: ReadonlyArray<{ readonly key: string; readonly event: Reading }>,
  key: string,
  count: number,
): Kept =>
  given
    .filter((each) => each.key === key)
    .map(({ event }) => [event.at ?? 0, event.n] as const)
    .toSorted(([a], [b]) => a - b)
    .slice(-count)

export const windowedLastNSuite = (name: string, store: WindowedStore, randomStreams: number): void => {
  const test = windowedTestsOn(store)

  describe(`the last N: ${name}`, () => {
    test(
      "the newest N stay, in order of time; who is older than all of them, or has no time, goes to the side",
      Effect.gen(function* () {
        yield* publish(Readings, "a", { at: 10, n: 1 }, { at: 30, n: 2 }, { at: 20, n: 3 }, { at: 5, n: 4 })
        yield* publish(Readings, "a", { at: null, n: 5 }, { at: 40, n: 6 })
        yield* whileRunning(lastReadings(3))(inTime(caughtUp()))
        const expected = [
          [20, 3],
          [30, 2],
          [40, 6],
        ]
        expect(yield* stateOf("last", "a")).toEqual(expected)
        expect(yield* stateOf("late", "all")).toEqual([
          [4, "late"],
          [5, "no-time"],
        ])
      }),
    )

    test(
      "a key that was silent for too long is removed",
      Effect.gen(function* () {
        yield* publish(Readings, "a", { at: 0, n: 1 })
        yield* publish(Readings, "b", { at: 900, n: 2 }, { at: 999, n: 3 })
        yield* whileRunning(lastReadings(3, { forgetAfterMillis: 1_000 }))(
          Effect.gen(function* () {
            const aggregates = yield* AggregateStore.AggregateStore
            yield* inTime(caughtUp())
            expect(yield* aggregates.count("stream-key/s")).toBe(2)
            yield* publish(Readings, "b", { at: 1_000, n: 4 })
            yield* inTime(caughtUp())
            expect(yield* aggregates.count("stream-key/s")).toBe(1)
            yield* publish(Readings, "a", { at: 1_100, n: 5 })
            yield* inTime(caughtUp())
            expect(yield* stateOf("last", "a")).toEqual([[1_100, 5]])
          }),
        )
      }),
    )

    test(
      "a count that is no whole number is refused before anything is read, and another count under the same name too",
      Effect.gen(function* () {
        const exit = yield* Effect.exit(lastReadings(0))
        expect(Exit.isFailure(exit) && String(exit.cause)).toContain("RangeError")
        yield* whileRunning(lastReadings(2))(turn)
        yield* publish(Readings, "a", { at: 0, n: 1 })
        yield* whileRunning(lastReadings(2))(inTime(caughtUp()))
        expect(yield* Effect.flip(lastReadings(3))).toBeInstanceOf(LastNStream.StreamDefinitionChanged)
      }),
    )

    test(
      "random streams in random batches, restarted in the middle, leave the last N of each key",
      Effect.gen(function* () {
        const given = fc
          .array(fc.record({ key: fc.constantFrom("a", "b"), at: fc.integer({ min: 0, max: 50 }) }), { maxLength: 60 })
          .map((all) => all.map(({ at, key }, n) => ({ key, event: { at, n } })))
        const whole = (min: number, max: number) => fc.integer({ min, max })
        const property = fc.asyncProperty(
          given,
          whole(1, 8),
          whole(1, 20),
          whole(0, 30),
          (all, count, batchSize, stop) =>
            Effect.runPromise(
              Effect.gen(function* () {
                yield* EventLog.publish(Readings, all)
                const stream = lastReadings(count, { batchSize })
                yield* whileRunning(stream)(Effect.repeatN(turn, stop))
                yield* whileRunning(stream)(inTime(caughtUp()))
                for (const key of ["a", "b"]) expect(yield* stateOf("last", key)).toEqual(lastOf(all, key, count))
              }).pipe(Effect.provide(store), Effect.provide(TestContext.TestContext)),
            ),
        )
        yield* Effect.promise(() => fc.assert(property, { numRuns: randomStreams }))
      }),
      120_000,
    )
  })
}
