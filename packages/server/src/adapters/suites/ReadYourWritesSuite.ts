/**
 * What a session token promises, whatever engine is behind it. Every adapter runs this suite; one with replicas gives a
 * layer whose reads outside a unit go to a replica.
 *
 * @example
 * readYourWritesSuite("SQLite", SqliteStore.layerTest().pipe(Layer.merge(WritePosition.layerImmediate)))
 */
import { describe, expect, it } from "@effect/vitest"
import {
  AggregateStore,
  type Answers,
  Command,
  ReadYourWrites,
  UnitOfWork,
  type WritePosition,
} from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { type Duration, Effect, Fiber, type Layer, Option, Schema } from "effect"
import { freshKind } from "./AggregateServices.ts"
import { bikes, Rides, ride, stored } from "./CommandServices.ts"

type Services = UnitOfWork | AggregateStore.AggregateStore | Answers | EventLog.EventLog | WritePosition.WritePosition

/** Counts the rides of the log in an aggregate, and moves the group's offset in the same unit. Answers how many it took. */
const project = (group: string, limit: number) =>
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    const store = yield* AggregateStore.AggregateStore
    const step = (partition: number) =>
      Effect.gen(function* () {
        const from = yield* log.committed(group, Rides.name, partition)
        const records = yield* log.read(Rides.name, partition, from, limit)
        const keys = records.map(({ key }) => key)
        for (const key of new Set(keys)) {
          const count = keys.filter((each) => each === key).length
          const before = Option.getOrUndefined(yield* store.get(group, key))
          const state = Number(before?.state ?? 0) + count
          yield* before === undefined
            ? store.insert(group, key, { state, dueAtMs: null })
            : store.update(group, key, before.version, { state, dueAtMs: null })
        }
        yield* log.commit(group, Rides.name, partition, from, from + records.length)
        return records.length
      })
    const counts = yield* Effect.forEach(yield* log.partitions(Rides.name), (partition) =>
      UnitOfWork.run(step(partition)),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  })

const tokenOf = (since?: ReadYourWrites.SessionToken) =>
  Effect.flatMap(EventLog.EventLog, (log) =>
    ReadYourWrites.token({ logged: { log, topics: [Rides.name] }, ...(since === undefined ? {} : { since }) }),
  )

const waiting = (group: string, token: ReadYourWrites.SessionToken, within: Duration.DurationInput) =>
  Effect.flatMap(EventLog.EventLog, (log) => ReadYourWrites.waitFor(token, { within, projections: [{ group, log }] }))

export const readYourWritesSuite = (name: string, store: Layer.Layer<Services, unknown>): void => {
  const test = <A, E>(title: string, body: Effect.Effect<A, E, Services>) =>
    it.scopedLive(title, () => Effect.provide(body, store), 60_000)

  describe(`read your writes: ${name}`, () => {
    test(
      "[log 7] the next read sees what the session wrote, for many sessions at once",
      Effect.gen(function* () {
        const aggregate = bikes(freshKind("sessions/"))
        yield* Effect.forEach(
          Array.from({ length: 20 }, (_, i) => `bike-${i}`),
          (id) =>
            Effect.gen(function* () {
              let token = yield* ReadYourWrites.token()
              for (let n = 1; n <= 5; n++) {
                yield* Command.execute(aggregate, id, ride(1))
                token = yield* ReadYourWrites.token({ since: token })
                yield* ReadYourWrites.waitFor(token, { within: "20 seconds" })
                expect(yield* stored(aggregate.kind, id)).toMatchObject({ version: n, state: { metres: n } })
              }
            }),
          { concurrency: "unbounded", discard: true },
        )
      }),
    )

    test(
      "[log 7] a read of a projection waits until that has the session's events",
      Effect.gen(function* () {
        const aggregate = bikes(freshKind("projected/"))
        const group = freshKind("counters/")
        for (let n = 0; n < 30; n++) yield* Command.execute(aggregate, `bike-${n % 3}`, ride(n))
        const token = yield* tokenOf()
        const read = yield* Effect.fork(
          Effect.zipRight(waiting(group, token, "20 seconds"), stored(group, `${aggregate.kind}/bike-2`)),
        )
        // As a consumer would go about it: a few records at a time, and others' work between.
        while ((yield* project(group, 7)) > 0) yield* Effect.yieldNow()
        expect((yield* Fiber.join(read))?.state).toBe(10)
      }),
    )

    test(
      "[log 7] fails with a typed error when the projection does not come in time, and says who is behind",
      Effect.gen(function* () {
        const aggregate = bikes(freshKind("behind/"))
        const group = freshKind("idle/")
        yield* Command.execute(aggregate, "b", ride(1))
        const token = yield* tokenOf()
        const error = yield* Effect.flip(waiting(group, token, 30))
        expect(error).toBeInstanceOf(ReadYourWrites.NotYetVisible)
        expect(error.message).toContain(`group "${group}" is at 0 of ${Rides.name}/`)
        while ((yield* project(group, 1000)) > 0) yield* Effect.yieldNow()
        yield* waiting(group, token, 30)
      }),
    )

    test(
      "does not wait for topics that the projection does not read",
      Effect.gen(function* () {
        const aggregate = bikes(freshKind("other/"))
        yield* Command.execute(aggregate, "b", ride(1))
        const token = yield* tokenOf()
        const log = yield* EventLog.EventLog
        const projections = [{ group: freshKind("elsewhere/"), log, topics: ["orders"] }]
        yield* ReadYourWrites.waitFor(token, { projections, within: 0 })
      }),
    )

    test(
      "[log 7] a request that came twice gives a token for what the first one wrote",
      Effect.gen(function* () {
        const aggregate = bikes(freshKind("replayed/"))
        const group = freshKind("replayed group/")
        const idempotency = { key: `${aggregate.kind}/key`, request: 1, answer: Schema.Number }
        yield* Command.execute(aggregate, "b", ride(1), { idempotency })
        // Its answer, with its token, was lost on the way.
        yield* Command.execute(aggregate, "b", ride(1), { idempotency })
        const token = yield* tokenOf()
        expect(yield* Effect.flip(waiting(group, token, 0))).toBeInstanceOf(ReadYourWrites.NotYetVisible)
        while ((yield* project(group, 1000)) > 0) yield* Effect.yieldNow()
        yield* waiting(group, token, 0)
        expect((yield* stored(group, `${aggregate.kind}/b`))?.state).toBe(1)
      }),
    )

    test(
      "[log 7] a token that is handed on keeps what it asked for before",
      Effect.gen(function* () {
        const aggregate = bikes(freshKind("handed on/"))
        const group = freshKind("handed on group/")
        yield* Command.execute(aggregate, "b", ride(1))
        const first = yield* tokenOf()
        const second = yield* ReadYourWrites.token({ since: first })
        expect(yield* Effect.flip(waiting(group, second, 0))).toBeInstanceOf(ReadYourWrites.NotYetVisible)
      }),
    )
  })
}
