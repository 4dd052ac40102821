/**
 * The last N events of each key, by the time at which they happened, exactly once: the window that slides by count.
 *
 * As with `WindowedStream` what is kept, what is said and the group's offset commit in one unit of work. There is no
 * watermark, for there is nothing to wait for: a late event takes its place among the last N, and one that is older than
 * all of a full window goes to `onLate`. With `forgetAfterMillis` a key that was silent for so long, in event time
 * against the newest event of its partition (of all, with `keyOf`), is removed; without, keys are kept for ever.
 *
 * @example
 * LastNStream.run({
 *   name: "last-ten-rides",
 *   topic: Rides, // keyed by athlete
 *   atMillisOf: (ride) => ride.startedAtMillis,
 *   count: 10,
 *   valueFrom: (ride) => ride.metres,
 *   state: Schema.Number,
 *   onEmit: (windows) => upsertRows(windows.map(({ key, events }) => ({ key, metres: events.map(({ value }) => value) }))),
 *   onLate: () => Effect.void,
 * })
 */
import { type Array as Arr, Clock, type Context, Effect, Schema } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import * as LastN from "../kernel/streams/LastN.ts"
import * as Consumer from "../messaging/Consumer.ts"
import type { Delivered } from "../messaging/ConsumerOptions.ts"
import type { LogRecord, Topic } from "../messaging/EventLog.ts"
import { KeyStates, type LoadedKey } from "./KeyStates.ts"
import { ensure } from "./StreamDefinition.ts"
import { attempt, type EventUnusable, type StreamDefinitionChanged } from "./StreamErrors.ts"
import { StreamGate } from "./StreamGate.ts"
import * as Kinds from "./StreamKinds.ts"
import { type Placing, placing, windowEvent } from "./WindowEvents.ts"
import type { Working } from "./WindowedStream.ts"

export { reset } from "./StreamDefinition.ts"
export { StreamDefinitionChanged } from "./StreamErrors.ts"

/** A key's window after the events of one batch, oldest first. */
export interface LastEvents<V> {
  readonly key: string
  readonly events: ReadonlyArray<LastN.Kept<V>>
}

/** An event that is not among the last N; or, as `no-time`, one whose time is not a number. */
export type LateEvent<V> = LastN.LastNStep<V>["side"][number]

export interface LastNStreamOptions<Ev, I, V, VI, E, R, E2, R2> {
  /** Names its group, and what it stores. */
  readonly name: string
  readonly topic: Topic<Ev, I>
  /** Whose events; the record's key if not given. */
  readonly keyOf?: (event: Ev, record: LogRecord) => string
  /** When it happened, milliseconds since the epoch; fractions are cut. */
  readonly atMillisOf: (event: Ev, record: LogRecord) => number
  /** N, a whole number from 1. */
  readonly count: number
  /** What is kept of an event. */
  readonly valueFrom: (event: Ev, record: LogRecord) => V
  readonly state: Schema.Schema<V, VI>
  readonly forgetAfterMillis?: number
  /** Gets each key that changed once, as it is after the batch. */
  readonly onEmit: (windows: Arr.NonEmptyReadonlyArray<LastEvents<V>>) => Effect.Effect<unknown, E, R>
  readonly onLate: (events: Arr.NonEmptyReadonlyArray<LateEvent<V>>) => Effect.Effect<unknown, E2, R2>
  /** Raised when the functions come to mean something else. 1 if not given. */
  readonly revision?: number
  readonly consumer?: Working
}

/**
 * Keeps until interrupted; then the batches that run end, and it gives its partitions back.
 *
 * Dies with a RangeError when an option is out of its range.
 */
export const run = <Ev, I, V, VI, E, R, E2, R2>(
  options: LastNStreamOptions<Ev, I, V, VI, E, R, E2, R2>,
): Effect.Effect<
  never,
  StorageError | StreamDefinitionChanged,
  Consumer.Needs | Exclude<R, Transaction> | Exclude<R2, Transaction>
> =>
  Effect.gen(function* () {
    const { count, name, topic } = options
    yield* Effect.sync(() => checked(options))
    yield* ensure({
      name,
      topic: topic.name,
      shape: `last ${count}`,
      keys: options.keyOf === undefined ? "the record's" : "its own",
      revision: options.revision ?? 1,
    })
    const units = new LastNUnits(options, yield* AggregateStore)
    return yield* Consumer.run({
      batchSize: BATCH_SIZE,
      order: "strict",
      ...options.consumer,
      group: Kinds.group(name),
      topic,
      handle: (batch) => units.batch(batch),
    })
  }).pipe(Effect.annotateLogs({ stream: options.name }))

const BATCH_SIZE = 1_000

