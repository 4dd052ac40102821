/**
 * Events of the log, gathered into windows by the time at which they happened, exactly once.
 *
 * A consumer group reads a topic; what its windows gathered, what they say, and the group's offset commit in ONE unit of
 * work. So whatever dies, nothing is counted twice, nothing is lost, and a restart goes on where it was, with windows
 * aligned as before. Members in several processes share the partitions.
 *
 * The kernel `Windows` says what windows tell: an `Update` when events changed one, `OnTime` when the watermark has
 * passed its end, `Final` when its grace is over. An event that is too late for that goes to `onLate`. Both handlers
 * run inside the unit: they append to a topic, or upsert rows at (key, startMillis, endMillis) and delete those under
 * `replaces`. Each key's emissions come in their order; between keys there is none.
 *
 * - **Watermark.** No event earlier than it is awaited: the least of all partitions' newest times, less
 *   `disorderMillis`. With `idleAfterMillis` a partition that has nothing to read for so long does not hold it, and
 *   windows close although nothing comes. Without it one silent partition holds all windows open.
 * - **Keys.** Those of the records, so that partitions are worked on side by side. With `keyOf` a key's events may come
 *   from several partitions; they are then gathered one batch at a time. A key without windows is removed.
 * - **Bad events.** One whose time is not a number goes to `onLate`. One at which a function throws is a dead letter at
 *   once. While a handler fails, its partition waits (`order: "strict"`) and holds the watermark, so that nobody is late
 *   because of it; with `per-key` other keys pass, and what waited may be late.
 * - **Change.** The shape, the topic, whether there is a `keyOf`, and `revision` are stored with the stream; a run that
 *   says otherwise fails with `StreamDefinitionChanged`. Start anew under another name, or `reset` it.
 *
 * @example
 * WindowedStream.run({
 *   name: "power-by-minute",
 *   topic: Readings, // keyed by athlete
 *   atMillisOf: (reading) => reading.atMillis,
 *   shape: WindowShape.everyMinute,
 *   initial: { sum: 0, count: 0 },
 *   add: ({ sum, count }, { value }) => ({ sum: sum + value.watts, count: count + 1 }),
 *   state: Schema.Struct({ sum: Schema.Number, count: Schema.Number }),
 *   graceMillis: 60_000,
 *   watermark: { disorderMillis: 2_000, idleAfterMillis: 30_000 },
 *   onEmit: (emissions) => upsertRows(emissions),
 *   onLate: (events) => EventLog.append(LateReadings, events.map(({ event }) => ({ key: event.key, event: event.value }))),
 * })
 */
