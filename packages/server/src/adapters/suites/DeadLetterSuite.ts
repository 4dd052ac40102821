/**
 * What becomes of records that cannot be handled: they end among the dead letters, whole, and come back when a person says
 * so. Every adapter runs this suite.
 */
import { describe, expect } from "@effect/vitest"
import { AggregateStore, StorageError, UnitOfWork } from "@paceline/core/consistency"
import { Consumer, DeadLetters, EventLog } from "@paceline/core/messaging"
import { Clock, Deferred, Effect, Exit, Fiber, TestClock } from "effect"
import {
  type Batch,
  type ConsumerStore,
  caughtUp,
  failingAt,
  has,
  inTime,
  numbers,
  publish,
  Steps,
  steps,
  store,
  storedNumbers,
  testsOn,
  turns,
  until,
  withLog,
} from "./ConsumerServices.ts"

const OF = { group: "g", topic: Steps.name }

const letters = DeadLetters.list(OF, { limit: 1_000 })

/** Dead letters at these offsets of `steps`, by a consumer that tries once; `bad` decides what fails later on. */
const withLetters = (bad: Set<number>, count: number) =>
  Effect.gen(function* () {
    yield* publish(Steps, steps(0, count))
    const handle = failingAt(bad, store("g"))
    const consumer = yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, attempts: 1, handle }))
    yield* until(caughtUp)
    return consumer
  })

