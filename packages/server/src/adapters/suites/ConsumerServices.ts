/** What the consumer's suites share: the topics, the stores, and how a test waits. */
import { expect, it } from "@effect/vitest"
import type { AggregateStore, UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { type Context, type Duration, Effect, type Layer, TestClock } from "effect"
import { type Batch, numbers, stored } from "./ConsumerEffects.ts"

export * from "./ConsumerEffects.ts"

export type ConsumerServices = UnitOfWork | EventLog.EventLog | AggregateStore.AggregateStore

/** Each time it is built it must be an empty store. */
export type ConsumerStore = Layer.Layer<ConsumerServices, unknown>

export type ConsumerTest = <A, E>(
  title: string,
  body: Effect.Effect<A, E, ConsumerServices>,
  timeoutMs?: number,
) => void

/** How the adapter must keep these topics; all others as the defaults say. */
export const CONSUMER_TOPICS: Readonly<Record<string, EventLog.TopicSettings>> = {
  sharded: { partitions: 4 },
  wide: { partitions: 16 },
  "short segments": { segmentRecords: 10 },
}

/** On the test clock, each on a store of its own. */
export const testsOn =
  (store: ConsumerStore): ConsumerTest =>
  (title, body, timeoutMs) =>
    it.effect(title, () => Effect.provide(body, store), timeoutMs)

/** Fails if any record of these has no effect, more than one, or one out of its key's order. */
export const expectOnceInOrder = (consumer: string, keys: ReadonlyArray<string>, each: number) =>
  Effect.map(stored(consumer), (rows) => {
    const byKey = Map.groupBy(rows, ({ key }) => key)
    for (const key of keys) expect(byKey.get(key)?.map(({ n }) => n)).toEqual(numbers(0, each))
    expect(rows.length).toBe(keys.length * each)
  })

/** The store answers from the event loop, outside Effect's clock: this lets it. */
export const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** A few answers of the store. */
export const turns = Effect.repeatN(turn, 30)

export const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(condition, (holds) => (holds ? Effect.void : Effect.zipRight(turn, until(condition))))

/** As `until`, while the test clock runs. */
export const inTime = <E, R>(condition: Effect.Effect<boolean, E, R>, step: Duration.DurationInput = "100 millis") =>
  until(Effect.zipRight(TestClock.adjust(step), condition))

export const caughtUp = Effect.flatMap(EventLog.EventLog, (log) =>
  Effect.map(log.lag, (lag) => lag.length > 0 && lag.every(({ committed, end }) => committed === end)),
)

export const committed = (group: string, topic: string, partition = 0) =>
  Effect.flatMap(EventLog.EventLog, (log) => log.committed(group, topic, partition))

export const has = (consumer: string, count: number) => Effect.map(stored(consumer), (rows) => rows.length === count)

/** True when a fiber sleeps on the test clock until `atMs`. */
export const sleepsUntil = (atMs: number) => Effect.map(TestClock.sleeps(), (sleeps) => [...sleeps].includes(atMs))

/** A handler that fails whenever one of these is in its batch. */
export const failingAt =
  <E, R>(bad: ReadonlySet<number>, handle: (batch: Batch) => Effect.Effect<void, E, R>) =>
  (batch: Batch): Effect.Effect<void, E | string, R> =>
    batch.some(({ event }) => bad.has(event.n)) ? Effect.fail("not this one") : handle(batch)

type Log = Context.Tag.Service<typeof EventLog.EventLog>

/** Runs with an event log that does some things differently. */
export const withLog =
  (change: (log: Log) => Partial<Log>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | EventLog.EventLog> =>
    Effect.flatMap(EventLog.EventLog, (log) =>
      Effect.provideService(effect, EventLog.EventLog, { ...log, ...change(log) }),
    )
