/** What the suites of windowed streams share: a stream of readings, and a sink in the store that shows what was said twice. */
import { it } from "@effect/vitest"
import { AggregateStore, type StorageError, type Transaction, type UnitOfWork } from "@paceline/core/consistency"
import type { WindowPane } from "@paceline/core/kernel"
import { EventLog, partitionOf } from "@paceline/core/messaging"
import { type WindowedStream, WindowShape } from "@paceline/core/streams"
import { Effect, Fiber, type Layer, Option, Schema, TestClock } from "effect"

type WindowedServices = UnitOfWork | EventLog.EventLog | AggregateStore.AggregateStore

/** Each time it is built it must be an empty store. */
export type WindowedStore = Layer.Layer<WindowedServices, unknown>

/** How the adapter must keep these topics. */
export const WINDOWED_TOPICS: Readonly<Record<string, EventLog.TopicSettings>> = { "readings/4": { partitions: 4 } }

export type WindowedTest = <A, E>(
  title: string,
  body: Effect.Effect<A, E, WindowedServices>,
  timeoutMs?: number,
) => void

/** On the test clock, each on a store of its own. */
export const windowedTestsOn =
  (store: WindowedStore): WindowedTest =>
  (title, body, timeoutMs = 60_000) =>
    it.effect(title, () => Effect.provide(body, store), timeoutMs)

/** A reading: when it happened, and its own number, by which it is known again. */
export const Reading = Schema.Struct({
  at: Schema.NullOr(Schema.Number),
  n: Schema.Int,
  zone: Schema.optional(Schema.String),
})
export type Reading = typeof Reading.Type

/** One partition: what a stream says is then certain, word for word. */
export const Readings = EventLog.topic("readings", Reading)
export const SharedReadings = EventLog.topic("readings/4", Reading)

