/** One job for one key: who enqueues a second one is told of the first. */
import { Effect, Option } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import { UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as DueWorkTime from "./DueWorkTime.ts"
import * as State from "./JobQueueState.ts"

interface Wish {
  readonly key: string
  readonly withinMillis?: number
}

/** How often the key is looked at again when another unit has just taken it. */
const TRIES = 5

/**
 * Enqueues by `add` unless the key stands for a job that is not over, or was enqueued too short a time ago. Inside a
 * unit of work.
 */
export const uniqueJob = <A extends { readonly id: string; readonly duplicate: boolean }, E, R>(
  queue: string,
  { key, withinMillis }: Wish,
  id: string,
  add: (id: string) => Effect.Effect<A, E, R>,
) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const kind = State.uniqueKindOf(queue)
    const nowMs = yield* DueWorkTime.now
    const untilMs = withinMillis === undefined ? null : nowMs + withinMillis
    // Looked after when its time is over, and from then on now and then until the job is.
    const next = { state: { jobId: id, untilMs }, dueAtMs: untilMs ?? nowMs }
    const stored = yield* store.get(kind, key)
    if (Option.isNone(stored)) {
      yield* store.insert(kind, key, next)
    } else {
      const known = yield* State.readUnique(stored.value.state)
      const alive = Option.isSome(yield* store.get(State.kindOf(queue), known.jobId))
      if (alive || (known.untilMs !== null && known.untilMs > nowMs)) return { id: known.jobId, duplicate: true }
      yield* store.update(kind, key, stored.value.version, next)
    }
    return yield* add(id)
  }).pipe(Effect.retry({ times: TRIES, while: (error) => error instanceof VersionConflict }))

/** How often a key whose job is not over is looked at. */
const LOOK_EVERY_MILLIS = 60_000

/** Forgets keys that stand for nothing any more; answers how many were looked at. */
export const forgetUniques = (queue: string, limit: number) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const nowMs = yield* DueWorkTime.now
    const kind = State.uniqueKindOf(queue)
    const untilMs = nowMs + LOOK_EVERY_MILLIS
    const claimed = yield* store.claim(kind, 0, { nowMs, untilMs, limit })
    for (const one of claimed) {
      const { jobId } = yield* State.readUnique(one.state)
      if (Option.isNone(yield* store.get(State.kindOf(queue), jobId))) yield* store.remove(kind, one.id, one.version)
    }
    return claimed.length
  }).pipe(UnitOfWork.run)
