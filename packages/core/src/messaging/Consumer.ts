/**
 * A consumer group's loop: read records, handle them, and move the group past them, under the guarantee that is asked for.
 *
 * By default in one unit of work, so that the effect of a record happens exactly once, whatever dies in between: before
 * the commit nothing of it exists, after the commit the offset has moved past it. A record that fails is parked with what
 * comes later of its key and tried again with jittered, growing pauses, while other keys pass; after ten attempts, or three
 * that took the process with them, it becomes a dead letter, which a person can replay. Members of one group, in this
 * process or in others, share the partitions out among themselves.
 *
 * @example
 * Consumer.run({ group: "gamification", topic: Workouts, handle: (events) => awardPoints(events) })
 *
 * @example
 * Consumer.run({
 *   group: "mail",
 *   topic: Registrations,
 *   delivery: "at-least-once",
 *   batch: { size: 100, lingerMillis: 5_000 },
 *   handle: (events) => sendMails(events), // may wait; its record ids make it idempotent
 * })
 */
import { Effect } from "effect"
import * as Permits from "../concurrency/Permits.ts"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { type StorageError, type Transaction, UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as ConsumerGroup from "./ConsumerGroup.ts"
import * as ConsumerMetrics from "./ConsumerMetrics.ts"
import {
  type AtLeastOnceOptions,
  type AtMostOnceOptions,
  type ConsumerOptions,
  type ExactlyOnceOptions,
  type Settings,
  settingsOf,
} from "./ConsumerOptions.ts"
import * as Delivery from "./Delivery.ts"
import { EventLog } from "./EventLog.ts"

export {
  type AtLeastOnceOptions,
  type AtMostOnceOptions,
  type ConsumerOptions,
  type Delivered,
  type ExactlyOnceOptions,
  type Handler,
  UndecodableEvent,
} from "./ConsumerOptions.ts"

/** What every consumer needs, besides what its handler does. */
export type Needs = EventLog | UnitOfWork | AggregateStore

/**
 * Consumes the topic's partitions until interrupted; then the batches that run end, and it gives its partitions back.
 *
 * Dies with a RangeError when an option is out of its range.
 */
export function run<A, I, E, R>(
  options: ExactlyOnceOptions<A, I, E, R>,
): Effect.Effect<never, StorageError, Needs | Exclude<R, Transaction>>
export function run<A, I, E, R>(
  options: AtLeastOnceOptions<A, I, E, R> | AtMostOnceOptions<A, I, E, R>,
): Effect.Effect<never, StorageError, Needs | R>
export function run<A, I, E, R>(
  options: ConsumerOptions<A, I, E, R>,
): Effect.Effect<never, StorageError, Needs | R | Exclude<R, Transaction>> {
  return Effect.gen(function* () {
    const settings = settingsOf(options)
    const { group, topic } = settings
    const log = yield* EventLog
    const work = yield* UnitOfWork
    const store = yield* AggregateStore
    const metrics = ConsumerMetrics.make({ group, topic: topic.name })
    yield* work.run(log.subscribe(group, topic.name))
    const handling: Delivery.Handling<A, E, R> = {
      group,
      topic: topic.name,
      handle: options.handle,
      timeoutMillis: settings.batch.timeoutMillis,
    }
    const member = <R2>(deliver: Delivery.Deliver<A, R2>) =>
      ConsumerGroup.run(
        { settings, log, store, work, metrics, deliver: limited(settings, deliver) },
        // Its records are already past: interrupted, they would be lost.
        options.delivery === "at-most-once" ? "after its batch" : "at once",
      )
    switch (options.delivery) {
      case "at-least-once":
        return yield* member(Delivery.atLeastOnce(work, handling, settings.backoff))
      case "at-most-once":
        return yield* member(Delivery.atMostOnce(work, handling, settings.backoff))
      default:
        return yield* member(Delivery.exactlyOnce(work, handling))
    }
  }).pipe(Effect.annotateLogs({ group: options.group, topic: options.topic.name }))
}

/** At most so many batches of the consumer at once, over all its partitions. */
const limited = <A, I, R>({ batch }: Settings<A, I>, deliver: Delivery.Deliver<A, R>): Delivery.Deliver<A, R> => {
  if (batch.atOnce === Number.MAX_SAFE_INTEGER) return deliver
  const permits = Permits.unsafeMake(batch.atOnce)
  return (records, moveOn) => permits.withPermit(deliver(records, moveOn))
}
