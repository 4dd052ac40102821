/**
 * How a consumer may be asked to work, typed so that what makes no sense does not compile, and what a worker makes of it.
 */
import { Duration, type Effect, Schema } from "effect"
import * as Batcher from "../kernel/messaging/Batcher.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import type { LogRecord, Topic } from "./EventLog.ts"

export interface Delivered<A> {
  readonly record: LogRecord
  readonly event: A
}

/** Gets records of one partition, in the order of the log. */
export type Handler<A, E, R> = (batch: ReadonlyArray<Delivered<A>>) => Effect.Effect<void, E, R>

interface Source<A, I> {
  readonly group: string
  readonly topic: Topic<A, I>
  /** At most so many records of a partition in memory, those being handled included. Two batches if not given. */
  readonly prefetch?: number
  /**
   * What becomes of a record that does not fit the topic's schema: a dead letter with the reason, as if not given, or
   * its partition waits until the program can read it.
   */
  readonly undecodable?: "dead-letter" | "wait"
  /** How long a partition stays with a member that was not heard of. 10 s if not given. */
  readonly lease?: Duration.DurationInput
  /** How long the batches that run may take when the consumer is stopped; then they are interrupted. 30 s if not given. */
  readonly drain?: Duration.DurationInput
}

/** As they come, or in batches that wait to fill. */
type Sizing =
  | {
      /** At most so many records at once; 200 if not given. */
      readonly batchSize?: number
      /** A handler that takes longer is interrupted: it has failed. 60 s if not given. */
      readonly timeout?: Duration.DurationInput
      readonly batch?: never
    }
  | {
      /** 1000 records or 30 s, never above 5000, 60 s each, 10 at once; `true` or changes to that. */
      readonly batch: true | Partial<Batcher.BatchSettings>
      readonly batchSize?: never
      readonly timeout?: never
    }

/** What becomes of a record that fails. */
interface Retrying {
  /**
   * `per-key`, if not given: the record is parked, and with it what comes later of its key, to be tried again with growing
   * pauses; other keys pass. `strict`: the partition waits at it.
   */
  readonly order?: "per-key" | "strict"
  /** After so many attempts it becomes a dead letter. 10 if not given. */
  readonly attempts?: number
  /** After it took the process with it so often, one time after the other. 3 if not given. */
  readonly crashes?: number
  /** Between attempts: 100 ms doubling to 10 s, with full jitter, if not given. */
  readonly backoff?: Backoff.Backoff
  /** At most so many records of a partition are parked; then the partition waits. 1000 if not given. */
  readonly maxParked?: number
}

interface NoRetrying {
  readonly order?: never
  readonly attempts?: never
  readonly crashes?: never
  readonly backoff?: never
  readonly maxParked?: never
}

/**
 * The handler runs in the unit of work that moves the offset: its effect on the store happens exactly once, whatever
 * dies in between. It must not wait for anything but the store.
 */
export type ExactlyOnceOptions<A, I, E, R> = Source<A, I> &
  Sizing &
  Retrying & {
    readonly delivery?: "exactly-once-effect"
    readonly handle: Handler<A, E, R>
  }

/**
 * The handler runs outside any unit of work and may wait for what it likes; the offset moves when it has succeeded. A
 * record is handled again when the process dies in between, or its partition goes to another member.
 */
export type AtLeastOnceOptions<A, I, E, R> = Source<A, I> &
  Sizing &
  Retrying & {
    readonly delivery: "at-least-once"
    readonly handle: Handler<A, E, R>
  }

/** The offset moves first: nothing is ever handled twice, and what fails, or was under way when the process died, is lost. */
export type AtMostOnceOptions<A, I, E, R> = Source<A, I> &
  Sizing &
  NoRetrying & {
    readonly delivery: "at-most-once"
    readonly handle: Handler<A, E, R>
  }

export type ConsumerOptions<A, I, E, R> =
  | ExactlyOnceOptions<A, I, E, R>
  | AtLeastOnceOptions<A, I, E, R>
  | AtMostOnceOptions<A, I, E, R>

/** The stored event does not fit the topic's schema. */
export class UndecodableEvent extends Schema.TaggedError<UndecodableEvent>("paceline/UndecodableEvent")(
  "UndecodableEvent",
  {
    topic: Schema.String,
    partition: Schema.Int,
    offset: Schema.Int,
    problem: Schema.String,
  },
) {
  override get message(): string {
    return `${this.topic}/${this.partition} offset ${this.offset} cannot be decoded: ${this.problem}`
  }
}

/** What the options come to. */
export interface Settings<A, I> {
  readonly group: string
  readonly topic: Topic<A, I>
  readonly order: "per-key" | "strict"
  readonly attempts: number
  readonly crashes: number
  readonly backoff: Backoff.Backoff
  readonly maxParked: number
  readonly undecodable: "dead-letter" | "wait"
  readonly batch: Batcher.BatchSettings
  readonly prefetch: number
  readonly leaseMillis: number
  readonly drainMillis: number
}

const BATCH_SIZE = 200

const wholeFrom1 = (name: string, value: number): number => {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${name} must be a whole number from 1, not ${value}`)
}

/** @throws RangeError when a number is out of its range. */
export const settingsOf = <A, I, E, R>(options: ConsumerOptions<A, I, E, R>): Settings<A, I> => {
  const { batchSize = BATCH_SIZE, timeout = Duration.millis(Batcher.standard.timeoutMillis) } = options
  const batch =
    options.batch === undefined
      ? Batcher.settings({
          size: 1,
          lingerMillis: 0,
          maxSize: batchSize,
          timeoutMillis: Duration.toMillis(timeout),
          atOnce: Number.MAX_SAFE_INTEGER,
        })
      : Batcher.settings(options.batch === true ? {} : options.batch)
  const prefetch = wholeFrom1("prefetch", options.prefetch ?? 2 * batch.maxSize)
  if (prefetch < batch.size) throw new RangeError(`prefetch (${prefetch}) must hold a batch (${batch.size})`)
  return {
    group: options.group,
    topic: options.topic,
    order: options.order ?? "per-key",
    attempts: wholeFrom1("attempts", options.attempts ?? 10),
    crashes: wholeFrom1("crashes", options.crashes ?? 3),
    backoff: options.backoff ?? Backoff.standard,
    maxParked: wholeFrom1("maxParked", options.maxParked ?? 1_000),
    undecodable: options.undecodable ?? "dead-letter",
    batch: { ...batch, maxSize: Math.min(batch.maxSize, prefetch) },
    prefetch,
    leaseMillis: Duration.toMillis(options.lease ?? Duration.seconds(10)),
    drainMillis: Duration.toMillis(options.drain ?? Duration.seconds(30)),
  }
}
