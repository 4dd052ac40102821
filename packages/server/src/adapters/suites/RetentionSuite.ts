/** What leaves the log by its age, and what does not. Every adapter runs this suite. */
import { describe, expect, it } from "@effect/vitest"
import { Answers, UnitOfWork } from "@paceline/core/consistency"
import { Consumer, EventLog, Progress, Retention } from "@paceline/core/messaging"
import { Clock, Effect, type Layer, Logger, TestClock } from "effect"
import {
  type Batch,
  type ConsumerServices,
  caughtUp,
  inTime,
  numbers,
  publish,
  Step,
  steps,
  store,
  storedNumbers,
  turns,
  withLog,
} from "./ConsumerServices.ts"

/** Segments of ten records. */
const Short = EventLog.topic("short segments", Step)

/** The days of these tests are ten seconds long, for a store does something each second of the test clock. */
const DAY = 10_000

/** Seven of them. */
const KEEP = { keep: 7 * DAY }

const records = Effect.flatMap(EventLog.EventLog, (log) =>
  Effect.map(log.read(Short.name, 0, 0, 1_000), (all) => all.map(({ offset }) => offset)),
)

/** What was appended before lies so many days back from now on. */
const days = (count: number) => TestClock.adjust(count * DAY)

const commit = (group: string, from: number, to: number) =>
  Effect.flatMap(EventLog.EventLog, (log) => UnitOfWork.run(log.commit(group, Short.name, 0, from, to)))

export const retentionSuite = (name: string, layer: Layer.Layer<ConsumerServices | Answers, unknown>): void => {
  const test = <A, E>(title: string, body: Effect.Effect<A, E, ConsumerServices | Answers>) =>
    it.effect(title, () => Effect.provide(body, layer))

  describe(`retention: ${name}`, () => {
    test(
      "[log 23] whole segments leave when their newest record is as old as was said, and not before",
      Effect.gen(function* () {
        yield* publish(Short, steps(0, 25))
        yield* days(6)
        expect(yield* Retention.dropOld(KEEP)).toEqual([])
        yield* days(1.5)
        expect(yield* Retention.dropOld(KEEP)).toMatchObject([{ segments: 2, records: 20, skipped: [] }])
        expect(yield* records).toEqual(numbers(20, 5))
        expect(yield* Retention.dropOld(KEEP)).toEqual([])
        yield* publish(Short, steps(25, 1))
        expect(yield* records).toEqual(numbers(20, 6))
      }),
    )

    test(
      "[log 23] nothing leaves that a known group has not read; what is held is told",
      Effect.gen(function* () {
        yield* publish(Short, steps(0, 45))
        yield* commit("fast", 0, 45)
        yield* commit("slow", 0, 15)
        yield* days(30)
        const [dropped] = yield* Retention.dropOld(KEEP)
        expect(dropped).toMatchObject({
          segments: 1,
          records: 10,
          skipped: [],
          held: { segments: 3, groups: ["slow"] },
        })
        expect(yield* records).toEqual(numbers(10, 35))
        yield* commit("slow", 15, 45)
        yield* Retention.dropOld(KEEP)
        expect(yield* records).toEqual(numbers(40, 5))
      }),
    )

    test(
      "[log 23] told to drop what is unread, it says which group misses what; the group goes on behind it",
      Effect.gen(function* () {
        const said: Array<string> = []
        const logger = Logger.make(({ logLevel, message }) => {
          said.push(`${logLevel.label} ${String(message)}`)
        })
        yield* publish(Short, steps(0, 45))
        yield* commit("g", 0, 15)
        yield* days(8)
        const options = { ...KEEP, topics: { [Short.name]: { dropUnread: true } } }
        const [dropped] = yield* Retention.dropOld(options).pipe(
          Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
        )
        expect(dropped?.skipped).toEqual([{ group: "g", from: 15, to: 40 }])
        expect(said).toContain("WARN Retention dropped records that a consumer group had not read.")
        const of = { group: "g", topic: Short.name }
        expect(yield* Progress.missed(of)).toMatchObject([
          { partition: 0, skipped: 25, ranges: [{ from: 15, to: 40 }] },
        ])
        const handle = (batch: Batch) => store("g")(batch)
        yield* Effect.fork(Consumer.run({ ...of, topic: Short, handle }))
        yield* inTime(caughtUp)
        expect(yield* storedNumbers("g")).toEqual(numbers(40, 5))
        expect(yield* Progress.of(of)).toMatchObject({ total: 45, done: 20, skipped: 25, waiting: 0, percent: 100 })
      }),
    )

    test(
      "runs by itself, now and then, and forgets ids and answers whose time is over",
      Effect.gen(function* () {
        const answers = yield* Answers
        const nowMs = yield* Clock.currentTimeMillis
        const times = { nowMs, expiresAtMs: nowMs + DAY }
        yield* UnitOfWork.run(Effect.zipRight(answers.take("key", "request", times), answers.put("key", "answer")))
        yield* publish(Short, steps(0, 25))
        let forgotten = 0
        let askedForIds = 0
        const counting: typeof answers = {
          ...answers,
          removeExpired: (...args) =>
            Effect.tap(answers.removeExpired(...args), (count) =>
              Effect.sync(() => {
                forgotten += count
              }),
            ),
        }
        const run = Retention.run({ keep: 2 * DAY, every: DAY / 4 }).pipe(
          Effect.provideService(Answers, counting),
          withLog((log) => ({
            forgetIds: (...args) =>
              Effect.suspend(() => {
                askedForIds++
                return log.forgetIds(...args)
              }),
          })),
        )
        yield* Effect.fork(run)
        yield* turns
        expect(yield* records).toEqual(numbers(0, 25))
        yield* days(3)
        yield* inTime(
          Effect.map(records, (left) => left.length === 5),
          "1 second",
        )
        yield* inTime(
          Effect.sync(() => forgotten === 1),
          "1 second",
        )
        expect(askedForIds).toBeGreaterThan(0)
      }),
    )
  })
}
