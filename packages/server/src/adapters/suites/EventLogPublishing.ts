/** The part of the event log's suite that tells of publishing: a unit of work of its own, grouped with others. */
import { expect } from "@effect/vitest"
import { EventLog, partitionOf } from "@paceline/core/messaging"
import { Effect, Exit, Schema } from "effect"
import { append, ask, fresh, type LogTest, numbered, offsets, publish, upTo } from "./EventLogServices.ts"

const Event = Schema.Struct({ n: Schema.Int })

export const publishing = (test: LogTest): void => {
  test(
    "[log 5] when a publish is answered its records are there, at the positions that it names",
    Effect.gen(function* () {
      const topic = fresh("published")
      expect(yield* publish(topic, [])).toEqual([])
      const headers = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "🚴": "ÿ" }
      const positions = yield* publish(topic, [{ key: "x", payload: { n: 0 }, headers }, ...numbered(1, 2)])
      expect(positions).toEqual(upTo(3).map((offset) => ({ partition: 0, offset, duplicate: false })))
      const records = yield* ask((log) => log.read(topic, 0, 0, 9))
      expect(records.map(({ payload }) => payload)).toEqual(upTo(3).map((n) => ({ n })))
      expect(records.map((record) => record.headers)).toEqual([headers, {}, {}])
    }),
  )

  test(
    "[log 18] many publishers and units at the same time: offsets dense, each record at its position, keys in order",
    Effect.gen(function* () {
      const topic = "sharded/publish"
      const publishers = upTo(60)
      const answered = yield* Effect.forEach(
        publishers,
        (who) =>
          Effect.forEach(upTo(8), (n) => {
            const records = upTo(1 + ((who + n) % 3)).map((i) => ({ key: `key-${who}`, payload: { who, n, i } }))
            return Effect.map((who % 4 === 0 ? append : publish)(topic, records), (positions) =>
              positions.map((position, i) => ({ ...position, payload: { who, n, i } })),
            )
          }),
        { concurrency: "unbounded" },
      )
      const stored = yield* Effect.forEach(upTo(4), (partition) => ask((log) => log.read(topic, partition, 0, 10_000)))
      for (const records of stored) expect(offsets(records)).toEqual(upTo(records.length))
      const all = stored.flat()
      const positions = answered.flat(2)
      expect(all.length).toBe(positions.length)
      for (const { offset, partition, payload } of positions) {
        expect(stored[partition]?.[offset]?.payload).toEqual(payload)
      }
      for (const [key, records] of Map.groupBy(all, (record) => record.key)) {
        const who = Number(key.slice(4))
        const inOrder = upTo(8).flatMap((n) => upTo(1 + ((who + n) % 3)).map((i) => ({ who, n, i })))
        expect(records.map(({ payload }) => payload)).toEqual(inOrder)
        expect(new Set(records.map(({ partition }) => partition))).toEqual(new Set([partitionOf(key, 4)]))
      }
    }),
  )

  test(
    "any text is a key and a payload, alone and among others",
    Effect.gen(function* () {
      const texts = ["", "\u001e", "a\u001eb", "\u001e\u001e", 'a\nb\t"c"\\{d},NULL', "ü🚴\u2028"]
      const records = texts.map((text) => ({ key: text, payload: { text } }))
      const batches = [...records.map((record) => [record]), records, records.slice(4), [records[0], records[0]]]
      const topic = fresh("any text")
      for (const batch of batches) {
        const given = batch.flatMap((record) => record ?? [])
        yield* publish(topic, given)
        yield* append(topic, given)
      }
      const stored = yield* ask((log) => log.read(topic, 0, 0, 99))
      const told = batches.flatMap((batch) => [...batch, ...batch])
      expect(stored.map(({ key, payload }) => ({ key, payload }))).toEqual(told)
    }),
  )

  test(
    "a publish of something that is no JSON dies whole, and alone",
    Effect.gen(function* () {
      const topic = fresh("no json")
      const bad = [...numbered(0, 2), { key: "k", payload: undefined }]
      const exits = yield* Effect.forEach(upTo(9), (i) => Effect.exit(publish(topic, i === 4 ? bad : numbered(i, 1))), {
        concurrency: "unbounded",
      })
      expect(exits.map(Exit.isSuccess)).toEqual(upTo(9).map((i) => i !== 4))
      expect((yield* ask((log) => log.read(topic, 0, 0, 99))).length).toBe(8)
    }),
  )

  test(
    "typed events carry the span that they were made in",
    Effect.gen(function* () {
      const Traced = EventLog.topic(fresh("traced"), Event)
      yield* EventLog.publish(Traced, [{ key: "k", event: { n: 1 } }])
      const span = yield* Effect.withSpan(
        Effect.zipRight(EventLog.publish(Traced, [{ key: "k", event: { n: 2 } }]), Effect.orDie(Effect.currentSpan)),
        "made here",
      )
      const [without, traced] = yield* ask((log) => log.read(Traced.name, 0, 0, 9))
      expect(without?.headers).toEqual({})
      expect(traced?.headers["traceparent"]).toContain(span.traceId)
      expect(traced?.headers["traceparent"]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
    }),
  )
}
