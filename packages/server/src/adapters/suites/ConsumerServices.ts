/** What the consumer's suites share: topics, a handler whose effects can be counted, and how a test waits. */
import { expect, it } from "@effect/vitest"
import { AggregateStore, type StorageError, UnitOfWork } from "@paceline/core/consistency"
import { type Consumer, EventLog } from "@paceline/core/messaging"
import { type Context, type Duration, Effect, type Layer, Option, Schema, TestClock } from "effect"

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

export const Step = Schema.Struct({ n: Schema.Int })
export type Step = typeof Step.Type

export const Steps = EventLog.topic("steps", Step)
export const Sharded = EventLog.topic("sharded", Step)

export type Batch = ReadonlyArray<Consumer.Delivered<Step>>

/** The effect of a record: one a delivery, so that a doubled one shows. */
export interface Effected {
  readonly key: string
  readonly n: number
}

const Effects = Schema.Array(Schema.Struct({ key: Schema.String, n: Schema.Int }))

const kindOf = (consumer: string) => `effect/${consumer}`

/** Leaves the effects of a batch, in the unit that is running, in the order in which they happen in a partition. */
export const store = (consumer: string) => (batch: Batch) =>
  Effect.gen(function* () {
    const aggregates = yield* AggregateStore.AggregateStore
    const kind = kindOf(consumer)
    const id = `${batch[0]?.record.partition}`
    const added = batch.map(({ event, record }) => ({ key: record.key, n: event.n }))
    const before = yield* aggregates.get(kind, id)
    if (Option.isNone(before)) return yield* aggregates.insert(kind, id, { state: added, dueAtMs: null })
    const state = [...Schema.decodeUnknownSync(Effects)(before.value.state), ...added]
    yield* aggregates.update(kind, id, before.value.version, { state, dueAtMs: null })
  })

/** All effects of a consumer, partition by partition. */
export const stored = (
  consumer: string,
): Effect.Effect<ReadonlyArray<Effected>, StorageError, AggregateStore.AggregateStore> =>
  Effect.flatMap(AggregateStore.AggregateStore, (aggregates) =>
    Effect.map(aggregates.list(kindOf(consumer), { limit: 1_000 }), (all) =>
      all.flatMap(({ state }) => Schema.decodeUnknownSync(Effects)(state)),
    ),
  )

export const storedNumbers = (consumer: string) => Effect.map(stored(consumer), (rows) => rows.map(({ n }) => n))

/** Fails if any record of these has no effect, more than one, or one out of its key's order. */
export const expectOnceInOrder = (consumer: string, keys: ReadonlyArray<string>, each: number) =>
  Effect.map(stored(consumer), (rows) => {
    const byKey = Map.groupBy(rows, ({ key }) => key)
    for (const key of keys) expect(byKey.get(key)?.map(({ n }) => n)).toEqual(numbers(0, each))
    expect(rows.length).toBe(keys.length * each)
  })

export const publish = <A, I>(topic: EventLog.Topic<A, I>, events: ReadonlyArray<EventLog.NewEvent<A>>) =>
  UnitOfWork.run(EventLog.append(topic, events))

export const steps = (from: number, count: number, key = "k") =>
  Array.from({ length: count }, (_, i) => ({ key, event: { n: from + i } }))

export const numbers = (from: number, count: number) => steps(from, count).map(({ event }) => event.n)

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
