/**
 * What a record that fails means for the others: its key waits in order, other keys pass, and it is tried again with
 * growing pauses. Every adapter runs this suite.
 */
import { describe, expect } from "@effect/vitest"
import { AggregateStore, UnitOfWork } from "@paceline/core/consistency"
import { Consumer, DeadLetters, EventLog, partitionOf, RecordCopies } from "@paceline/core/messaging"
import { BreakerOpen } from "@paceline/core/resilience"
import { Clock, Effect, Fiber, Random, TestClock } from "effect"
import {
  type Batch,
  type ConsumerStore,
  caughtUp,
  committed,
  expectOnceInOrder,
  failingAt,
  has,
  inTime,
  numbers,
  publish,
  Sharded,
  Steps,
  sleepsUntil,
  steps,
  store,
  stored,
  storedNumbers,
  testsOn,
  turns,
  until,
} from "./ConsumerServices.ts"

const OF = { group: "g", topic: Steps.name }

/** What is parked in the only partition of `steps`: for each key its state and when it is due. */
const parked = Effect.flatMap(AggregateStore.AggregateStore, (aggregates) =>
  aggregates.list("parked/g/steps/0", { limit: 1_000 }),
)

const attemptsOf = ({ state }: AggregateStore.Stored) => ({
  attempts: Number(Reflect.get(Object(state), "attempts")),
  unended: Number(Reflect.get(Object(state), "unended")),
})