/** A key that lies in this partition of `SharedReadings`. */
export const keyIn = (partition: number, nth = 0): string => {
  const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`).filter((key) => partitionOf(key, 4) === partition)
  return keys[nth] ?? "none"
}

export const publish = (topic: typeof Readings, key: string, ...readings: ReadonlyArray<Reading>) =>
  Effect.flatMap(EventLog.EventLog, () =>
    EventLog.publish(
      topic,
      readings.map((event) => ({ key, event })),
    ),
  )

/** What a window gathers here: the numbers of its readings, so that one that is lost or doubled shows. */
const Numbers = Schema.Array(Schema.Int)

const Emitted = Schema.Struct({
  _tag: Schema.Literal("Update", "OnTime", "Final"),
  key: Schema.String,
  startMillis: Schema.Number,
  endMillis: Schema.Number,
  value: Numbers,
  late: Schema.optional(Schema.Boolean),
  replaces: Schema.optional(Schema.Array(Schema.Struct({ startMillis: Schema.Number, endMillis: Schema.Number }))),
})
export type Emitted = typeof Emitted.Type

const Late = Schema.Struct({ key: Schema.String, n: Schema.Int, reason: Schema.String })
export type Late = typeof Late.Type

/** Adds to a list in the store, in the unit that is running. */
const addTo = <A, I>(kind: string, id: string, schema: Schema.Schema<A, I>, added: ReadonlyArray<A>) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore.AggregateStore
    const list = Schema.Array(schema)
    const before = yield* store.get(kind, id)
    if (Option.isNone(before)) {
      return yield* store.insert(kind, id, { state: Schema.encodeSync(list)(added), dueAtMs: null })
    }
    const all = [...Schema.decodeUnknownSync(list)(before.value.state), ...added]
    yield* store.update(kind, id, before.value.version, { state: Schema.encodeSync(list)(all), dueAtMs: null })
  })

const listed = <A, I>(
  kind: string,
  schema: Schema.Schema<A, I>,
): Effect.Effect<ReadonlyArray<A>, StorageError, AggregateStore.AggregateStore> =>
  Effect.flatMap(AggregateStore.AggregateStore, (store) =>
    Effect.map(store.list(kind, { limit: 10_000 }), (all) =>
      all.flatMap(({ state }) => Schema.decodeUnknownSync(Schema.Array(schema))(state)),
    ),
  )

/** All that a stream said, key by key, in each key's order. */
export const told = (name: string) => listed(`told/${name}`, Emitted)

export const toldLate = (name: string) => listed(`late/${name}`, Late)

type Sinks = AggregateStore.AggregateStore | Transaction

export type ReadingStream = WindowedStream.WindowedStreamOptions<
  Reading,
  Reading,
  ReadonlyArray<number>,
  ReadonlyArray<number>,
  unknown,
  Sinks,
  unknown,
  Sinks
>

/** A stream of readings whose windows hold numbers in the order in which they came. Everything can be said otherwise. */
export const readingStream = (options: Partial<ReadingStream> = {}): ReadingStream => {
  const name = options.name ?? "s"
  return {
    name,
    topic: Readings,
    atMillisOf: ({ at }) => at ?? Number.NaN,
    shape: WindowShape.everyMinute,
    initial: [],
    add: (numbers: ReadonlyArray<number>, { value }: WindowPane.WindowEvent<Reading>) => [...numbers, value.n],
    state: Numbers,
    graceMillis: 0,
    watermark: { disorderMillis: 0 },
    onEmit: (emissions) =>
      Effect.forEach(
        Map.groupBy(emissions, ({ key }) => key),
        ([key, all]) => addTo(`told/${name}`, key, Emitted, all),
      ),
    onLate: (events) =>
      Effect.forEach(
        Map.groupBy(events, ({ event }) => event.key),
        ([key, all]) =>
          addTo(
            `late/${name}`,
            key,
            Late,
            all.map(({ event, reason }) => ({ key: event.key, n: event.value.n, reason })),
          ),
      ),
    ...options,
  }
}

/** The store answers from the event loop, outside Effect's clock: this lets it. */
export const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

export const until = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(condition, (holds) => (holds ? Effect.void : Effect.zipRight(turn, until(condition))))

/** As `until`, while the test clock runs. */
export const inTime = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  until(Effect.zipRight(TestClock.adjust("100 millis"), condition))

/** The stream has handled all that the log holds. */
export const caughtUp = (name = "s") =>
  Effect.flatMap(EventLog.EventLog, (log) =>
    Effect.map(log.lag, (lags) => {
      const own = lags.filter(({ group }) => group === `stream/${name}`)
      return own.length > 0 && own.every(({ committed, end }) => committed === end)
    }),
  )

/** Waits while a few ticks pass. */
export const ticks = Effect.repeatN(Effect.zipRight(TestClock.adjust("500 millis"), Effect.repeatN(turn, 10)), 9)

/** What is left for the receiver of all that was said: one row a window. */
export const rows = (emitted: ReadonlyArray<Emitted>): ReadonlyMap<string, ReadonlyArray<number>> => {
  const table = new Map<string, ReadonlyArray<number>>()
  const id = (key: string, span: WindowPane.Span) => `${key} ${span.startMillis} ${span.endMillis}`
  for (const emission of emitted) {
    for (const span of emission.replaces ?? []) table.delete(id(emission.key, span))
    table.set(id(emission.key, emission), emission.value)
  }
  return table
}

/** What was said in short: tag, start and end, numbers. */
export const brief = (emitted: ReadonlyArray<Emitted>) =>
  emitted.map(({ _tag, endMillis, startMillis, value }) => [_tag, startMillis, endMillis, value])

/** Runs a stream while the body does. */
export const whileRunning =
  <E2, R2>(stream: Effect.Effect<never, E2, R2>) =>
  <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | R2> =>
    Effect.acquireUseRelease(Effect.fork(Effect.interruptible(stream)), () => body, Fiber.interrupt)
