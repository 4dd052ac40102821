/**
 * How far a consumer group is: done, failed, skipped and waiting, which together are every record ever appended.
 *
 * Read in one unit of work, so that the figures belong together.
 *
 * @example
 * const progress = yield* Progress.of({ group: "gamification", topic: "training" })
 * Progress.bar(progress, 30) // "██████████████▋                 48.9 %  489 done, 0 failed, 511 waiting"
 */
import { type Context, Duration, Effect, Schedule, Stream } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { type StorageError, UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Kernel from "../kernel/messaging/Progress.ts"
import type { GroupOf } from "./DeadLetters.ts"
import { EventLog } from "./EventLog.ts"
import * as Kinds from "./GroupKinds.ts"
import * as Missed from "./Missed.ts"
import * as Parking from "./Parking.ts"

export type { Progress } from "../kernel/messaging/Progress.ts"
export { bar } from "../kernel/messaging/Progress.ts"

type Needs = EventLog | AggregateStore | UnitOfWork

const PAGE = 500

const parkedIn = (store: Context.Tag.Service<typeof AggregateStore>, of: GroupOf, partition: number) =>
  Effect.gen(function* () {
    const kind = Kinds.parked(of.group, of.topic, partition)
    let parked = 0
    let after: string | undefined
    while (true) {
      const page = yield* store.list(kind, { ...(after === undefined ? {} : { after }), limit: PAGE })
      for (const { state } of page) parked += yield* Parking.countOf(state)
      after = page.at(-1)?.id
      if (page.length < PAGE) return parked
    }
  })

/** A group that nobody knows has everything before it. */
export const of = (group: GroupOf): Effect.Effect<Kernel.Progress, StorageError, Needs> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const store = yield* AggregateStore
    const counts = yield* UnitOfWork.run(
      Effect.gen(function* () {
        let total = 0
        let passed = 0
        let parked = 0
        for (const partition of yield* log.partitions(group.topic)) {
          const { end } = yield* log.bounds(group.topic, partition)
          total += end
          passed += Math.min(end, yield* log.committed(group.group, group.topic, partition))
          parked += yield* parkedIn(store, group, partition)
        }
        const missed = yield* Missed.read(store, group)
        const letters = yield* store.count(Kinds.deadLetters(group.group, group.topic))
        return {
          total,
          passed,
          parked,
          failed: missed.reduce((sum, { letters: dropped }) => sum + dropped, letters),
          skipped: missed.reduce((sum, { skipped }) => sum + skipped, 0),
        }
      }),
    )
    return Kernel.of(counts)
  })

/** The progress now and every so often; each second if not said otherwise. */
export const changes = (
  group: GroupOf,
  every: Duration.DurationInput = Duration.seconds(1),
): Stream.Stream<Kernel.Progress, StorageError, Needs> =>
  Stream.repeatEffectWithSchedule(of(group), Schedule.spaced(every))

/** What the group will never handle, by partition: letters that were dropped, and ranges that retention dropped unread. */
export const missed = (
  group: GroupOf,
): Effect.Effect<ReadonlyArray<Missed.Missed & { readonly partition: number }>, StorageError, AggregateStore> =>
  Effect.flatMap(AggregateStore, (store) => Missed.read(store, group))