/** So many keys at most are forgotten by one batch. */
const MOST_FORGOTTEN = 500

const Gate = Schema.Struct({ newestMillis: Schema.NullOr(Schema.Number) })

const keptSchema = <V, VI>(value: Schema.Schema<V, VI>) =>
  Schema.Array(Schema.Struct({ atMillis: Schema.Number, value }))

/** @throws RangeError when an option is out of its range. */
const checked = ({ count, forgetAfterMillis }: { readonly count: number; readonly forgetAfterMillis?: number }) => {
  LastN.step(LastN.empty, [], { count })
  if (forgetAfterMillis !== undefined && !(Number.isSafeInteger(forgetAfterMillis) && forgetAfterMillis >= 1))
    throw new RangeError(`forgetAfterMillis must be a whole number from 1, not ${forgetAfterMillis}`)
}

/** What one unit of work does for the stream. */
class LastNUnits<Ev, I, V, VI, E, R, E2, R2> {
  readonly #options: LastNStreamOptions<Ev, I, V, VI, E, R, E2, R2>
  readonly #kernel: LastN.LastNOptions
  readonly #placing: Placing<Ev>
  readonly #keys
  readonly #gates

  constructor(
    options: LastNStreamOptions<Ev, I, V, VI, E, R, E2, R2>,
    store: Context.Tag.Service<typeof AggregateStore>,
  ) {
    const { count, forgetAfterMillis, name, state } = options
    this.#options = options
    this.#kernel = { count, ...(forgetAfterMillis === undefined ? {} : { forgetAfterMillis }) }
    this.#placing = placing(options)
    this.#keys = new KeyStates(store, Kinds.keys(name), keptSchema(state))
    this.#gates = new StreamGate(store, Kinds.gates(name), Gate, { newestMillis: null })
  }

  batch(
    delivered: ReadonlyArray<Delivered<Ev>>,
  ): Effect.Effect<void, E | E2 | StorageError | EventUnusable, R | R2 | Transaction> {
    return Effect.gen(this, function* () {
      const [head] = delivered
      if (head === undefined) return
      const { name, onEmit, onLate, valueFrom } = this.#options
      const nowMillis = yield* Clock.currentTimeMillis
      const events = yield* attempt(name, () =>
        delivered.map((each) => ({
          ...windowEvent(this.#placing, each, nowMillis),
          value: valueFrom(each.event, each.record),
        })),
      )
      const gate = yield* this.#gates.lock(this.#placing.shardOf(head.record.partition))
      const loaded = yield* this.#keys.loadAll(events.map(({ key }) => key))
      const keys = loaded.flatMap(({ id, state }) => (state === undefined ? [] : [{ key: id, events: state }]))
      const step = LastN.step({ keys, newestMillis: gate.state.newestMillis }, events, this.#kernel)
      const emitted = new Map(step.emitted.map((window) => [window.key, window]))
      yield* this.#write(gate.shard, loaded, step.state, emitted)
      const { newestMillis } = step.state
      if (newestMillis !== gate.state.newestMillis) yield* this.#gates.keep(gate, { newestMillis })
      if (newestMillis !== null) yield* this.#forget(gate.shard, newestMillis)
      const [first, ...others] = emitted.values()
      if (first !== undefined) yield* onEmit([first, ...others])
      const [late, ...later] = step.side
      if (late !== undefined) yield* onLate([late, ...later])
    })
  }

  #write(
    shard: number,
    loaded: ReadonlyArray<LoadedKey<ReadonlyArray<LastN.Kept<V>>>>,
    { keys }: LastN.LastNState<V>,
    emitted: ReadonlyMap<string, unknown>,
  ) {
    const { forgetAfterMillis } = this.#options
    const after = new Map(keys.map(({ events, key }) => [key, events]))
    return Effect.forEach(
      loaded,
      (before) => {
        const state = after.get(before.id)
        if (state === undefined) return this.#keys.write(shard, before, undefined)
        if (!emitted.has(before.id)) return Effect.void
        const newest = state.at(-1)
        const dueAtMs =
          forgetAfterMillis === undefined || newest === undefined ? null : newest.atMillis + forgetAfterMillis
        return this.#keys.write(shard, before, { state, dueAtMs })
      },
      { discard: true },
    )
  }

  /** Keys that were silent for too long. */
  #forget(shard: number, newestMillis: number) {
    if (this.#options.forgetAfterMillis === undefined) return Effect.void
    return Effect.flatMap(this.#keys.claim(shard, newestMillis, MOST_FORGOTTEN), (silent) =>
      Effect.forEach(silent, (key) => this.#keys.write(shard, key, undefined), { discard: true }),
    )
  }
}
