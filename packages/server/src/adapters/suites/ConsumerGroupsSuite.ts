/**
 * What the members of one consumer group promise together: each partition is one member's, it changes hands without loss,
 * and who lost it commits nothing. Every adapter runs this suite.
 */
import { describe, expect } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { Consumer } from "@paceline/core/messaging"
import { Deferred, Effect, Fiber, Random, TestClock } from "effect"
import {
  type Batch,
  type ConsumerStore,
  caughtUp,
  committed,
  expectOnceInOrder,
  has,
  inTime,
  numbers,
  publish,
  Sharded,
  Steps,
  steps,
  store,
  stored,
  storedNumbers,
  testsOn,
  turn,
  turns,
  until,
  withLog,
} from "./ConsumerServices.ts"

const KEYS = Array.from({ length: 16 }, (_, i) => `athlete-${i}`)

const publishForAll = (n: number) =>
  publish(
    Sharded,
    KEYS.map((key) => ({ key, event: { n } })),
  )

/** Interrupts while the test clock runs, for a consumer that drains waits by it. */
const stopped = (consumer: Fiber.RuntimeFiber<unknown, unknown>) =>
  Effect.gen(function* () {
    const ending = yield* Effect.fork(Fiber.interrupt(consumer))
    yield* inTime(
      Effect.map(Fiber.poll(ending), (exit) => exit._tag === "Some"),
      "10 millis",
    )
  })

