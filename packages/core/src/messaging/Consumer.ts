/**
 * A consumer group's loop: read a batch, handle it, and commit the offset in the same unit of work.
 *
 * The effect of a record therefore happens exactly once, whatever dies in between: before the commit nothing
 * of it exists, after the commit the offset has moved past it. A batch that fails is tried again with jittered
 * backoff, at the same offset, so that the order of a partition holds.
 *
 * @example
 * Consumer.run({ group: "gamification", topic: Workouts, handle: (events) => awardPoints(events) })
 */
import { Duration, Effect, Random, Schema, Stream } from "effect"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import { UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Backoff from "../kernel/Backoff.ts"
import * as EventLog from "./EventLog.ts"

export interface Delivered<A> {
  readonly record: EventLog.LogRecord
  readonly event: A
}

export interface ConsumerOptions<A, I, E, R> {
  readonly group: string
  readonly topic: EventLog.Topic<A, I>
  /** At most so many records in one unit of work. */
  readonly batchSize?: number
  /** Runs inside the unit of work that also moves the offset. */
  readonly handle: (batch: ReadonlyArray<Delivered<A>>) => Effect.Effect<void, E, R>
}

/** How long a consumer sleeps at most without a hint. The hint is for speed; this is the truth. */
const POLL = Duration.seconds(1)

/** Handles what is there, in one unit of work. The number of records handled; 0 when the group has caught up. */
const step = <A, I, E, R>(options: ConsumerOptions<A, I, E, R>, partition: number) =>
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    const from = yield* log.committed(options.group, options.topic.name, partition)
    const records = yield* log.read(options.topic.name, partition, from, options.batchSize ?? 1000)
    const last = records.at(-1)
    if (last === undefined) return 0
    const decode = Schema.decodeUnknown(options.topic.schema)
    const batch = yield* Effect.forEach(records, (record) =>
      Effect.map(decode(record.payload), (event) => ({ record, event })),
    )
    yield* UnitOfWork.run(
      Effect.zipRight(
        options.handle(batch),
        log.commit(options.group, options.topic.name, partition, from, last.offset + 1),
      ),
    )
    return records.length
  })

const runPartition = <A, I, E, R>(options: ConsumerOptions<A, I, E, R>, partition: number) =>
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    let failures = 0
    while (true) {
      const handled = yield* step(options, partition).pipe(
        Effect.catchAll((error) =>
          Effect.gen(function* () {
            const delay = Backoff.delayMillis(Backoff.standard, failures, yield* Random.next)
            failures++
            yield* Effect.logWarning("A consumer could not handle a batch; it tries again.").pipe(
              Effect.annotateLogs({
                group: options.group,
                topic: options.topic.name,
                partition,
                failures,
                delay,
                error,
              }),
            )
            yield* Effect.sleep(Duration.millis(delay))
            return -1
          }),
        ),
      )
      if (handled >= 0) failures = 0
      if (handled === 0) {
        yield* log.hints(options.topic.name).pipe(Stream.take(1), Stream.runDrain, Effect.timeoutOption(POLL))
      }
    }
  })

/** Consumes all partitions of the topic until interrupted. */
export const run = <A, I, E, R>(
  options: ConsumerOptions<A, I, E, R>,
): Effect.Effect<never, StorageError, EventLog.EventLog | UnitOfWork | Exclude<R, Transaction>> =>
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    const partitions = yield* log.partitions(options.topic.name)
    return yield* Effect.forEach(partitions, (partition) => runPartition(options, partition), {
      concurrency: "unbounded",
      discard: true,
    }).pipe(Effect.zipRight(Effect.never))
  }).pipe(Effect.annotateLogs({ group: options.group }))