export const deadLetterSuite = (name: string, layer: ConsumerStore): void => {
  const test = testsOn(layer)

  describe(`dead letters: ${name}`, () => {
    test(
      "[log 30] a poison message reaches the dead letters after exactly its attempts",
      Effect.gen(function* () {
        let attempts = 0
        const handle = (batch: Batch) =>
          Effect.gen(function* () {
            if (!batch.some(({ event }) => event.n === 3)) return yield* store("g")(batch)
            if (batch.length === 1) attempts++
            return yield* Effect.fail("poison")
          })
        yield* publish(
          Steps,
          numbers(0, 10).map((n) => ({ key: `k${n % 5}`, event: { n } })),
        )
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle }))
        yield* inTime(
          Effect.map(letters, (all) => all.length === 1),
          "1 second",
        )
        yield* inTime(has("g", 9))
        expect(attempts).toBe(10)
        expect((yield* storedNumbers("g")).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9])
      }),
    )

    test(
      "[log 31] a letter keeps payload, key, id, headers, error, attempts and times; one that arrives is told",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const told: Array<DeadLetters.DeadLetter> = []
        const alerts = yield* DeadLetters.DeadLetterAlerts
        const unsubscribe = alerts.subscribe((letter) => told.push(letter))
        const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", tenant: "club" }
        yield* log.publish(Steps.name, [{ key: "k", payload: { n: 7 }, id: "registration-7", headers }])
        const [record] = yield* log.read(Steps.name, 0, 0, 1)
        yield* TestClock.adjust("5 seconds")
        const handle = () => Effect.fail(new Error("no such athlete"))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, attempts: 3, handle }))
        yield* inTime(Effect.map(letters, (all) => all.length === 1))
        const [letter] = yield* letters
        expect(letter).toMatchObject({
          group: "g",
          topic: "steps",
          partition: 0,
          offset: 0,
          key: "k",
          payload: { n: 7 },
          recordId: "registration-7",
          headers,
          attempts: 3,
          appendedAtMs: record?.appendedAtMs,
        })
        expect(letter?.error).toContain("no such athlete")
        expect(letter?.failedAtMs).toBeGreaterThanOrEqual(5_000)
        expect(letter?.deadAtMs).toBeGreaterThan(letter?.failedAtMs ?? 0)
        expect(letter?.deadAtMs).toBeLessThanOrEqual(yield* Clock.currentTimeMillis)
        yield* until(Effect.sync(() => told.length > 0))
        expect(told).toEqual([letter])
        expect(yield* DeadLetters.show(OF, letter?.id ?? "")).toEqual(letter)
        expect(yield* DeadLetters.groups).toEqual([{ ...OF, letters: 1 }])
        unsubscribe()
      }),
    )

    test(
      "[log 31] replay gives a record back to its group with its id and key, once, and to no other group",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const seen: Array<string> = []
        let broken = true
        const handle = (batch: Batch) =>
          Effect.gen(function* () {
            if (broken) return yield* Effect.fail("broken")
            yield* store("g")(batch)
            for (const { record } of batch) seen.push(`${record.id} ${record.key} ${record.offset}`)
          })
        yield* log.publish(Steps.name, [{ key: "k", payload: { n: 7 }, id: "registration-7" }])
        yield* Effect.fork(Consumer.run({ group: "other", topic: Steps, handle: store("other") }))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, attempts: 1, handle }))
        yield* until(Effect.map(letters, (all) => all.length === 1))
        broken = false
        const [letter] = yield* letters
        yield* DeadLetters.replay(OF, letter?.id ?? "")
        yield* inTime(has("g", 1))
        expect(seen).toEqual(["registration-7 k 0"])
        expect(yield* letters).toEqual([])
        expect(yield* storedNumbers("other")).toEqual([7])
        const again = yield* Effect.exit(DeadLetters.replay(OF, letter?.id ?? ""))
        expect(Exit.isFailure(again) && String(again.cause)).toContain("no dead letter")
      }),
    )

    test(
      "[log 31] replayed records keep their key's order, among themselves and with those that are parked",
      Effect.gen(function* () {
        const bad = new Set([1, 3, 5])
        const consumer = yield* withLetters(bad, 7)
        expect(yield* storedNumbers("g")).toEqual([0, 2, 4, 6])
        yield* Fiber.interrupt(consumer)
        const [one, three, five] = yield* letters
        for (const letter of [five, one, three]) yield* DeadLetters.replay(OF, letter?.id ?? "")
        const still = new Set([1])
        // Of the same key, and behind them in the log.
        yield* publish(Steps, steps(7, 2))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle: failingAt(still, store("g")) }))
        yield* until(caughtUp)
        yield* TestClock.adjust("1 second")
        yield* turns
        expect(yield* storedNumbers("g")).toEqual([0, 2, 4, 6])
        still.clear()
        yield* inTime(has("g", 9), "1 second")
        expect(yield* storedNumbers("g")).toEqual([0, 2, 4, 6, 1, 3, 5, 7, 8])
      }),
    )

    test(
      "[log 31] all letters of a group are replayed in order; what fails again is the same letter again",
      Effect.gen(function* () {
        const bad = new Set(numbers(0, 230))
        const consumer = yield* withLetters(bad, 230)
        expect((yield* letters).length).toBe(230)
        yield* Fiber.interrupt(consumer)
        expect(yield* DeadLetters.replayAll(OF)).toBe(230)
        expect(yield* letters).toEqual([])
        const still = new Set([100])
        const handle = failingAt(still, store("g"))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, attempts: 2, handle }))
        yield* inTime(has("g", 229), "1 second")
        expect(yield* storedNumbers("g")).toEqual(numbers(0, 230).filter((n) => n !== 100))
        expect(yield* letters).toMatchObject([{ offset: 100, attempts: 2 }])
      }),
      60_000,
    )

    test(
      "[log 31] an interrupted replay loses nothing: the record is a letter or back with its group, never neither",
      Effect.gen(function* () {
        const bad = new Set(numbers(0, 150))
        const consumer = yield* withLetters(bad, 150)
        yield* Fiber.interrupt(consumer)
        const aggregates = yield* AggregateStore.AggregateStore
        let changes = 0
        const dying = {
          ...aggregates,
          // After the first page: the letter is removed, and then the store fails before the record is back.
          update: (...args: Parameters<typeof aggregates.update>) =>
            ++changes === 120
              ? Effect.fail(new StorageError({ reason: "failed", message: "the power is gone" }))
              : aggregates.update(...args),
        }
        const exit = yield* Effect.exit(
          Effect.provideService(DeadLetters.replayAll(OF), AggregateStore.AggregateStore, dying),
        )
        expect(Exit.isFailure(exit)).toBe(true)
        const left = (yield* letters).map(({ offset }) => offset)
        expect(left).toEqual(numbers(100, 50))
        const handle = store("g")
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle }))
        yield* inTime(has("g", 100), "1 second")
        expect(yield* storedNumbers("g")).toEqual(numbers(0, 100))
      }),
      60_000,
    )

    test(
      "letters are listed a page at a time in the order of the log, and are gone when dropped",
      Effect.gen(function* () {
        yield* withLetters(new Set([1, 3, 5]), 7)
        const [first, second] = yield* DeadLetters.list(OF, { limit: 2 })
        expect([first?.offset, second?.offset]).toEqual([1, 3])
        const rest = yield* DeadLetters.list(OF, { limit: 2, after: second?.id ?? "" })
        expect(rest.map(({ offset }) => offset)).toEqual([5])
        yield* DeadLetters.drop(OF, second?.id ?? "")
        expect((yield* letters).map(({ offset }) => offset)).toEqual([1, 5])
        const shown = yield* Effect.exit(DeadLetters.show(OF, second?.id ?? ""))
        expect(Exit.isFailure(shown)).toBe(true)
        expect(yield* DeadLetters.count(OF)).toBe(2)
      }),
    )

    test(
      "[log 30] a record that takes the process with it is found, and becomes a dead letter after three crashes",
      Effect.gen(function* () {
        yield* publish(
          Steps,
          numbers(0, 40).map((n) => ({ key: `k${n}`, event: { n } })),
        )
        const work = yield* UnitOfWork
        let crashes = 0
        /** A consumer whose process dies at record 25: its handler never ends, and its leases are not given back. */
        const life = Effect.gen(function* () {
          const crashed = yield* Deferred.make<void>()
          const handle = (batch: Batch) =>
            batch.some(({ event }) => event.n === 25)
              ? Effect.zipRight(Deferred.succeed(crashed, undefined), Effect.never)
              : work.run(store("g")(batch))
          const options = { delivery: "at-least-once", lease: "1 second", drain: 0, batchSize: 10 } as const
          const run = Consumer.run({ ...options, group: "g", topic: Steps, handle })
          const consumer = yield* Effect.fork(run.pipe(withLog(() => ({ leave: () => Effect.void }))))
          yield* inTime(Effect.zipWith(caughtUp, Deferred.isDone(crashed), (done, dead) => done || dead))
          const dead = yield* Deferred.isDone(crashed)
          yield* Effect.all(
            [Fiber.interrupt(consumer), Effect.repeatN(Effect.zipRight(turns, TestClock.adjust("10 millis")), 3)],
            {
              concurrency: "unbounded",
            },
          )
          return dead
        })
        while (yield* life) crashes++
        // Two at the same offset make it careful, and three then name the record.
        expect(crashes).toBe(5)
        expect(yield* letters).toMatchObject([{ offset: 25, key: "k25", payload: { n: 25 } }])
        expect(yield* storedNumbers("g")).toEqual(numbers(0, 40).filter((n) => n !== 25))
      }),
      60_000,
    )
  })
}
