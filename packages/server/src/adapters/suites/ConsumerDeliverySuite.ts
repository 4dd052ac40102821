/**
 * What the three guarantees are worth when things go wrong, and how a consumer behaves that is slow or is stopped. Every
 * adapter runs this suite.
 */
import { describe, expect } from "@effect/vitest"
import { StorageError, UnitOfWork } from "@paceline/core/consistency"
import { Consumer, DeadLetters, EventLog } from "@paceline/core/messaging"
import { Deferred, Effect, Fiber, Option, Queue, TestClock, type Tracer } from "effect"
import {
  type Batch,
  type ConsumerStore,
  caughtUp,
  committed,
  has,
  inTime,
  numbers,
  publish,
  Steps,
  steps,
  store,
  storedNumbers,
  testsOn,
  turn,
  turns,
  until,
  withLog,
} from "./ConsumerServices.ts"

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

export const consumerDeliverySuite = (name: string, layer: ConsumerStore): void => {
  const test = testsOn(layer)

  /** Runs life after life; each ends when its handler has been called so often. Gives all that was ever handled. */
  const lives = (delivery: "at-least-once" | "at-most-once") =>
    Effect.gen(function* () {
      const handled: Array<number> = []
      yield* publish(Steps, steps(0, 20))
      for (let life = 0; life < 6; life++) {
        const reached = yield* Deferred.make<void>()
        let calls = 0
        const handle = (batch: Batch) =>
          Effect.suspend(() => {
            handled.push(...batch.map(({ event }) => event.n))
            // The process ends while its handler runs: what it did has happened, and nobody hears of it.
            return life < 5 && ++calls === 3
              ? Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)
              : Effect.void
          })
        const options = { group: "g", topic: Steps, batchSize: 1, drain: 0, handle }
        const consumer = yield* Effect.fork(
          delivery === "at-least-once"
            ? Consumer.run({ ...options, delivery })
            : Consumer.run({ ...options, delivery }),
        )
        if (life === 5) yield* inTime(caughtUp)
        else yield* inTime(Deferred.isDone(reached))
        const ending = yield* Effect.fork(Fiber.interrupt(consumer))
        yield* inTime(Effect.map(Fiber.poll(ending), Option.isSome), "1 millis")
      }
      return handled
    })

  describe(`consumer delivery: ${name}`, () => {
    test(
      "[log 14] at least once: nothing is handled zero times, whatever dies",
      Effect.gen(function* () {
        const handled = yield* lives("at-least-once")
        expect(new Set(handled)).toEqual(new Set(numbers(0, 20)))
        expect(handled.length).toBeGreaterThan(20)
      }),
    )

    test(
      "[log 14] at most once: nothing is handled twice, whatever dies",
      Effect.gen(function* () {
        const handled = yield* lives("at-most-once")
        expect(handled.length).toBe(new Set(handled).size)
        expect(handled.length).toBeGreaterThan(10)
      }),
    )

    test(
      "[log 14] at most once: what the handler fails at is not tried again, and the rest goes on",
      Effect.gen(function* () {
        const tried: Array<number> = []
        const handle = (batch: Batch) =>
          Effect.suspend(() => {
            tried.push(...batch.map(({ event }) => event.n))
            return batch.some(({ event }) => event.n === 4) ? Effect.fail("no") : Effect.void
          })
        yield* publish(Steps, steps(0, 10))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, delivery: "at-most-once", batchSize: 1, handle }))
        yield* until(Effect.zipRight(TestClock.adjust("1 second"), caughtUp))
        yield* until(Effect.sync(() => tried.length >= 10))
        expect(tried).toEqual(numbers(0, 10))
      }),
    )

    test(
      "[log 32] a commit that fails for a while is tried again; the effect in the unit is there once",
      Effect.gen(function* () {
        let failures = 4
        let handled = 0
        const full = new StorageError({ reason: "full", message: "The disk is full." })
        const handle = (batch: Batch) => Effect.tap(store("g")(batch), () => Effect.sync(() => handled++))
        const work = yield* UnitOfWork
        const failing: typeof work = {
          run: (unit) =>
            work.run(Effect.tap(unit, () => (handled > 0 && failures-- > 0 ? Effect.fail(full) : Effect.void))),
        }
        yield* publish(Steps, steps(0, 3))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle, attempts: 1 })).pipe(
          Effect.provideService(UnitOfWork, failing),
        )
        yield* inTime(caughtUp)
        expect(failures).toBeLessThan(0)
        expect(handled).toBe(5)
        expect(yield* storedNumbers("g")).toEqual([0, 1, 2])
      }),
    )

    test(
      "what the store refuses is the handler's own failure; what it cannot do at the moment is nobody's",
      Effect.gen(function* () {
        const troubles = (["failed", "busy", "refused"] as const).map(
          (reason) => new StorageError({ reason, message: "no" }),
        )
        const handle = (batch: Batch) => {
          const trouble = batch.some(({ event }) => event.n === 1) ? troubles.shift() : undefined
          return trouble === undefined ? store("g")(batch) : Effect.fail(trouble)
        }
        yield* publish(Steps, steps(0, 3))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, batchSize: 1, attempts: 1, handle }))
        yield* inTime(caughtUp)
        expect(troubles).toEqual([])
        expect(yield* storedNumbers("g")).toEqual([0, 2])
        const letters = yield* DeadLetters.list({ group: "g", topic: Steps.name }, { limit: 9 })
        expect(letters.map(({ attempts, offset }) => [offset, attempts])).toEqual([[1, 1]])
      }),
    )

    test(
      "[log 32] at least once: a completion that fails is tried again without handling again",
      Effect.gen(function* () {
        let failures = 4
        let handled = 0
        const run = Consumer.run({
          group: "g",
          topic: Steps,
          delivery: "at-least-once",
          handle: () => Effect.sync(() => handled++),
        }).pipe(
          withLog((log) => ({
            commit: (...args) =>
              Effect.suspend(() =>
                failures-- > 0
                  ? Effect.fail(new StorageError({ reason: "busy", message: "Not now." }))
                  : log.commit(...args),
              ),
          })),
        )
        yield* publish(Steps, steps(0, 3))
        yield* Effect.fork(run)
        yield* inTime(caughtUp)
        expect(handled).toBe(1)
      }),
    )

    test(
      "[log 26] no more is read ahead than asked for, those being handled included, and all of it is handled",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const gate = yield* Queue.unbounded<void>()
        let furthest = 0
        let most = 0
        const run = Consumer.run({
          group: "g",
          topic: Steps,
          delivery: "at-least-once",
          batchSize: 4,
          prefetch: 10,
          handle: () => Queue.take(gate),
        }).pipe(
          withLog((real) => ({
            read: (topic, partition, from, limit) =>
              Effect.tap(real.read(topic, partition, from, limit), (records) =>
                Effect.map(real.committed("g", topic, partition), (at) => {
                  furthest = Math.max(furthest, (records.at(-1)?.offset ?? -1) + 1)
                  most = Math.max(most, furthest - at)
                }),
              ),
          })),
        )
        yield* publish(Steps, steps(0, 100))
        yield* Effect.fork(run)
        for (let batch = 0; batch < 25; batch++) {
          yield* turns
          expect(furthest - (yield* log.committed("g", Steps.name, 0))).toBeLessThanOrEqual(10)
          yield* Queue.offer(gate, undefined)
          yield* until(Effect.map(log.committed("g", Steps.name, 0), (at) => at >= Math.min(100, 4 * (batch + 1))))
        }
        // It does read ahead: more than the batch that is handled.
        expect(most).toBeGreaterThan(4)
        expect(yield* log.committed("g", Steps.name, 0)).toBe(100)
      }),
    )

    test(
      "[log 27] a consumer that is stopped ends the batch that runs and commits it, begins no other, and gives back its lease",
      Effect.gen(function* () {
        const release = yield* Deferred.make<void>()
        const began = yield* Deferred.make<void>()
        let batches = 0
        const work = yield* UnitOfWork
        const handle = (batch: Batch) =>
          Effect.gen(function* () {
            batches++
            yield* Deferred.succeed(began, undefined)
            yield* Deferred.await(release)
            yield* work.run(store("g")(batch))
          })
        yield* publish(Steps, steps(0, 12))
        const options = { group: "g", topic: Steps, batchSize: 5 } as const
        const consumer = yield* Effect.fork(Consumer.run({ ...options, delivery: "at-least-once", handle }))
        yield* Deferred.await(began)
        const ending = yield* Effect.fork(Fiber.interrupt(consumer))
        yield* turns
        expect(Option.isNone(yield* Fiber.poll(ending))).toBe(true)
        yield* Deferred.succeed(release, undefined)
        yield* until(Effect.map(Fiber.poll(ending), Option.isSome))
        expect(batches).toBe(1)
        expect(yield* committed("g", Steps.name)).toBe(5)
        // The clock stands still, so the lease was given back: nobody waits for it to expire.
        yield* Effect.fork(Consumer.run({ ...options, handle: store("g") }))
        yield* until(has("g", 12))
        expect(yield* storedNumbers("g")).toEqual(numbers(0, 12))
      }),
    )

    test(
      "a batch that does not end within its drain time is interrupted, and handled by the next consumer",
      Effect.gen(function* () {
        const began = yield* Deferred.make<void>()
        yield* publish(Steps, steps(0, 3))
        const handle = () => Effect.zipRight(Deferred.succeed(began, undefined), Effect.never)
        const consumer = yield* Effect.fork(
          Consumer.run({ group: "g", topic: Steps, delivery: "at-least-once", drain: "5 seconds", handle }),
        )
        yield* Deferred.await(began)
        const ending = yield* Effect.fork(Fiber.interrupt(consumer))
        yield* inTime(Effect.map(Fiber.poll(ending), Option.isSome))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle: store("g") }))
        yield* until(caughtUp)
        expect(yield* storedNumbers("g")).toEqual([0, 1, 2])
      }),
    )

    test(
      "a seek makes the group go on from there, also while it runs, and the lag says so",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        yield* publish(Steps, steps(0, 10))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle: store("g") }))
        yield* until(has("g", 10))
        yield* UnitOfWork.run(log.seek("g", Steps.name, 0, 7))
        yield* publish(Steps, steps(10, 1))
        yield* inTime(has("g", 14))
        expect(yield* storedNumbers("g")).toEqual([...numbers(0, 10), 7, 8, 9, 10])
      }),
    )

    test(
      "a handler's span goes on with the record's trace, and what it publishes carries it further",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const Further = EventLog.topic("further", Steps.schema)
        const spans: Array<Tracer.AnySpan> = []
        const handle = (batch: Batch) =>
          Effect.gen(function* () {
            spans.push(yield* Effect.currentParentSpan)
            yield* EventLog.append(
              Further,
              batch.map(({ event, record }) => ({ key: record.key, event })),
            )
          })
        const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`
        yield* log.publish(Steps.name, [{ key: "k", payload: { n: 1 }, headers: { traceparent } }])
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle }))
        yield* until(caughtUp)
        const [span] = spans
        expect(span?.traceId).toBe(TRACE)
        expect(span?._tag === "Span" && Option.map(span.parent, ({ spanId }) => spanId)).toEqual(
          Option.some("00f067aa0ba902b7"),
        )
        const [further] = yield* log.read("further", 0, 0, 1)
        expect(further?.headers["traceparent"]).toBe(`00-${TRACE}-${span?.spanId}-01`)
      }),
    )

    test(
      "trouble that is the store's own is no attempt of any record: none becomes a dead letter",
      Effect.gen(function* () {
        let down = true
        const full = new StorageError({ reason: "full", message: "The disk is full." })
        const handle = (batch: Batch) => Effect.flatMap(down ? Effect.fail(full) : Effect.void, () => store("g")(batch))
        yield* publish(Steps, steps(0, 5))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, attempts: 1, handle }))
        for (let i = 0; i < 10; i++) yield* Effect.zipRight(TestClock.adjust("10 seconds"), turn)
        down = false
        yield* inTime(has("g", 5), "1 second")
        expect(yield* storedNumbers("g")).toEqual(numbers(0, 5))
      }),
    )
  })
}
