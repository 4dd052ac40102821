/** Whether the figures of a consumer group's progress are exact. Every adapter runs this suite. */
import { describe, expect } from "@effect/vitest"
import { Consumer, DeadLetters, Progress } from "@paceline/core/messaging"
import { Chunk, Effect, Fiber, Metric, MetricKey, MetricLabel, Stream, TestClock } from "effect"
import {
  type Batch,
  type ConsumerStore,
  caughtUp,
  failingAt,
  has,
  inTime,
  numbers,
  publish,
  Sharded,
  steps,
  store,
  testsOn,
  turns,
  until,
} from "./ConsumerServices.ts"

const OF = { group: "g", topic: Sharded.name }

/** What a counter of the group shows. */
const counted = (title: string, group: string) => {
  const labels = [MetricLabel.make("group", group), MetricLabel.make("topic", Sharded.name)]
  const key = MetricKey.taggedWithLabels(MetricKey.counter(title, { incremental: true }), labels)
  return Effect.map(Metric.value(Metric.fromMetricKey(key)), ({ count }) => count)
}

const KEYS = numbers(0, 20).map((n) => `athlete-${n}`)

/** Record n of each key. */
const publishRound = (n: number) =>
  publish(
    Sharded,
    KEYS.map((key) => ({ key, event: { n } })),
  )

export const progressSuite = (name: string, layer: ConsumerStore): void => {
  const test = testsOn(layer)

  describe(`progress: ${name}`, () => {
    test(
      "[log 28] done, failed, waiting, percent and lag are exact at every step",
      Effect.gen(function* () {
        expect(yield* Progress.of(OF)).toMatchObject({ total: 0, waiting: 0, percent: 100 })
        yield* Effect.forEach(numbers(0, 4), publishRound)
        expect(yield* Progress.of(OF)).toMatchObject({ total: 80, done: 0, waiting: 80, lag: 80, percent: 0 })

        // Each key fails at its second record: 20 parked, and with them 40 that come later.
        const bad = new Set([1])
        const handle = failingAt(bad, store("g"))
        const consumer = yield* Effect.fork(
          Consumer.run({ group: "g", topic: Sharded, handle, attempts: 1_000, batchSize: 1 }),
        )
        yield* inTime(caughtUp)
        expect(yield* Progress.of(OF)).toEqual({
          total: 80,
          done: 20,
          failed: 0,
          skipped: 0,
          waiting: 60,
          lag: 0,
          parked: 60,
          percent: 25,
        })
        yield* Fiber.interrupt(consumer)
        yield* publishRound(4)
        expect(yield* Progress.of(OF)).toMatchObject({ total: 100, done: 20, waiting: 80, lag: 20, parked: 60 })

        yield* Effect.fork(Consumer.run({ group: "g", topic: Sharded, handle, attempts: 2 }))
        yield* inTime(has("g", 80), "1 second")
        yield* until(Effect.map(Progress.of(OF), ({ waiting }) => waiting === 0))
        const finished = { total: 100, done: 80, failed: 20, waiting: 0, lag: 0, parked: 0, percent: 100 }
        expect(yield* Progress.of(OF)).toMatchObject(finished)
        const [letter, other] = yield* DeadLetters.list(OF, { limit: 2 })
        yield* DeadLetters.drop(OF, letter?.id ?? "")
        expect(yield* Progress.of(OF)).toMatchObject(finished)
        bad.clear()
        yield* DeadLetters.replay(OF, other?.id ?? "")
        yield* inTime(has("g", 81), "1 second")
        expect(yield* Progress.of(OF)).toMatchObject({ ...finished, done: 81, failed: 19 })
      }),
      60_000,
    )

    test(
      "[log 28] progress as a stream ends where all is done, and draws itself as a bar",
      Effect.gen(function* () {
        yield* Effect.forEach(numbers(0, 3), publishRound)
        const watching = yield* Progress.changes(OF, "1 second").pipe(
          Stream.takeUntil(({ waiting }) => waiting === 0),
          Stream.runCollect,
          Effect.fork,
        )
        yield* turns
        yield* Effect.fork(Consumer.run({ group: "g", topic: Sharded, handle: store("g") }))
        yield* inTime(Effect.map(Fiber.poll(watching), (exit) => exit._tag === "Some"))
        const seen = Chunk.toReadonlyArray(yield* Fiber.join(watching))
        expect(seen[0]).toMatchObject({ done: 0, waiting: 60 })
        expect(Progress.bar(yield* Progress.of(OF), 10)).toBe("██████████ 100.0 %  60 done, 0 failed, 0 waiting")
      }),
    )

    test(
      "what is handled, failed, parked and given up is counted, by group and topic",
      Effect.gen(function* () {
        const group = `metrics on ${name}`
        const handle = (batch: Batch) => failingAt(new Set([7]), store("g"))(batch)
        yield* publish(Sharded, [...steps(0, 6, "a"), ...steps(7, 1, "b")])
        yield* Effect.fork(Consumer.run({ group, topic: Sharded, handle, attempts: 3, batchSize: 1 }))
        yield* inTime(Effect.map(DeadLetters.count({ group, topic: Sharded.name }), (count) => count === 1))
        yield* inTime(has("g", 6))
        yield* TestClock.adjust("10 seconds")
        expect(yield* counted("paceline_consumer_handled_total", group)).toBe(6)
        expect(yield* counted("paceline_consumer_failed_total", group)).toBe(3)
        expect(yield* counted("paceline_consumer_parked_total", group)).toBe(1)
        expect(yield* counted("paceline_dead_letters_total", group)).toBe(1)
      }),
    )
  })
}
