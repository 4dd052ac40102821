/**
 * What the event log promises, whatever engine is behind it. Every adapter runs this suite.
 *
 * The layer must keep the topics as `EVENT_LOG_TOPICS` says. Each test has topics and groups of its own, so that
 * adapters may share one database among tests.
 *
 * @example
 * eventLogSuite("SQLite", SqliteStore.layerTest({ topics: EVENT_LOG_TOPICS }))
 */
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog, partitionOf } from "@paceline/core/messaging"
import { type Context, Effect, Exit, Fiber, type Layer, Queue, Schema } from "effect"
import { consumerGroups } from "./EventLogGroups.ts"
import { publishedIds } from "./EventLogIds.ts"
import { partitionLeases } from "./EventLogLeases.ts"
import { publishing } from "./EventLogPublishing.ts"
import { redaction } from "./EventLogRedaction.ts"
import { retention } from "./EventLogRetention.ts"
import {
  append,
  ask,
  EVENT_LOG_TOPICS,
  fresh,
  type LogServices,
  type LogTest,
  numbered,
  offsets,
  upTo,
} from "./EventLogServices.ts"

export { EVENT_LOG_TOPICS } from "./EventLogServices.ts"

const Event = Schema.Struct({ n: Schema.Int, atMs: Schema.DateFromNumber })

export const eventLogSuite = (name: string, store: Layer.Layer<LogServices, unknown>): void => {
  const test: LogTest = (title, body, timeoutMs) => it.live(title, () => Effect.provide(body, store), timeoutMs)

  describe(`event log: ${name}`, () => {
    test(
      "keeps the topics as it was told",
      Effect.forEach(Object.entries(EVENT_LOG_TOPICS), ([topic, { partitions = 1 }]) =>
        Effect.gen(function* () {
          expect(yield* ask((log) => log.partitions(topic))).toEqual(upTo(partitions))
          expect(yield* ask((log) => log.topics)).toContain(topic)
        }),
      ),
    )
    recordsAndOffsets(test)
    publishing(test)
    publishedIds(test)
    consumerGroups(test)
    partitionLeases(test)
    retention(test)
    redaction(test)
  })
}