export const consumerGroupsSuite = (name: string, layer: ConsumerStore): void => {
  const test = testsOn(layer)

  describe(`consumer groups: ${name}`, () => {
    test(
      "[log 19] members that join and leave while records come lose none, double none, and keep each key's order",
      Effect.gen(function* () {
        const workedBy = new Map<number, number>()
        const run = (member: number) =>
          Consumer.run({
            group: "g",
            topic: Sharded,
            batchSize: 3,
            lease: "1 second",
            handle: (batch: Batch) =>
              Effect.tap(store("g")(batch), () =>
                Effect.sync(() => workedBy.set(member, (workedBy.get(member) ?? 0) + batch.length)),
              ),
          })
        const living: Array<Fiber.RuntimeFiber<never, unknown>> = []
        for (let round = 0; round < 24; round++) {
          const joins = living.length === 0 || (living.length < 5 && (yield* Random.nextBoolean))
          if (joins) living.push(yield* Effect.fork(run(round)))
          else {
            const [leaving] = living.splice(yield* Random.nextIntBetween(0, living.length), 1)
            if (leaving !== undefined) yield* stopped(leaving)
          }
          yield* publishForAll(round)
          for (let i = 0; i < 5; i++) yield* Effect.zipRight(TestClock.adjust("100 millis"), turn)
        }
        if (living.length === 0) living.push(yield* Effect.fork(run(99)))
        yield* inTime(caughtUp)
        yield* inTime(has("g", 24 * KEYS.length))
        yield* expectOnceInOrder("g", KEYS, 24)
        expect(workedBy.size).toBeGreaterThan(2)
      }).pipe(Effect.withRandom(Random.make("members"))),
      60_000,
    )

    test(
      "[log 16] the same key keeps its order at 100 workers, and every effect is there once",
      Effect.gen(function* () {
        const run = Consumer.run({ group: "g", topic: Sharded, batchSize: 5, handle: store("g") })
        yield* Effect.all(
          Array.from({ length: 100 }, () => Effect.fork(run)),
          { concurrency: "unbounded" },
        )
        yield* Effect.forEach(numbers(0, 10), publishForAll)
        yield* inTime(has("g", 10 * KEYS.length), "500 millis")
        yield* expectOnceInOrder("g", KEYS, 10)
      }),
      60_000,
    )

    test(
      "[log 20] a member that was stopped past its lease and goes on commits nothing: the other's work stands",
      Effect.gen(function* () {
        const released = yield* Deferred.make<void>()
        const began = yield* Deferred.make<void>()
        let asked = 0
        let zombieEnded = false
        yield* publish(Steps, steps(0, 5))
        /** Holds its batch, and its heartbeats no longer reach the store: as if its process stood still. */
        const zombie = Consumer.run({
          group: "g",
          topic: Steps,
          delivery: "at-least-once",
          lease: "1 second",
          handle: () =>
            Deferred.succeed(began, undefined).pipe(
              Effect.zipRight(Effect.uninterruptible(Deferred.await(released))),
              Effect.ensuring(
                Effect.sync(() => {
                  zombieEnded = true
                }),
              ),
            ),
        }).pipe(
          withLog((log) => ({
            heartbeat: (member, ttlMillis) => (asked++ === 0 ? log.heartbeat(member, ttlMillis) : Effect.never),
          })),
        )
        yield* Effect.fork(zombie)
        yield* Deferred.await(began)
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, lease: "1 second", handle: store("g") }))
        yield* inTime(caughtUp)
        yield* publish(Steps, steps(5, 5))
        yield* inTime(has("g", 10))
        yield* Deferred.succeed(released, undefined)
        yield* until(Effect.sync(() => zombieEnded))
        yield* turns
        expect(yield* committed("g", Steps.name)).toBe(10)
        expect(yield* storedNumbers("g")).toEqual(numbers(0, 10))
      }),
      60_000,
    )

    test(
      "[log 20] in one unit of work the effect of a member without its lease is rolled back with the offset",
      Effect.gen(function* () {
        let first = true
        yield* publish(Steps, steps(0, 5))
        /** Hears of its lease, and never again: it works on, and does not know that the lease is over. */
        const zombie = Consumer.run({
          group: "g",
          topic: Steps,
          lease: "1 hour",
          handle: store("zombie"),
          batchSize: 1,
        }).pipe(
          withLog((real) => ({
            heartbeat: (member) => {
              const ask = first
              first = false
              return ask ? real.heartbeat(member, 500) : Effect.never
            },
          })),
        )
        yield* Effect.fork(zombie)
        yield* inTime(caughtUp)
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, lease: "1 second", handle: store("g") }))
        yield* publish(Steps, steps(5, 40))
        yield* inTime(caughtUp)
        // Until the lease has run out, and for a while after that.
        let end = 45
        let after = 0
        while (after < 10) {
          yield* publish(Steps, steps(end++, 1))
          yield* inTime(caughtUp, "500 millis")
          // PostgreSQL's clock is not the test's.
          yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
          if ((yield* storedNumbers("g")).length > 0) after++
        }
        const all = [...(yield* storedNumbers("zombie")), ...(yield* storedNumbers("g"))]
        expect(all.toSorted((a, b) => a - b)).toEqual(numbers(0, end))
        expect(yield* storedNumbers("g")).toContain(end - 1)
      }),
      60_000,
    )

    test(
      "a member that has to share stops at once: its handlers in the partitions that go are interrupted",
      Effect.gen(function* () {
        const work = yield* UnitOfWork
        const interrupted = new Set<number>()
        const running = new Set<number>()
        yield* publishForAll(0)
        const holding = (batch: Batch) => {
          const partition = batch[0]?.record.partition ?? -1
          return Effect.sync(() => running.add(partition)).pipe(
            Effect.zipRight(Effect.never),
            Effect.onInterrupt(() => Effect.sync(() => interrupted.add(partition))),
          )
        }
        const options = { group: "g", topic: Sharded, delivery: "at-least-once", lease: "3 seconds", drain: 0 } as const
        yield* Effect.fork(Consumer.run({ ...options, handle: holding }))
        yield* until(Effect.sync(() => running.size === 4))
        yield* Effect.fork(Consumer.run({ ...options, handle: (batch: Batch) => work.run(store("g")(batch)) }))
        yield* inTime(Effect.sync(() => interrupted.size === 2))
        yield* inTime(
          Effect.map(stored("g"), (rows) => rows.length > 0),
          "100 millis",
        )
        expect(interrupted.size).toBe(2)
      }),
      60_000,
    )
  })
}
