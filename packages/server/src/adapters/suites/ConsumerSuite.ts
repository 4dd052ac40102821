/**
 * What a consumer group promises on an adapter's unit of work and event log. Every adapter runs this suite.
 *
 * The layer must give the topic `sharded` four partitions, and every other topic one.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { Consumer, EventLog, partitionOf } from "@paceline/core/messaging"
import { Effect, Fiber, type Layer, Queue, Random, Schema, TestClock } from "effect"

const Step = Schema.Struct({ n: Schema.Int })
const Steps = EventLog.topic("steps", Step)
const Sharded = EventLog.topic("sharded", Step)

/** Where handlers leave their effect: one row a delivery, so that a doubled one shows. */
const createTable = UnitOfWork.run(
  Effect.flatMap(
    SqlClient,
    (sql) => sql`CREATE TABLE effect (consumer TEXT NOT NULL, key TEXT NOT NULL, n INTEGER NOT NULL)`,
  ),
)

const store = (consumer: string) => (batch: ReadonlyArray<Consumer.Delivered<typeof Step.Type>>) =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.forEach(
      batch,
      ({ event, record }) => sql`INSERT INTO effect (consumer, key, n) VALUES (${consumer}, ${record.key}, ${event.n})`,
      { discard: true },
    ),
  )

const stored = (consumer: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    return yield* sql<{ key: string; n: number }>`SELECT key, n FROM effect WHERE consumer = ${consumer}`
  })

const publish = <A, I>(topic: EventLog.Topic<A, I>, events: ReadonlyArray<{ key: string; event: A }>) =>
  UnitOfWork.run(EventLog.append(topic, events))

const steps = (from: number, count: number, key = "k") =>
  Array.from({ length: count }, (_, i) => ({ key, event: { n: from + i } }))

const numbers = (from: number, count: number) => steps(from, count).map(({ event }) => event.n)

/** The store answers from the event loop, outside Effect's clock: this lets it. */
const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(condition, (holds) => (holds ? Effect.void : Effect.zipRight(turn, until(condition))))

const caughtUp = Effect.flatMap(EventLog.EventLog, (log) =>
  Effect.map(log.lag, (lag) => lag.length > 0 && lag.every(({ committed, end }) => committed === end)),
)

/** True when a fiber sleeps on the test clock until `atMs`. */
const sleepsUntil = (atMs: number) => Effect.map(TestClock.sleeps(), (sleeps) => [...sleeps].includes(atMs))

export const consumerSuite = (
  name: string,
  layer: Layer.Layer<UnitOfWork | EventLog.EventLog | SqlClient, unknown>,
): void => {
  const test = <A, E>(title: string, body: Effect.Effect<A, E, UnitOfWork | EventLog.EventLog | SqlClient>) =>
    it.effect(title, () => Effect.zipRight(createTable, body).pipe(Effect.provide(layer)))

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
        const handle = (batch: ReadonlyArray<Consumer.Delivered<typeof Step.Type>>) =>
          store("g")(batch).pipe(
            Effect.tap(() => Queue.offer(attempts, batch.length)),
            Effect.tap(() => (failures-- > 0 ? Effect.fail("not today") : Effect.void)),
          )
        yield* publish(Steps, steps(0, 1))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle })).pipe(
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
        const handle = (batch: ReadonlyArray<Consumer.Delivered<typeof Step.Type>>) =>
          broken ? Effect.dieMessage("a bug") : store("g")(batch)
        yield* publish(Steps, steps(0, 3))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle }))
        yield* until(Effect.map(TestClock.sleeps(), (sleeps) => [...sleeps].length > 0))
        broken = false
        yield* until(Effect.zipRight(TestClock.adjust("1 second"), caughtUp))
        expect((yield* stored("g")).map(({ n }) => n)).toEqual([0, 1, 2])
      }),
    )

    test(
      "what stands before a record that cannot be handled is handled; what stands behind it waits",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const handle = (batch: ReadonlyArray<Consumer.Delivered<typeof Step.Type>>) =>
          batch.some(({ event }) => event.n === 37) ? Effect.dieMessage("poison") : store("g")(batch)
        yield* publish(Steps, steps(0, 100))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle }))
        const at = (offset: number) =>
          Effect.map(log.committed("g", Steps.name, 0), (committed) => committed === offset)
        yield* until(Effect.zipRight(TestClock.adjust("10 seconds"), at(37)))
        yield* TestClock.adjust("1 minute")
        yield* turn
        expect((yield* stored("g")).map(({ n }) => n)).toEqual(numbers(0, 37))
      }),
    )

    test(
      "a record that cannot be decoded holds up its partition with backoff, not the others, and is never skipped",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const key = "athlete-1"
        const partition = partitionOf(key, 4)
        const elsewhere = ["a", "b", "c", "d", "e"].find((other) => partitionOf(other, 4) !== partition) ?? ""
        yield* publish(Sharded, steps(0, 5, key))
        yield* UnitOfWork.run(log.append(Sharded.name, [{ key, payload: { n: "five" } }]))
        yield* publish(Sharded, steps(6, 5, key))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Sharded, handle: store("g") })).pipe(
          Effect.withRandom(Random.fixed([0.999])),
        )
        const committed = log.committed("g", Sharded.name, partition)
        yield* until(Effect.map(committed, (offset) => offset === 5))
        yield* until(sleepsUntil(99))
        yield* TestClock.adjust("1 minute")
        yield* publish(Sharded, steps(0, 1, elsewhere))
        yield* until(Effect.map(stored("g"), (rows) => rows.some((row) => row.key === elsewhere)))
        expect(yield* committed).toBe(5)
        expect((yield* stored("g")).filter((row) => row.key === key).map(({ n }) => n)).toEqual([0, 1, 2, 3, 4])
      }),
    )
  })
}