import { type Array as Arr, Clock, Duration, Effect, Queue, Random, type Schema } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { afterCommit, type StorageError, type Transaction, UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import type { WatermarkOptions } from "../kernel/streams/Watermark.ts"
import type { WindowEvent } from "../kernel/streams/WindowPane.ts"
import * as Windows from "../kernel/streams/Windows.ts"
import * as Consumer from "../messaging/Consumer.ts"
import { EventLog, type LogRecord, type Topic } from "../messaging/EventLog.ts"
import type { Updates } from "./Emissions.ts"
import { ensure } from "./StreamDefinition.ts"
import type { StreamDefinitionChanged } from "./StreamErrors.ts"
import * as Kinds from "./StreamKinds.ts"
import { placing } from "./WindowEvents.ts"
import type { WindowShape } from "./WindowShape.ts"
import { type Stream, WindowUnits } from "./WindowUnits.ts"

export { reset } from "./StreamDefinition.ts"
export { StreamDefinitionChanged } from "./StreamErrors.ts"

/** One window of a key speaks. Times are milliseconds since the epoch; a start is in the window, an end is not. */
export type Emission<W> = Windows.Emission<W>

/** An event that no window took, or that missed some of its windows. */
export type LateEvent<Ev> = Windows.SideEvent<Ev>

/** How its consumer works; see `ConsumerOptions`. */
export interface Working {
  /** At most so many events in one unit of work; 1000 if not given. */
  readonly batchSize?: number
  /** What becomes of other keys while one fails. `strict` if not given: nobody is late because another one failed. */
  readonly order?: "strict" | "per-key"
  readonly attempts?: number
  readonly backoff?: Backoff.Backoff
  readonly undecodable?: "dead-letter" | "wait"
  readonly lease?: Duration.DurationInput
  readonly drain?: Duration.DurationInput
}

export interface WindowedStreamOptions<Ev, I, W, WI, E, R, E2, R2> {
  /** Names its group, and what it stores. Two streams of one name share their work, so they must be the same. */
  readonly name: string
  readonly topic: Topic<Ev, I>
  /** Whose windows; the record's key if not given. */
  readonly keyOf?: (event: Ev, record: LogRecord) => string
  /** When it happened, milliseconds since the epoch; fractions are cut. */
  readonly atMillisOf: (event: Ev, record: LogRecord) => number
  readonly shape: WindowShape<Ev, W>
  /** What an empty window has gathered. */
  readonly initial: W
  /** One event more. Pure, and must not change `value` in place. */
  readonly add: (value: W, event: WindowEvent<Ev>) => W
  /** Encodes what a window gathers to JSON data, which knows no NaN: prefer `Schema.JsonNumber` where one could be. */
  readonly state: Schema.Schema<W, WI>
  /** How long after its end, in event time, a window still takes what comes late. */
  readonly graceMillis: number
  readonly watermark: WatermarkOptions
  /** Of the updates of a window in one batch, the last one if not given: `latest`. */
  readonly updates?: Updates
  readonly onEmit: (emissions: Arr.NonEmptyReadonlyArray<Emission<W>>) => Effect.Effect<unknown, E, R>
  readonly onLate: (events: Arr.NonEmptyReadonlyArray<LateEvent<Ev>>) => Effect.Effect<unknown, E2, R2>
  /** Raised when the functions come to mean something else. 1 if not given. */
  readonly revision?: number
  /** How often it is looked whether time alone has closed a window. 1 s if not given. */
  readonly tick?: Duration.DurationInput
  readonly consumer?: Working
}

/**
 * Gathers until interrupted; then the batches that run end, and it gives its partitions back.
 *
 * Dies with a RangeError when an option is out of its range.
 */
export const run = <Ev, I, W, WI, E, R, E2, R2>(
  options: WindowedStreamOptions<Ev, I, W, WI, E, R, E2, R2>,
): Effect.Effect<
  never,
  StorageError | StreamDefinitionChanged,
  Consumer.Needs | Exclude<R, Transaction> | Exclude<R2, Transaction>
> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { name, topic } = options
      const stream = yield* Effect.sync(() => checked(options))
      yield* ensure({
        name,
        topic: topic.name,
        shape: options.shape.fingerprint,
        keys: options.keyOf === undefined ? "the record's" : "its own",
        revision: options.revision ?? 1,
      })
      const log = yield* EventLog
      const units = new WindowUnits(stream, yield* AggregateStore, log, {
        group: Kinds.group(name),
        topic: topic.name,
        partitions: yield* log.partitions(topic.name),
        sinceMillis: yield* Clock.currentTimeMillis,
        idleAfterMillis: options.watermark.idleAfterMillis,
      })
      const nudge = yield* Queue.sliding<void>(1)
      const nudged = afterCommit(() => nudge.unsafeOffer(undefined))
      yield* Effect.forkScoped(ticking(units, nudge, Duration.toMillis(options.tick ?? Duration.seconds(1))))
      return yield* Consumer.run({
        batchSize: BATCH_SIZE,
        order: "strict",
        ...options.consumer,
        group: Kinds.group(name),
        topic,
        handle: (batch) => Effect.flatMap(units.batch(batch), (mayGoOn) => (mayGoOn ? nudged : Effect.void)),
      })
    }),
  ).pipe(Effect.annotateLogs({ stream: options.name }))

const BATCH_SIZE = 1_000

/** @throws RangeError when an option is no length of time. */
const checked = <Ev, I, W, WI, E, R, E2, R2>(
  options: WindowedStreamOptions<Ev, I, W, WI, E, R, E2, R2>,
): Stream<Ev, W, WI, E | E2, R | R2> => {
  const { add, graceMillis, initial, onEmit, onLate, shape, state, watermark } = options
  if (!Number.isSafeInteger(graceMillis))
    throw new RangeError(`graceMillis must be a whole number from 0, not ${graceMillis}`)
  if (!Number.isSafeInteger(watermark.disorderMillis))
    throw new RangeError(`disorderMillis must be a whole number from 0, not ${watermark.disorderMillis}`)
  const kernel = { shape: shape.kernel, initial, add, graceMillis, watermark }
  Windows.step(Windows.make<W>([], 0), [], kernel)
  return { ...placing(options), state, kernel, updates: options.updates ?? "latest", onEmit, onLate }
}

/** Lets windows close that no event closes. What fails is tried again, ever more slowly. */
const ticking = <Ev, W, WI, E, R>(
  units: WindowUnits<Ev, W, WI, E, R>,
  nudge: Queue.Dequeue<void>,
  tickMillis: number,
) =>
  Effect.gen(function* () {
    let failures = 0
    while (true) {
      yield* Effect.timeoutOption(Queue.take(nudge), tickMillis)
      const exit = yield* Effect.exit(tickAll(units))
      if (exit._tag === "Success") {
        failures = 0
        continue
      }
      const delayMillis = Backoff.delayMillis(Backoff.standard, failures++, yield* Random.next)
      yield* Effect.logWarning("A stream could not let its windows speak; it tries again.", exit.cause).pipe(
        Effect.annotateLogs({ failures, delayMillis }),
      )
      yield* Effect.sleep(delayMillis)
    }
  })

const tickAll = <Ev, W, WI, E, R>(units: WindowUnits<Ev, W, WI, E, R>) =>
  Effect.gen(function* () {
    for (const shard of yield* units.dueShards) {
      while (yield* UnitOfWork.run(units.tick(shard))) {
        // The rest of those that are due, in a unit of its own.
      }
    }
  })
