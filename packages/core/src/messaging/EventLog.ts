/**
 * The one log: topics of records in partitions, each record with a dense offset.
 *
 * Appending needs a `Transaction`, so an event exists exactly when the state it tells of does. A consumer
 * group's offset is committed in the unit of work that holds its effect, so an effect happens once.
 *
 * Several groups on one topic each see all of it (publish/subscribe); the members of one group share it out among
 * themselves, partition by partition, so that each record goes to one of them (point-to-point).
 */
import { Context, Effect, type Either, type ParseResult, type Queue, Schema, type Scope } from "effect"
import { type Headers, headersIn, type NewRecord, type TopicRecords } from "../consistency/NewRecord.ts"
import * as PlainData from "../consistency/PlainData.ts"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"

export type { Headers, NewRecord, TopicRecords } from "../consistency/NewRecord.ts"

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
  encode: PlainData.encoder(schema),
  decode: PlainData.decoder(schema),
})

export interface LogRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly payload: unknown
  readonly id: string | undefined
  readonly headers: Headers
  /** When it was appended, milliseconds since the epoch. A label. */
  readonly appendedAtMs: number
}

/** The header of a record whose contents were taken out of the log. */
export const REDACTED = "paceline-redacted"

/** Whether a record is a tombstone: it holds its offset, and says nothing any more. Consumers pass over it. */
export const isRedacted = ({ headers }: Pick<LogRecord, "headers">): boolean => REDACTED in headers

/** Where a record lies. */
export interface Position {
  readonly partition: number
  readonly offset: number
  /** The record was there already, under its id. */
  readonly duplicate: boolean
}

/** How a topic is kept. All but the partitions can be changed later. */
export interface TopicSettings {
  /** Fixed when the topic is first stored. 1 if not given. */
  readonly partitions?: number
  /** How long an id is remembered, in milliseconds. A day if not given. */
  readonly dedupMillis?: number
  /** How many records make a segment, the unit of retention. 10,000 if not given. */
  readonly segmentRecords?: number
}

/** A run of records that retention drops as a whole. The last one of a partition is still being written. */
export interface Segment {
  readonly firstOffset: number
  /** The offset after its last record. */
  readonly endOffset: number
  /** When its last record was appended, milliseconds since the epoch. */
  readonly newestAtMs: number
}

/** What a partition holds: offsets from `start` (the first that is still there) up to `end` (the next to be given out). */
export interface Bounds {
  readonly start: number
  readonly end: number
}

/** A member's hold on a partition. Its epoch is greater than that of every lease before it. */
export interface PartitionLease {
  readonly partition: number
  readonly epoch: number
  /** The member before this one did not give it back: it may have died in the middle of a batch. */
  readonly takenOver: boolean
}