export const consumerOrderSuite = (name: string, layer: ConsumerStore): void => {
  const test = testsOn(layer)

  describe(`consumer order: ${name}`, () => {
    test(
      "[log 17] other keys pass one that is stuck, and what comes later of it waits in order",
      Effect.gen(function* () {
        const bad = new Set([0])
        yield* publish(Steps, [...steps(0, 3, "stuck"), ...steps(100, 50, "free")])
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle: failingAt(bad, store("g")) }))
        yield* until(caughtUp)
        expect(yield* storedNumbers("g")).toEqual(numbers(100, 50))
        // What comes now of the stuck key joins it.
        yield* publish(Steps, [...steps(3, 2, "stuck"), ...steps(150, 1, "free")])
        yield* until(caughtUp)
        expect(yield* storedNumbers("g")).toEqual(numbers(100, 51))
        bad.clear()
        yield* inTime(has("g", 56))
        expect((yield* stored("g")).filter(({ key }) => key === "stuck").map(({ n }) => n)).toEqual(numbers(0, 5))
        yield* until(Effect.map(parked, (all) => all.length === 0))
      }),
    )

    test(
      "what was redacted is passed over, and its copies are forgotten: those parked, and the dead letters",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        yield* publish(Steps, [...steps(0, 3, "anna"), ...steps(100, 2, "bo"), ...steps(3, 1, "anna")])
        yield* publish(Steps, steps(200, 1, "stuck"))
        const bad = new Set([0, 200])
        const consumer = yield* Effect.fork(
          Consumer.run({ group: "g", topic: Steps, attempts: 3, handle: failingAt(bad, store("g")) }),
        )
        yield* inTime(Effect.map(DeadLetters.list(OF, { limit: 9 }), ({ length }) => length > 0))
        yield* Fiber.interrupt(consumer)
        const own = UnitOfWork.run(
          Effect.zipRight(log.redact(Steps.name, 0, "anna", { from: 0, to: 99 }), RecordCopies.forget("anna")),
        )
        yield* turns
        expect(yield* own).toBeGreaterThan(0)
        expect(yield* own).toBe(0)
        const left = [...(yield* parked), ...(yield* DeadLetters.list(OF, { limit: 9 }))]
        expect(JSON.stringify(left)).not.toMatch(/anna/)
        // Another group comes later, and finds nothing of her.
        yield* Effect.fork(Consumer.run({ group: "late", topic: Steps, handle: store("late") }))
        yield* inTime(has("late", 3))
        expect(yield* storedNumbers("late")).toEqual([100, 101, 200])
        expect(yield* committed("late", Steps.name)).toBe(7)
      }),
    )

    test(
      "[log 16] each key keeps its order, and each effect is there once, when handlers fail at random",
      Effect.gen(function* () {
        const keys = Array.from({ length: 12 }, (_, i) => `athlete-${i}`)
        const handle = (batch: Batch) =>
          Effect.tap(store("g")(batch), () =>
            Effect.flatMap(Random.next, (drawn) => (drawn < 0.3 ? Effect.fail("at random") : Effect.void)),
          )
        const options = { group: "g", topic: Sharded, handle, batchSize: 7, attempts: 1_000 } as const
        yield* Effect.fork(Consumer.run(options))
        yield* Effect.forEach(numbers(0, 15), (n) =>
          publish(
            Sharded,
            keys.map((key) => ({ key, event: { n } })),
          ),
        )
        yield* inTime(has("g", 12 * 15), "1 second")
        yield* expectOnceInOrder("g", keys, 15)
      }).pipe(Effect.withRandom(Random.make("order"))),
      60_000,
    )

    test(
      "[log 25] the part of a batch that fails is isolated; the rest is handled at once",
      Effect.gen(function* () {
        const bad = new Set([37, 80])
        yield* publish(
          Steps,
          numbers(0, 100).map((n) => ({ key: `k${n}`, event: { n } })),
        )
        const handle = failingAt(bad, store("g"))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle, batchSize: 100 }))
        // The test clock stands still: nothing waits for a pause.
        yield* until(caughtUp)
        expect(yield* storedNumbers("g")).toEqual(numbers(0, 100).filter((n) => !bad.has(n)))
        expect((yield* parked).map(({ id }) => id)).toEqual(["k37", "k80"])
      }),
    )

    test(
      "[log 29] the pauses between attempts grow from 100 ms, are drawn from their range, and end at 10 s",
      Effect.gen(function* () {
        const times: Array<number> = []
        const handle = () =>
          Effect.zipRight(
            Effect.map(Clock.currentTimeMillis, (ms) => times.push(ms)),
            Effect.fail("no"),
          )
        yield* publish(Steps, steps(0, 1))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle })).pipe(
          Effect.withRandom(Random.fixed([0.5])),
        )
        for (let attempts = 1; attempts < 10; attempts++) {
          yield* until(
            Effect.map(parked, ([one]) => {
              const is = one === undefined ? undefined : attemptsOf(one)
              return is?.attempts === attempts && is.unended === 0
            }),
          )
          const [one] = yield* parked
          const nowMs = yield* Clock.currentTimeMillis
          const delayMs = (one?.dueAtMs ?? 0) - nowMs
          expect(delayMs).toBe(Math.min(10_000, 100 * 2 ** (attempts - 1)) / 2)
          expect(times.length).toBe(attempts)
          yield* TestClock.adjust(delayMs - 1)
          yield* turns
          expect(times.length).toBe(attempts)
          yield* TestClock.adjust(1)
          yield* until(Effect.sync(() => times.length > attempts))
        }
        yield* until(Effect.map(DeadLetters.count(OF), (count) => count === 1))
        expect(yield* parked).toEqual([])
      }),
    )

    test(
      "in strict order what stands before a record that fails is handled, and what stands behind it waits",
      Effect.gen(function* () {
        const bad = new Set([37])
        yield* publish(Steps, steps(0, 100))
        const handle = failingAt(bad, store("g"))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, order: "strict", attempts: 1_000, handle }))
        yield* inTime(
          Effect.map(committed("g", Steps.name), (offset) => offset === 37),
          "1 second",
        )
        yield* TestClock.adjust("1 minute")
        yield* turns
        expect(yield* storedNumbers("g")).toEqual(numbers(0, 37))
        bad.clear()
        yield* inTime(caughtUp, "1 second")
        expect(yield* storedNumbers("g")).toEqual(numbers(0, 100))
      }),
    )

    test(
      "in strict order too a record becomes a dead letter after its attempts, also when consumers come and go",
      Effect.gen(function* () {
        let attempts = 0
        const handle = (batch: Batch) =>
          Effect.gen(function* () {
            if (!batch.some(({ event }) => event.n === 1)) return yield* store("g")(batch)
            attempts++
            return yield* Effect.fail("never")
          })
        const run = Consumer.run({ group: "g", topic: Steps, order: "strict", attempts: 6, batchSize: 1, handle })
        yield* publish(Steps, steps(0, 3))
        for (const made of [2, 4]) {
          const consumer = yield* Effect.fork(run)
          yield* inTime(Effect.sync(() => attempts >= made))
          yield* Fiber.interrupt(consumer)
        }
        yield* Effect.fork(run)
        yield* inTime(caughtUp)
        expect(attempts).toBe(6)
        expect(yield* storedNumbers("g")).toEqual([0, 2])
        expect(yield* DeadLetters.list(OF, { limit: 10 })).toMatchObject([{ offset: 1, attempts: 6 }])
      }),
    )

    test(
      "when too much is parked the partition waits; nothing is lost, and it goes on when there is room",
      Effect.gen(function* () {
        const bad = new Set([0])
        yield* publish(Steps, [...steps(0, 40, "stuck"), ...steps(100, 5, "free")])
        const handle = failingAt(bad, store("g"))
        yield* Effect.fork(
          Consumer.run({ group: "g", topic: Steps, maxParked: 10, attempts: 1_000, batchSize: 5, handle }),
        )
        yield* until(Effect.map(committed("g", Steps.name), (offset) => offset === 10))
        yield* TestClock.adjust("30 seconds")
        yield* turns
        expect(yield* committed("g", Steps.name)).toBe(10)
        expect(yield* stored("g")).toEqual([])
        bad.clear()
        yield* inTime(has("g", 45), "1 second")
        const byKey = Map.groupBy(yield* stored("g"), ({ key }) => key)
        expect(byKey.get("stuck")?.map(({ n }) => n)).toEqual(numbers(0, 40))
        expect(byKey.get("free")?.map(({ n }) => n)).toEqual(numbers(100, 5))
      }),
    )

    test(
      "a record that cannot be decoded is a dead letter with the reason, and its key goes on",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        yield* publish(Steps, steps(0, 2))
        yield* log.publish(Steps.name, [{ key: "k", payload: { n: "three" } }])
        yield* publish(Steps, steps(3, 2))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, handle: store("g") }))
        yield* until(caughtUp)
        expect(yield* storedNumbers("g")).toEqual([0, 1, 3, 4])
        const [letter] = yield* DeadLetters.list(OF, { limit: 10 })
        expect(letter).toMatchObject({ offset: 2, key: "k", payload: { n: "three" } })
        expect(letter?.error).toContain("cannot be decoded")
      }),
    )

    test(
      "asked to wait, a partition waits at a record that cannot be decoded, and the others do not",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const key = "athlete-1"
        const partition = partitionOf(key, 4)
        const elsewhere = ["a", "b", "c", "d", "e"].find((other) => partitionOf(other, 4) !== partition) ?? ""
        yield* publish(Sharded, steps(0, 5, key))
        yield* log.publish(Sharded.name, [{ key, payload: { n: "five" } }])
        yield* publish(Sharded, steps(6, 5, key))
        const run = Consumer.run({ group: "g", topic: Sharded, undecodable: "wait", handle: store("g") })
        yield* Effect.fork(run).pipe(Effect.withRandom(Random.fixed([0.999])))
        const at = committed("g", Sharded.name, partition)
        yield* until(Effect.map(at, (offset) => offset === 5))
        yield* until(sleepsUntil(99))
        yield* TestClock.adjust("1 minute")
        yield* publish(Sharded, steps(0, 1, elsewhere))
        yield* until(Effect.map(stored("g"), (rows) => rows.some((row) => row.key === elsewhere)))
        expect(yield* at).toBe(5)
        expect((yield* stored("g")).filter((row) => row.key === key).map(({ n }) => n)).toEqual(numbers(0, 5))
      }),
    )

    test(
      "while a breaker refuses, waiting counts as no attempt; an error that says it will not pass is not tried again",
      Effect.gen(function* () {
        let open = true
        const handle = (batch: Batch) =>
          Effect.gen(function* () {
            if (open) return yield* Effect.fail(new BreakerOpen("mail", "open", 0))
            if (!batch.some(({ event }) => event.n === 1)) return yield* store("g")(batch)
            return yield* Effect.fail({ _tag: "NoSuchAthlete", retryable: false })
          })
        yield* publish(Steps, steps(0, 3))
        yield* Effect.fork(Consumer.run({ group: "g", topic: Steps, attempts: 2, handle }))
        for (let i = 0; i < 20; i++) yield* Effect.zipRight(TestClock.adjust("10 seconds"), turns)
        expect(yield* committed("g", Steps.name)).toBe(0)
        open = false
        yield* inTime(caughtUp, "1 second")
        expect(yield* storedNumbers("g")).toEqual([0, 2])
        expect(yield* DeadLetters.list(OF, { limit: 10 })).toMatchObject([{ offset: 1, attempts: 1 }])
      }),
    )
  })
}
