/**
 * A consumer group's loop: read a batch, handle it, and commit the offset in the same unit of work.
 *
 * The effect of a record therefore happens exactly once, whatever dies in between: before the commit nothing
 * of it exists, after the commit the offset has moved past it. A batch that fails is tried again with jittered
 * backoff, at the same offset, so that the order of a partition holds; it is halved each time, so that what
 * stands before a record that cannot be handled is handled, and the log names that one record.
 *
 * @example
 * Consumer.run({ group: "gamification", topic: Workouts, handle: (events) => awardPoints(events) })
 */
import { type Cause, Duration, Effect, Either, Exit, ParseResult, Queue, Random, Schema } from "effect"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import { UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import * as EventLog from "./EventLog.ts"

export interface Delivered<A> {
  readonly record: EventLog.LogRecord
  readonly event: A
}

export interface ConsumerOptions<A, I, E, R> {
  readonly group: string
  readonly topic: EventLog.Topic<A, I>
  /** At most so many records in one unit of work; 200 if not given. The writer is busy with it that long. */
  readonly batchSize?: number
  /** Runs inside the unit of work that also moves the offset. Must not wait for anything but the store. */
  readonly handle: (batch: ReadonlyArray<Delivered<A>>) => Effect.Effect<void, E, R>
}

/** The stored event does not fit the topic's schema. The partition waits at it until the program can read it. */
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

const BATCH_SIZE = 200

/** How long a consumer sleeps at most without a hint. The hint is for speed; this is the truth. */
const POLL = Duration.seconds(1)

/** The events before the first record that cannot be decoded; the failure, when that is the very first one. */
const decodable = <A, I>(topic: EventLog.Topic<A, I>, records: ReadonlyArray<EventLog.LogRecord>) =>
  Effect.gen(function* () {
    const batch: Array<Delivered<A>> = []
    for (const record of records) {
      const event = topic.decode(record.payload)
      if (Either.isRight(event)) {
        batch.push({ record, event: event.right })
      } else if (batch.length > 0) {
        break
      } else {
        const { offset, partition } = record
        const problem = ParseResult.TreeFormatter.formatErrorSync(event.left)
        return yield* new UndecodableEvent({ topic: topic.name, partition, offset, problem })
      }
    }
    return batch
  })

/** What a group does in one partition, for ever. */
const runPartition = <A, I, E, R>(options: ConsumerOptions<A, I, E, R>, partition: number) =>
  Effect.gen(function* () {
    const { group, topic } = options
    const log = yield* EventLog.EventLog
    const hints = yield* log.hints(topic.name)
    const largest = options.batchSize ?? BATCH_SIZE
    let limit = largest
    let failures = 0

    /** Handles what is there, in one unit of work. The number of records handled; 0 when the group has caught up. */
    const step = Effect.gen(function* () {
      const from = yield* log.committed(group, topic.name, partition)
      const records = yield* log.read(topic.name, partition, from, limit)
      if (records.length === 0) return 0
      limit = records.length
      const batch = yield* decodable(topic, records)
      const next = from + batch.length
      yield* UnitOfWork.run(
        Effect.zipRight(options.handle(batch), log.commit(group, topic.name, partition, from, next)),
      )
      return batch.length
    })

    const backOff = (cause: Cause.Cause<unknown>) =>
      Effect.gen(function* () {
        const delayMillis = Backoff.delayMillis(Backoff.standard, failures, yield* Random.next)
        yield* Effect.logWarning("A consumer could not handle a batch; it tries again.", cause).pipe(
          Effect.annotateLogs({ topic: topic.name, partition, records: limit, failures: failures + 1, delayMillis }),
        )
        failures++
        limit = Math.max(1, Math.floor(limit / 2))
        yield* Effect.sleep(Duration.millis(delayMillis))
      })

    while (true) {
      const exit = yield* Effect.exit(step)
      if (Exit.isFailure(exit)) {
        yield* backOff(exit.cause)
        continue
      }
      failures = 0
      limit = Math.min(largest, limit * 2)
      if (exit.value === 0) yield* Effect.timeoutOption(Queue.take(hints), POLL)
    }
  }).pipe(Effect.scoped)

/** Consumes all partitions of the topic until interrupted. */
export const run = <A, I, E, R>(
  options: ConsumerOptions<A, I, E, R>,
): Effect.Effect<never, StorageError, EventLog.EventLog | UnitOfWork | Exclude<R, Transaction>> =>
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    yield* UnitOfWork.run(log.subscribe(options.group, options.topic.name))
    const partitions = yield* log.partitions(options.topic.name)
    return yield* Effect.forEach(partitions, (partition) => runPartition(options, partition), {
      concurrency: "unbounded",
      discard: true,
    }).pipe(Effect.zipRight(Effect.never))
  }).pipe(Effect.annotateLogs({ group: options.group }))