export interface Member {
  readonly group: string
  readonly topic: string
  /** One consumer's identity, never used again. */
  readonly member: string
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

/** The partition went to another member: what this one did since then must not commit. */
export class LeaseLost extends Schema.TaggedError<LeaseLost>("paceline/LeaseLost")("LeaseLost", {
  group: Schema.String,
  topic: Schema.String,
  partition: Schema.Int,
  epoch: Schema.Int,
}) {
  override get message(): string {
    return `epoch ${this.epoch} of group "${this.group}" on ${this.topic}/${this.partition} is over: another member has it`
  }
}

export interface Lag {
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** The next offset the group will read. */
  readonly committed: number
  /** The first offset that the log still has. A group that is before it has missed what retention dropped. */
  readonly start: number
  /** The next offset the log will give out. */
  readonly end: number
}

export class EventLog extends Context.Tag("@paceline/core/messaging/EventLog")<
  EventLog,
  {
    /** Gives the records the next offsets of their partitions, dense and in order. Answers in the order given. */
    readonly append: (
      topic: string,
      records: ReadonlyArray<NewRecord>,
    ) => Effect.Effect<ReadonlyArray<Position>, StorageError, Transaction>
    /**
     * The same as a unit of work of its own, all records or none, answered when durable; faster, because the engine
     * groups what many publish at once. Waits while too much is waiting already.
     */
    readonly publish: (
      topic: string,
      records: ReadonlyArray<NewRecord>,
    ) => Effect.Effect<ReadonlyArray<Position>, StorageError>
    /** Up to `limit` records of a partition, from offset `from` on, in order. What retention dropped is passed over. */
    readonly read: (
      topic: string,
      partition: number,
      from: number,
      limit: number,
    ) => Effect.Effect<ReadonlyArray<LogRecord>, StorageError>
    /** All partitions of the topic, also before its first record. */
    readonly partitions: (topic: string) => Effect.Effect<ReadonlyArray<number>, StorageError>
    /** All topics that are stored. */
    readonly topics: Effect.Effect<ReadonlyArray<string>, StorageError>
    readonly bounds: (topic: string, partition: number) => Effect.Effect<Bounds, StorageError>
    /** The first offset appended at or after `atMs`; the partition's end when there is none. */
    readonly offsetAt: (topic: string, partition: number, atMs: number) => Effect.Effect<number, StorageError>
    /** The partition's segments, in order. */
    readonly segments: (topic: string, partition: number) => Effect.Effect<ReadonlyArray<Segment>, StorageError>
    /** Drops the records before `offset`. Whether it may is `Retention`'s decision. */
    readonly dropBefore: (
      topic: string,
      partition: number,
      offset: number,
    ) => Effect.Effect<void, StorageError, Transaction>
    /**
     * Takes what the records of `key` say out of a partition, from offset `from` up to but not including `to`: payload,
     * key, id and headers make way for a tombstone (`isRedacted`) that keeps the offset and its time. Answers how many
     * it were. For what must not be kept any more; what consumers copied elsewhere is theirs to forget.
     */
    readonly redact: (
      topic: string,
      partition: number,
      key: string,
      range: { readonly from: number; readonly to: number },
    ) => Effect.Effect<number, StorageError, Transaction>
    /** Forgets up to `limit` ids whose dedup time is over; answers how many. */
    readonly forgetIds: (nowMs: number, limit: number) => Effect.Effect<number, StorageError, Transaction>

    /** The next offset that `group` will read; 0 for a group that never committed. */
    readonly committed: (group: string, topic: string, partition: number) => Effect.Effect<number, StorageError>
    /**
     * Moves the group's offset from `expected` to `next`, inside the unit that holds the effect. `next` may lie
     * before `expected`: the records from there on are then delivered again. With an `epoch` only the member whose
     * lease it is may do so.
     */
    readonly commit: (
      group: string,
      topic: string,
      partition: number,
      expected: number,
      next: number,
      epoch?: number,
    ) => Effect.Effect<void, StorageError | OffsetMoved | LeaseLost, Transaction>
    /** Sets the group's offset, whoever reads there: its next commit fails, and it goes on from `offset`. */
    readonly seek: (
      group: string,
      topic: string,
      partition: number,
      offset: number,
    ) => Effect.Effect<void, StorageError, Transaction>
    /** Makes a group known before it has read anything, so that its lag is seen from the first record on. */
    readonly subscribe: (group: string, topic: string) => Effect.Effect<void, StorageError, Transaction>
    /** Forgets a group: its offsets, members and leases. */
    readonly unsubscribe: (group: string, topic: string) => Effect.Effect<void, StorageError, Transaction>
    /** How far each known group has read, and how far it could. */
    readonly lag: Effect.Effect<ReadonlyArray<Lag>, StorageError>

    /**
     * Says that a member lives, for `ttlMillis` from now by the store's clock, and answers the partitions it holds now.
     * The partitions are shared out evenly among the members that live; one changes hands when its holder gives it back
     * at a heartbeat of its own, or when that holder's time is over. A partition that this answer no longer names is
     * not to be worked on.
     */
    readonly heartbeat: (
      member: Member,
      ttlMillis: number,
    ) => Effect.Effect<ReadonlyArray<PartitionLease>, StorageError>
    /** Gives back all that the member holds. */
    readonly leave: (member: Member) => Effect.Effect<void, StorageError>

    /**
     * Hints that a topic may have grown since the last one was taken; nothing is missed from the moment this
     * returns. They are for speed: reading is the truth.
     */
    readonly hints: (topic: string) => Effect.Effect<Queue.Dequeue<void>, never, Scope.Scope>
  }
>() {}

/** A typed event, and what to store with it. */
export interface NewEvent<A> {
  /** Events with the same key keep their order. */
  readonly key: string
  readonly event: A
  /** As in `NewRecord`. */
  readonly id?: string
}

/** Appends typed events: the schema encodes them, the key orders them. An event that does not fit its schema dies. */
export const append = <A, I>(
  to: Topic<A, I>,
  events: ReadonlyArray<NewEvent<A>>,
): Effect.Effect<ReadonlyArray<Position>, StorageError, Transaction | EventLog> =>
  Effect.contextWithEffect((context: Context.Context<EventLog>) =>
    Context.get(context, EventLog).append(to.name, encoded(to, events, context)),
  )

/**
 * The same for events that are encoded already, and not checked again: for who makes so many that the check would cost
 * more than all else, and makes them of what was checked.
 */
export const appendEncoded = <A, I>(
  to: Topic<A, I>,
  events: ReadonlyArray<{ readonly key: string; readonly event: I }>,
): Effect.Effect<ReadonlyArray<Position>, StorageError, Transaction | EventLog> =>
  Effect.contextWithEffect((context: Context.Context<EventLog>) => {
    const headers = headersIn(context)
    const records = events.map(({ event, key }) => ({ key, payload: event, ...headers }))
    return Context.get(context, EventLog).append(to.name, records)
  })

/** As `append`, as a unit of work of its own: durable when answered. */
export const publish = <A, I>(
  to: Topic<A, I>,
  events: ReadonlyArray<NewEvent<A>>,
): Effect.Effect<ReadonlyArray<Position>, StorageError, EventLog> =>
  Effect.withFiberRuntime(({ currentContext }) =>
    Context.unsafeGet(currentContext, EventLog).publish(to.name, encoded(to, events, currentContext)),
  )

/** The records of typed events, for an aggregate that says where its events go. An event that does not fit dies. */
export const records = <A, I>(to: Topic<A, I>, events: ReadonlyArray<NewEvent<A>>): TopicRecords => ({
  topic: to.name,
  records: events.map(({ event, id, key }) => recordOf(key, to.encode(event), id, undefined)),
})

/** Records that carry the span they were made in, so that a trace goes on where they are consumed. */
const encoded = <A, I>(
  to: Topic<A, I>,
  events: ReadonlyArray<NewEvent<A>>,
  context: Context.Context<never>,
): ReadonlyArray<NewRecord> => {
  const { headers } = headersIn(context)
  return events.map(({ event, id, key }) => recordOf(key, to.encode(event), id, headers))
}

/** Written out, because on this path spreading costs more than encoding does. */
const recordOf = (key: string, payload: unknown, id: string | undefined, headers: Headers | undefined): NewRecord => {
  if (id === undefined) return headers === undefined ? { key, payload } : { key, payload, headers }
  return headers === undefined ? { key, payload, id } : { key, payload, id, headers }
}

/** Reads a record's event. */
export const decode = <A, I>(from: Topic<A, I>, record: LogRecord): Effect.Effect<A, ParseResult.ParseError> =>
  from.decode(record.payload)