/** Generous: on a busy machine a hint may take a while, but it comes. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.timeout(effect, "20 seconds")

const recordsAndOffsets = (test: LogTest): void => {
  test(
    "records get dense offsets from 0 in the order appended, and are read as they were written",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const payload = { text: "ÿ\u0000\u2028🚴", list: [1, -0.5, 1e21, null], nested: { yes: true } }
      const topic = fresh("dense")
      const at = (offset: number) => ({ partition: 0, offset, duplicate: false })
      expect(yield* append(topic, [{ key: "x", payload }, ...numbered(1, 2)])).toEqual([at(0), at(1), at(2)])
      expect(yield* append(topic, numbered(3, 1))).toEqual([at(3)])
      expect(yield* append(topic, [])).toEqual([])
      const records = yield* log.read(topic, 0, 0, 100)
      expect(offsets(records)).toEqual([0, 1, 2, 3])
      expect(records[0]).toMatchObject({ topic, partition: 0, offset: 0, key: "x", payload, id: undefined })
      expect(records[0]?.headers).toEqual({})
      expect(yield* log.bounds(topic, 0)).toEqual({ start: 0, end: 4 })
      expect(yield* log.topics).toContain(topic)
      expect(Math.abs(Date.now() - (records[0]?.appendedAtMs ?? 0))).toBeLessThan(60_000)
    }),
  )

  test(
    "reads from any offset, at most as many as asked for, nothing past the end",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const topic = fresh("read")
      yield* append(topic, numbered(0, 10))
      expect(offsets(yield* log.read(topic, 0, 4, 3))).toEqual([4, 5, 6])
      expect(offsets(yield* log.read(topic, 0, 8, 100))).toEqual([8, 9])
      expect(yield* log.read(topic, 0, 10, 100)).toEqual([])
      const nobody = fresh("unheard-of")
      expect(yield* log.read(nobody, 0, 0, 100)).toEqual([])
      expect(yield* log.bounds(nobody, 0)).toEqual({ start: 0, end: 0 })
      expect(yield* log.partitions(nobody)).toEqual([0])
      expect(yield* log.topics).not.toContain(nobody)
    }),
  )

  test(
    "[log 1] what a unit appends is seen inside it, and by others once it is committed, or never",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const topic = fresh("unit")
      const outside = yield* Effect.context<EventLog.EventLog>()
      const read = log.read(topic, 0, 0, 10)
      const unit = (end: Effect.Effect<void, string>) =>
        UnitOfWork.run(
          Effect.gen(function* () {
            yield* log.append(topic, numbered(0, 2))
            expect((yield* read).length).toBe(2)
            expect(yield* log.bounds(topic, 0)).toEqual({ start: 0, end: 2 })
            expect(yield* Effect.mapInputContext(read, (_: Context.Context<never>) => outside)).toEqual([])
            yield* end
          }),
        )
      yield* Effect.ignore(unit(Effect.fail("refused")))
      expect(yield* read).toEqual([])
      yield* unit(Effect.void)
      expect(offsets(yield* read)).toEqual([0, 1])
    }),
  )

  test(
    "typed events are stored encoded and come back decoded; what does not fit the schema is never stored",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const Counted = EventLog.topic(fresh("counted"), Event)
      const event = { n: 7, atMs: new Date(1_700_000_000_000) }
      yield* UnitOfWork.run(EventLog.append(Counted, [{ key: "k", event }]))
      const [record] = yield* log.read(Counted.name, 0, 0, 1)
      expect(record?.payload).toEqual({ n: 7, atMs: 1_700_000_000_000 })
      expect(record && (yield* EventLog.decode(Counted, record))).toEqual(event)
      const wrong = UnitOfWork.run(EventLog.append(Counted, [{ key: "k", event: { n: 0.5, atMs: new Date(0) } }]))
      expect(Exit.isFailure(yield* Effect.exit(wrong))).toBe(true)
      const noJson = append(Counted.name, [{ key: "k", payload: undefined }])
      expect(Exit.isFailure(yield* Effect.exit(noJson))).toBe(true)
      expect((yield* log.read(Counted.name, 0, 0, 10)).length).toBe(1)
    }),
  )

  test(
    "a key always goes to the same partition, and its records keep their order there",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const keys = Array.from({ length: 40 }, (_, i) => `athlete-${i}`)
      yield* Effect.forEach(
        upTo(5),
        (n) =>
          append(
            "sharded",
            keys.map((key) => ({ key, payload: { n } })),
          ),
        { discard: true },
      )
      expect(yield* log.partitions("sharded")).toEqual([0, 1, 2, 3])
      for (const partition of yield* log.partitions("sharded")) {
        const records = yield* log.read("sharded", partition, 0, 1000)
        expect(records.length).toBeGreaterThan(0)
        expect(offsets(records)).toEqual(upTo(records.length))
        const byKey = Map.groupBy(records, ({ key }) => key)
        for (const [key, own] of byKey) {
          expect(partitionOf(key, 4)).toBe(partition)
          expect(own.map(({ payload }) => payload)).toEqual(upTo(5).map((n) => ({ n })))
        }
      }
    }),
  )

  test(
    "[log 18] a reader sees no gap and no offset late, while many write and some of them fail",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const topic = fresh("busy")
      const writers = 40
      const each = 25
      const seen: Array<number> = []
      const reader = yield* Effect.fork(
        Effect.gen(function* () {
          while (true) {
            seen.push(...offsets(yield* log.read(topic, 0, seen.length, 1000)))
            yield* Effect.yieldNow()
          }
        }),
      )
      yield* Effect.forEach(
        upTo(writers),
        (writer) =>
          Effect.forEach(upTo(each), (n) =>
            Effect.ignore(
              UnitOfWork.run(
                Effect.zipRight(
                  log.append(topic, numbered(n, 1 + (n % 3), `writer-${writer}`)),
                  (writer + n) % 4 === 0 ? Effect.fail("refused") : Effect.void,
                ),
              ),
            ),
          ),
        { concurrency: "unbounded", discard: true },
      )
      const all = yield* log.read(topic, 0, 0, 10_000)
      yield* Effect.iterate(seen.length, {
        while: () => seen.length < all.length,
        body: () => Effect.as(Effect.yieldNow(), seen.length),
      })
      yield* Fiber.interrupt(reader)
      const expected = upTo(writers * each)
        .filter((i) => (Math.floor(i / each) + (i % each)) % 4 !== 0)
        .reduce((sum, i) => sum + 1 + ((i % each) % 3), 0)
      expect(all.length).toBe(expected)
      expect(offsets(all)).toEqual(upTo(expected))
      expect(seen).toEqual(upTo(expected))
    }),
  )

  test(
    "a hint comes after a commit, not after a rollback, and many wait as one",
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const topic = fresh("hints")
      const hints = yield* log.hints(topic)
      yield* Effect.ignore(UnitOfWork.run(Effect.zipRight(log.append(topic, numbered(0, 1)), Effect.fail("refused"))))
      yield* append(fresh("another"), numbered(0, 1))
      expect(yield* Queue.size(hints)).toBe(0)
      yield* append(topic, numbered(0, 1))
      yield* log.publish(topic, numbered(1, 1))
      yield* soon(Queue.take(hints))
      expect(yield* Queue.size(hints)).toBeLessThanOrEqual(1)
      yield* Queue.takeAll(hints)
      const waiting = yield* Effect.fork(soon(Queue.take(hints)))
      yield* Effect.yieldNow()
      yield* log.publish(topic, numbered(2, 1))
      yield* Fiber.join(waiting)
    }).pipe(Effect.scoped),
  )
}
