/** What a consumer promises that collects records into batches. Every adapter runs this suite. */
import { describe, expect } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { Consumer, DeadLetters, EventLog, partitionOf } from "@paceline/core/messaging"
import { Clock, Deferred, Effect, TestClock } from "effect"
import {
  type Batch,
  type ConsumerStore,
  caughtUp,
  failingAt,
  has,
  inTime,
  numbers,
  publish,
  Step,
  Steps,
  steps,
  store,
  storedNumbers,
  testsOn,
  turns,
  until,
} from "./ConsumerServices.ts"

const Wide = EventLog.topic("wide", Step)

/** A key for each of the 16 partitions of `wide`. */
const WIDE_KEYS = numbers(0, 16).map((partition) => {
  for (let i = 0; ; i++) if (partitionOf(`k${i}`, 16) === partition) return `k${i}`
})

export const batchSuite = (name: string, layer: ConsumerStore): void => {
  const test = testsOn(layer)

  /** Collects the sizes of the batches that it gets. */
  const collecting = (sizes: Array<number>) => (batch: Batch) => Effect.sync(() => sizes.push(batch.length))

  describe(`batches: ${name}`, () => {
    test(
      "[log 24] a batch fires at 1000, and not at 999",
      Effect.gen(function* () {
        const sizes: Array<number> = []
        yield* publish(Steps, steps(0, 999))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, batch: true, handle: collecting(sizes) }))
        yield* Effect.repeatN(turns, 5)
        expect(sizes).toEqual([])
        yield* publish(Steps, steps(999, 1))
        // The test clock stands still: it is the count that fires.
        yield* until(caughtUp)
        expect(sizes).toEqual([1_000])
      }),
    )

    test(
      "[log 24] a batch fires at 30 s with 1",
      Effect.gen(function* () {
        const sizes: Array<number> = []
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, batch: true, handle: collecting(sizes) }))
        yield* Effect.repeatN(turns, 3)
        yield* publish(Steps, steps(0, 1))
        yield* Effect.repeatN(turns, 3)
        for (let second = 0; second < 29; second++) yield* Effect.zipRight(TestClock.adjust("1 second"), turns)
        expect(sizes).toEqual([])
        yield* inTime(caughtUp)
        expect(sizes).toEqual([1])
      }),
    )

    test(
      "[log 24] a batch is never above 5000, and takes all that waits up to there",
      Effect.gen(function* () {
        const sizes: Array<number> = []
        for (const from of numbers(0, 12)) yield* publish(Steps, steps(from * 1_000, 1_000))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, batch: true, handle: collecting(sizes) }))
        yield* until(caughtUp)
        expect(sizes).toEqual([5_000, 5_000, 2_000])
      }),
      60_000,
    )

    test(
      "[log 24] a batch that takes longer than 60 s is cancelled and tried again",
      Effect.gen(function* () {
        const work = yield* UnitOfWork
        let calls = 0
        let cancelledAfterMillis = 0
        const handle = (batch: Batch) =>
          Effect.gen(function* () {
            if (calls++ > 0) return yield* work.run(store("g")(batch))
            const startedAt = yield* Clock.currentTimeMillis
            return yield* Effect.onInterrupt(Effect.never, () =>
              Effect.map(Clock.currentTimeMillis, (now) => {
                cancelledAfterMillis = now - startedAt
              }),
            )
          })
        yield* publish(Steps, steps(0, 1_000))
        // The test's clock runs ahead of a database that answers in its own time: its lease must not run out meanwhile.
        const lease = "1 hour"
        yield* Effect.fork(
          Consumer.run({ group: "g", topic: Steps, delivery: "at-least-once", batch: true, lease, handle }),
        )
        yield* inTime(caughtUp, "1 second")
        expect(cancelledAfterMillis).toBe(60_000)
        expect(yield* storedNumbers("g")).toEqual(numbers(0, 1_000))
      }),
    )

    test(
      "[log 24] at most 10 batches are handled at once, and the others have their turn",
      Effect.gen(function* () {
        const release = yield* Deferred.make<void>()
        let running = 0
        let most = 0
        let done = 0
        const handle = (batch: Batch) =>
          Effect.gen(function* () {
            most = Math.max(most, ++running)
            yield* Deferred.await(release)
            running--
            done += batch.length
          })
        yield* publish(
          Wide,
          WIDE_KEYS.map((key) => ({ key, event: { n: 0 } })),
        )
        yield* Effect.fork(
          Consumer.run({ group: "g", topic: Wide, delivery: "at-least-once", batch: { lingerMillis: 0 }, handle }),
        )
        yield* until(Effect.sync(() => running === 10))
        yield* Effect.repeatN(turns, 10)
        expect(running).toBe(10)
        yield* Deferred.succeed(release, undefined)
        yield* until(caughtUp)
        expect(done).toBe(16)
        expect(most).toBe(10)
      }),
    )

    test(
      "[log 25] a poison message in a batch of 1000 is isolated at once, and only it becomes a dead letter",
      Effect.gen(function* () {
        yield* publish(
          Steps,
          numbers(0, 1_000).map((n) => ({ key: `k${n}`, event: { n } })),
        )
        let calls = 0
        const failing = failingAt(new Set([617]), store("g"))
        const handle = (batch: Batch) =>
          Effect.suspend(() => {
            calls++
            return failing(batch)
          })
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, batch: true, attempts: 3, handle }))
        yield* until(has("g", 999))
        expect(calls).toBeLessThan(25)
        yield* inTime(
          Effect.map(DeadLetters.count({ group: "g", topic: Steps.name }), (count) => count === 1),
          "1 second",
        )
        expect(yield* storedNumbers("g")).toEqual(numbers(0, 1_000).filter((n) => n !== 617))
      }),
    )
  })
}
