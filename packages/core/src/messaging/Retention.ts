/**
 * Keeps the log from growing for ever: drops whole segments that are old enough and that every known group has read, and
 * forgets publish ids and idempotent answers whose time is over.
 *
 * What a group has not read stays, unless `dropUnread` says otherwise; then it is said: a warning in the log, the metric
 * `paceline_log_dropped_unread_total{group, topic}`, and the range that the group misses, which its progress shows.
 *
 * @example
 * Retention.run({ keep: "7 days", topics: { telemetry: { keep: "2 days" } } })
 */
import { Clock, Duration, Effect, Metric, Schedule } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { Answers } from "../consistency/Answers.ts"
import { type StorageError, UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Kernel from "../kernel/messaging/Retention.ts"
import { EventLog } from "./EventLog.ts"
import * as Missed from "./Missed.ts"

export interface TopicRetention {
  /** How long a segment stays after its newest record. 7 days if not given. */
  readonly keep?: Duration.DurationInput
  /** Drop also what a known group has not read. False if not given. */
  readonly dropUnread?: boolean
}

export interface RetentionOptions extends TopicRetention {
  /** What differs for single topics. */
  readonly topics?: Readonly<Record<string, TopicRetention>>
  /** How often to look. Every 10 minutes if not given. */
  readonly every?: Duration.DurationInput
}

/** What one look did. */
export interface Dropped {
  readonly topic: string
  readonly partition: number
  readonly segments: number
  readonly records: number
  /** Groups that had not read all of it, and what each misses. */
  readonly skipped: ReadonlyArray<Kernel.Skipped>
  /** Segments that are old enough and stay, because these groups have not read them. */
  readonly held: Kernel.RetentionPlan["held"]
}

type Needs = EventLog | AggregateStore | UnitOfWork

const dropped = Metric.counter("paceline_log_dropped_total", {
  description: "Records that retention dropped from the log",
  incremental: true,
})

const droppedUnread = Metric.counter("paceline_log_dropped_unread_total", {
  description: "Records that retention dropped before a group had read them",
  incremental: true,
})

const settingsOf = (options: RetentionOptions, topic: string): Kernel.RetentionSettings => {
  const own = options.topics?.[topic]
  const keep = own?.keep ?? options.keep
  return {
    keepMillis: keep === undefined ? Kernel.standard.keepMillis : Duration.toMillis(keep),
    dropUnread: own?.dropUnread ?? options.dropUnread ?? Kernel.standard.dropUnread,
  }
}

/** Looks at one partition, in one unit: a group that goes back meanwhile is seen. */
const dropPartition = (topic: string, partition: number, settings: Kernel.RetentionSettings) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const store = yield* AggregateStore
    const nowMs = yield* Clock.currentTimeMillis
    return yield* UnitOfWork.run(
      Effect.gen(function* () {
        const lags = yield* log.lag
        const groups = lags.filter((lag) => lag.topic === topic && lag.partition === partition)
        const segments = yield* log.segments(topic, partition)
        const plan = Kernel.plan(segments, groups, nowMs, settings)
        const start = segments[0]?.firstOffset ?? 0
        if (plan.dropBefore !== null) {
          yield* log.dropBefore(topic, partition, plan.dropBefore)
          for (const { from, group, to } of plan.skipped) {
            yield* Missed.rangeSkipped(store, { group, topic }, partition, { from, to, atMs: nowMs })
          }
        }
        const records = plan.dropBefore === null ? 0 : plan.dropBefore - start
        const done: Dropped = {
          topic,
          partition,
          segments: plan.segments,
          records,
          skipped: plan.skipped,
          held: plan.held,
        }
        return done
      }),
    )
  })

const tell = ({ held, partition, records, skipped, topic }: Dropped) =>
  Effect.gen(function* () {
    if (records > 0) yield* Metric.incrementBy(Metric.tagged(dropped, "topic", topic), records)
    for (const { from, group, to } of skipped) {
      const series = Metric.tagged(Metric.tagged(droppedUnread, "topic", topic), "group", group)
      yield* Metric.incrementBy(series, to - from)
      yield* Effect.logWarning("Retention dropped records that a consumer group had not read.").pipe(
        Effect.annotateLogs({ group, topic, partition, from, to }),
      )
    }
    if (held.segments > 0) {
      yield* Effect.logInfo("Old records stay in the log, because consumer groups have not read them.").pipe(
        Effect.annotateLogs({ topic, partition, segments: held.segments, groups: held.groups.join(", ") }),
      )
    }
  })

/** Looks at all topics once. Answers the partitions of which something was dropped, or is held by a group. */
export const dropOld = (options: RetentionOptions = {}): Effect.Effect<ReadonlyArray<Dropped>, StorageError, Needs> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const all: Array<Dropped> = []
    for (const topic of yield* log.topics) {
      for (const partition of yield* log.partitions(topic)) {
        const one = yield* dropPartition(topic, partition, settingsOf(options, topic)).pipe(
          // Someone else noted something of the same group at this moment; the next look comes.
          Effect.catchTag("VersionConflict", () => Effect.succeed(undefined)),
        )
        if (one === undefined || (one.segments === 0 && one.held.segments === 0)) continue
        yield* tell(one)
        all.push(one)
      }
    }
    return all
  })

/** So many in one unit of work, so that none is long. */
const AT_ONCE = 5_000

const untilNothingIsLeft = <E, R>(forget: Effect.Effect<number, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(forget, (count) => (count < AT_ONCE ? Effect.void : untilNothingIsLeft(forget)))

/** Forgets publish ids and idempotent answers whose time is over. */
export const forgetExpired: Effect.Effect<void, StorageError, EventLog | Answers | UnitOfWork> = Effect.gen(
  function* () {
    const log = yield* EventLog
    const answers = yield* Answers
    const nowMs = yield* Clock.currentTimeMillis
    yield* untilNothingIsLeft(UnitOfWork.run(log.forgetIds(nowMs, AT_ONCE)))
    yield* untilNothingIsLeft(UnitOfWork.run(answers.removeExpired(nowMs, AT_ONCE)))
  },
)

/** Does all of it now and again and again, until interrupted. A look that fails is told, and the next one comes. */
export const run = (options: RetentionOptions = {}): Effect.Effect<never, never, Needs | Answers> =>
  Effect.zipRight(dropOld(options), forgetExpired).pipe(
    Effect.catchAllCause((cause) => Effect.logWarning("Retention could not be carried out; it tries again.", cause)),
    Effect.repeat(Schedule.spaced(options.every ?? Duration.minutes(10))),
    Effect.zipRight(Effect.never),
  )
