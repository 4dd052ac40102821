/** Events, and a handler whose effects can be counted: for the consumer's suites, and for the processes that they start. */
import { AggregateStore, type StorageError, UnitOfWork } from "@paceline/core/consistency"
import { type Consumer, EventLog } from "@paceline/core/messaging"
import { Effect, Option, Schema } from "effect"

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

export const publish = <A, I>(topic: EventLog.Topic<A, I>, events: ReadonlyArray<EventLog.NewEvent<A>>) =>
  UnitOfWork.run(EventLog.append(topic, events))

export const steps = (from: number, count: number, key = "k") =>
  Array.from({ length: count }, (_, i) => ({ key, event: { n: from + i } }))

export const numbers = (from: number, count: number) => steps(from, count).map(({ event }) => event.n)
