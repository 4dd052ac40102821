/**
 * What a consumer group promises on an adapter's unit of work, event log and store of aggregates: that everything is
 * handled, once, in order, and rolled back when it fails. Every adapter runs this suite and the others of the consumer.
 *
 * The layer must keep the topics as `CONSUMER_TOPICS` says.
 */
import { describe, expect } from "@effect/vitest"
import { Consumer, EventLog } from "@paceline/core/messaging"
import { Effect, Fiber, Queue, Random, TestClock } from "effect"
import {
  type Batch,
  type ConsumerStore,
  caughtUp,
  numbers,
  publish,
  Sharded,
  Steps,
  sleepsUntil,
  steps,
  store,
  stored,
  testsOn,
  turn,
  until,
} from "./ConsumerServices.ts"

export const consumerSuite = (name: string, layer: ConsumerStore): void => {
  const test = testsOn(layer)

  describe(`consumer: ${name}`, () => {
    test(
      "handles what was there before it started and what comes later, once and in order",
      Effect.gen(function* () {
        yield* publish(Steps, steps(0, 500))
        const consumer = yield* Effect.fork(
          Consumer.run({ group: "g", topic: Steps, handle: store("g"), batchSize: 7 }),
        )
        yield* Effect.forEach(numbers(500, 100), (n) => publish(Steps, steps(n, 1)), { discard: true })
        yield* until(caughtUp)
        yield* Fiber.interrupt(consumer)
        expect((yield* stored("g")).map(({ n }) => n)).toEqual(numbers(0, 600))
      }),
    )

    test(
      "is woken by a commit, without waiting for its poll",
      Effect.gen(function* () {
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle: store("g") }))
        // The test clock stands still: only the hint can wake it.
        yield* Effect.forEach(
          numbers(0, 50),
          (n) =>
            Effect.zipRight(
              publish(Steps, steps(n, 1)),
              until(Effect.map(stored("g"), (rows) => rows.length === n + 1)),
            ),
          { discard: true },
        )
      }),
    )

    test(
      "a group that is stopped and started goes on where it was, and nothing is handled twice",
      Effect.gen(function* () {
        for (let round = 0; round < 10; round++) {
          const consumer = yield* Effect.fork(
            Consumer.run({ group: "g", topic: Steps, handle: store("g"), batchSize: 3 }),
          )
          yield* publish(Steps, steps(round * 20, 20))
          for (let i = 0; i < round; i++) yield* turn
          yield* Fiber.interrupt(consumer)
        }
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle: store("g") }))
        yield* until(caughtUp)
        expect((yield* stored("g")).map(({ n }) => n)).toEqual(numbers(0, 200))
      }),
    )

    test(
      "two consumers of one group leave each effect once",
      Effect.gen(function* () {
        const run = Consumer.run({ group: "g", topic: Steps, handle: store("g"), batchSize: 5 })
        yield* Effect.fork(run)
        yield* Effect.fork(run)
        yield* Effect.forEach(numbers(0, 100), (n) => publish(Steps, steps(n, 1)), { concurrency: 10 })
        yield* until(Effect.zipRight(TestClock.adjust("100 millis"), caughtUp))
        expect((yield* stored("g")).map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(numbers(0, 100))
      }),
    )

    test(
      "[log 21] two groups each handle everything",
      Effect.gen(function* () {
        yield* Effect.fork(Consumer.run({ group: "one", topic: Steps, handle: store("one") }))
        yield* publish(Steps, steps(0, 30))
        yield* Effect.fork(Consumer.run({ group: "two", topic: Steps, handle: store("two"), batchSize: 4 }))
        yield* until(Effect.map(stored("one"), (rows) => rows.length === 30))
        yield* until(Effect.map(stored("two"), (rows) => rows.length === 30))
        expect(yield* stored("one")).toEqual(yield* stored("two"))
      }),
    )

    test(
      "all partitions are consumed, each key in its order",
      Effect.gen(function* () {
        const keys = Array.from({ length: 20 }, (_, i) => `athlete-${i}`)
        yield* Effect.fork(Consumer.run({ group: "g", topic: Sharded, handle: store("g"), batchSize: 6 }))
        yield* Effect.forEach(numbers(0, 10), (n) =>
          publish(
            Sharded,
            keys.map((key) => ({ key, event: { n } })),
          ),
        )
        yield* until(caughtUp)
        const byKey = Map.groupBy(yield* stored("g"), ({ key }) => key)
        expect(byKey.size).toBe(20)
        for (const rows of byKey.values()) expect(rows.map(({ n }) => n)).toEqual(numbers(0, 10))
      }),
    )

    test(
      "[log 15] an error in the handler rolls its effect and the offset back; it is tried again after its backoff",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const attempts = yield* Queue.unbounded<number>()
        let failures = 3
        const handle = (batch: Batch) =>
          store("g")(batch).pipe(
            Effect.tap(() => Queue.offer(attempts, batch.length)),
            Effect.tap(() => (failures-- > 0 ? Effect.fail("not today") : Effect.void)),
          )
        yield* publish(Steps, steps(0, 1))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, order: "strict", handle })).pipe(
          Effect.withRandom(Random.fixed([0.5])),
        )
        let nowMs = 0
        for (const delayMs of [50, 100, 200]) {
          yield* Queue.take(attempts)
          yield* until(sleepsUntil(nowMs + delayMs))
          expect(yield* stored("g")).toEqual([])
          expect(yield* log.committed("g", Steps.name, 0)).toBe(0)
          yield* TestClock.adjust(delayMs - 1)
          yield* turn
          expect(yield* Queue.size(attempts)).toBe(0)
          yield* TestClock.adjust(1)
          nowMs += delayMs
        }
        yield* until(caughtUp)
        expect(yield* stored("g")).toEqual([{ key: "k", n: 0 }])
      }),
    )

    test(
      "a handler that dies is tried again too, and the consumer lives on",
      Effect.gen(function* () {
        let broken = true
        const handle = (batch: Batch) => (broken ? Effect.dieMessage("a bug") : store("g")(batch))
        yield* publish(Steps, steps(0, 3))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle }))
        yield* until(Effect.map(TestClock.sleeps(), (sleeps) => [...sleeps].length > 0))
        broken = false
        yield* until(Effect.zipRight(TestClock.adjust("1 second"), caughtUp))
        expect((yield* stored("g")).map(({ n }) => n)).toEqual([0, 1, 2])
      }),
    )
  })
}
