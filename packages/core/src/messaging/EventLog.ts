/**
 * The one log: topics of records in partitions, each record with a dense offset.
 *
 * Appending needs a `Transaction`, so an event exists exactly when the state it tells of does. A consumer
 * group's offset is committed in the unit of work that holds its effect, so an effect happens once.
 */
import { Context, Effect, type Either, type ParseResult, type Queue, Schema, type Scope } from "effect"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"

/** A topic's name, the schema of its events, and what the schema compiles to. */
export interface Topic<A, I> {
  readonly name: string
  readonly schema: Schema.Schema<A, I>
  readonly encode: (event: A) => I
  readonly decode: (payload: unknown) => Either.Either<A, ParseResult.ParseError>
}

export const topic = <A, I>(name: string, schema: Schema.Schema<A, I>): Topic<A, I> => ({
  name,
  schema,
  encode: Schema.encodeSync(schema),
  decode: Schema.decodeUnknownEither(schema),
})

/** What is appended. Records with the same key keep their order. `payload` is plain JSON data. */
export interface NewRecord {
  readonly key: string
  readonly payload: unknown
}

export interface LogRecord extends NewRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** When it was appended, milliseconds since the epoch. A label. */
  readonly appendedAtMs: number
}

/** The group's offset was moved by another since this consumer read it: its work must not commit. */
export class OffsetMoved extends Schema.TaggedError<OffsetMoved>("paceline/OffsetMoved")("OffsetMoved", {
  group: Schema.String,
  topic: Schema.String,
  partition: Schema.Int,
  expected: Schema.Int,
  actual: Schema.Int,
}) {
  override get message(): string {
    return `group "${this.group}" on ${this.topic}/${this.partition} is at ${this.actual}, not ${this.expected}`
  }
}

export interface Lag {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** The next offset the group will read. */
  readonly committed: number
  /** The next offset the log will give out. */
  readonly end: number
}

export class EventLog extends Context.Tag("@paceline/core/messaging/EventLog")<
  EventLog,
  {
    /** Gives the records the next offsets of their partitions, dense and in order. */
    readonly append: (
      topic: string,
      records: ReadonlyArray<NewRecord>,
    ) => Effect.Effect<void, StorageError, Transaction>
    /** Up to `limit` records of a partition, from offset `from` on, in order. */
    readonly read: (
      topic: string,
      partition: number,
      from: number,
      limit: number,
    ) => Effect.Effect<ReadonlyArray<LogRecord>, StorageError>
    /** All partitions of the topic, also before its first record. */
    readonly partitions: (topic: string) => Effect.Effect<ReadonlyArray<number>, StorageError>
    /** The next offset that `group` will read; 0 for a group that never committed. */
    readonly committed: (group: string, topic: string, partition: number) => Effect.Effect<number, StorageError>
    /**
     * Moves the group's offset from `expected` to `next`, inside the unit that holds the effect. `next` may lie
     * before `expected`: the records from there on are then delivered again.
     */
    readonly commit: (
      group: string,
      topic: string,
      partition: number,
      expected: number,
      next: number,
    ) => Effect.Effect<void, StorageError | OffsetMoved, Transaction>
    /** Makes a group known before it has read anything, so that its lag is seen from the first record on. */
    readonly subscribe: (group: string, topic: string) => Effect.Effect<void, StorageError, Transaction>
    /** How far each known group has read, and how far it could. */
    readonly lag: Effect.Effect<ReadonlyArray<Lag>, StorageError>
    /**
     * Hints that a topic may have grown since the last one was taken; nothing is missed from the moment this
     * returns. They are for speed: reading is the truth.
     */
    readonly hints: (topic: string) => Effect.Effect<Queue.Dequeue<void>, never, Scope.Scope>
  }
>() {}

/** Appends typed events: the schema encodes them, the key orders them. An event that does not fit its schema dies. */
export const append = <A, I>(
  to: Topic<A, I>,
  events: ReadonlyArray<{ readonly key: string; readonly event: A }>,
): Effect.Effect<void, StorageError, Transaction | EventLog> =>
  Effect.flatMap(EventLog, (log) =>
    log.append(
      to.name,
      events.map(({ event, key }) => ({ key, payload: to.encode(event) })),
    ),
  )

/** Reads a record's event. */
export const decode = <A, I>(from: Topic<A, I>, record: LogRecord): Effect.Effect<A, ParseResult.ParseError> =>
  from.decode(record.payload)
