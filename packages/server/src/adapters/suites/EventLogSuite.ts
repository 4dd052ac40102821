/**
 * What the event log promises, whatever engine is behind it. Every adapter runs this suite.
 *
 * The layer must give the topic `sharded` four partitions, and every other topic one.
 *
 * @example
 * eventLogSuite("SQLite", SqliteStore.layerTest({ topics: { sharded: { partitions: 4 } } }))
 */
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog, partitionOf } from "@paceline/core/messaging"
import { Effect, Exit, Fiber, type Layer, Queue, Schema } from "effect"

const Counted = EventLog.topic("counted", Schema.Struct({ n: Schema.Int, atMs: Schema.DateFromNumber }))

const append = (topic: string, records: ReadonlyArray<EventLog.NewRecord>) =>
  Effect.flatMap(EventLog.EventLog, (log) => UnitOfWork.run(log.append(topic, records)))

const numbered = (from: number, count: number, key = "k"): ReadonlyArray<EventLog.NewRecord> =>
  Array.from({ length: count }, (_, i) => ({ key, payload: { n: from + i } }))

const upTo = (end: number): ReadonlyArray<number> => Array.from({ length: end }, (_, i) => i)

const offsets = (records: ReadonlyArray<EventLog.LogRecord>) => records.map(({ offset }) => offset)

export const eventLogSuite = (name: string, store: Layer.Layer<UnitOfWork | EventLog.EventLog, unknown>): void => {
  const test = <A, E>(title: string, body: Effect.Effect<A, E, UnitOfWork | EventLog.EventLog>) =>
    it.live(title, () => Effect.provide(body, store))

  describe(`event log: ${name}`, () => {
    test(
      "records get dense offsets from 0 in the order appended, and are read as they were written",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const payload = { text: "ÿ\u0000\u2028🚴", list: [1, -0.5, 1e21, null], nested: { yes: true } }
        yield* append("a", [{ key: "x", payload }, ...numbered(1, 2)])
        yield* append("a", numbered(3, 1))
        const records = yield* log.read("a", 0, 0, 100)
        expect(offsets(records)).toEqual([0, 1, 2, 3])
        expect(records[0]).toMatchObject({ topic: "a", partition: 0, offset: 0, key: "x", payload })
        expect(Math.abs(Date.now() - (records[0]?.appendedAtMs ?? 0))).toBeLessThan(60_000)
      }),
    )

    test(
      "reads from any offset, at most as many as asked for, nothing past the end",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        yield* append("a", numbered(0, 10))
        expect(offsets(yield* log.read("a", 0, 4, 3))).toEqual([4, 5, 6])
        expect(offsets(yield* log.read("a", 0, 8, 100))).toEqual([8, 9])
        expect(yield* log.read("a", 0, 10, 100)).toEqual([])
        expect(yield* log.read("unheard-of", 0, 0, 100)).toEqual([])
      }),
    )

    test(
      "typed events are stored encoded and come back decoded; what does not fit the schema is never stored",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
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
        expect(yield* log.partitions("counted")).toEqual([0])
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
        const writers = 40
        const each = 25
        const seen: Array<number> = []
        const reader = yield* Effect.fork(
          Effect.gen(function* () {
            while (true) {
              seen.push(...offsets(yield* log.read("busy", 0, seen.length, 1000)))
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
                    log.append("busy", numbered(n, 1 + (n % 3), `writer-${writer}`)),
                    (writer + n) % 4 === 0 ? Effect.fail("refused") : Effect.void,
                  ),
                ),
              ),
            ),
          { concurrency: "unbounded", discard: true },
        )
        const all = yield* log.read("busy", 0, 0, 10_000)
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
      "an offset moves only from where it is said to be, and only if its unit commits",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const move = (expected: number, next: number) => UnitOfWork.run(log.commit("g", "a", 0, expected, next))
        expect(yield* log.committed("g", "a", 0)).toBe(0)
        expect(yield* Effect.flip(move(3, 4))).toEqual(
          new EventLog.OffsetMoved({ group: "g", topic: "a", partition: 0, expected: 3, actual: 0 }),
        )
        yield* move(0, 5)
        expect(yield* Effect.flip(move(0, 6))).toEqual(
          new EventLog.OffsetMoved({ group: "g", topic: "a", partition: 0, expected: 0, actual: 5 }),
        )
        yield* Effect.ignore(UnitOfWork.run(Effect.zipRight(log.commit("g", "a", 0, 5, 9), Effect.fail("refused"))))
        expect(yield* log.committed("g", "a", 0)).toBe(5)
      }),
    )

    test(
      "of two that commit the same offset at the same time, one is told that it moved",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const exits = yield* Effect.all(
          upTo(5).map((i) => Effect.exit(UnitOfWork.run(log.commit("g", "a", 0, 0, i + 1)))),
          { concurrency: "unbounded" },
        )
        expect(exits.filter(Exit.isSuccess).length).toBe(1)
      }),
    )

    test(
      "[log 21] two groups are independent",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        yield* append("a", numbered(0, 5))
        yield* UnitOfWork.run(log.commit("one", "a", 0, 0, 5))
        yield* UnitOfWork.run(log.commit("two", "a", 0, 0, 2))
        expect(yield* log.committed("one", "a", 0)).toBe(5)
        expect(yield* log.committed("two", "a", 0)).toBe(2)
        expect(yield* log.committed("three", "a", 0)).toBe(0)
      }),
    )

    test(
      "[log 22] a group seeks back to an offset and reads the same records again",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        yield* append("a", numbered(0, 5))
        const before = yield* log.read("a", 0, 2, 10)
        yield* UnitOfWork.run(log.commit("g", "a", 0, 0, 5))
        yield* UnitOfWork.run(log.commit("g", "a", 0, 5, 2))
        const from = yield* log.committed("g", "a", 0)
        expect(from).toBe(2)
        expect(yield* log.read("a", 0, from, 10)).toEqual(before)
      }),
    )

    test(
      "lag tells of every group that subscribed, from its first record on",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        expect(yield* log.lag).toEqual([])
        yield* UnitOfWork.run(log.subscribe("g", "a"))
        yield* UnitOfWork.run(log.subscribe("g", "sharded"))
        yield* append("a", numbered(0, 3))
        const lag = { group: "g", topic: "a", partition: 0, committed: 0, start: 0, end: 3 }
        expect((yield* log.lag).filter(({ topic }) => topic === "a")).toEqual([lag])
        expect((yield* log.lag).filter(({ topic }) => topic === "sharded").length).toBe(4)
        yield* UnitOfWork.run(log.commit("g", "a", 0, 0, 2))
        yield* UnitOfWork.run(log.subscribe("g", "a"))
        expect((yield* log.lag).filter(({ topic }) => topic === "a")).toEqual([{ ...lag, committed: 2 }])
      }),
    )

    test(
      "a hint comes after a commit, not after a rollback, and many wait as one",
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const hints = yield* log.hints("a")
        yield* Effect.ignore(UnitOfWork.run(Effect.zipRight(log.append("a", numbered(0, 1)), Effect.fail("refused"))))
        yield* append("another", numbered(0, 1))
        expect(yield* Queue.size(hints)).toBe(0)
        yield* append("a", numbered(0, 1))
        yield* append("a", numbered(1, 1))
        expect(yield* Queue.size(hints)).toBe(1)
        yield* Queue.take(hints)
        const waiting = yield* Effect.fork(Queue.take(hints))
        yield* append("a", numbered(2, 1))
        yield* Fiber.join(waiting)
      }).pipe(Effect.scoped),
    )
  })
}
