/**
 * What a group does in one partition, from the lease to its end: what is parked and due, what is new, and waiting.
 *
 * It ends when the lease is lost, or between two batches when it is told to stop. Whatever else goes wrong it waits, reads
 * from the store where it stands, and goes on.
 */
import { Cause, Effect, Exit, Option, Queue } from "effect"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import { wakeAfter } from "../resilience/Within.ts"
import type { MoveError } from "./Delivery.ts"
import { LeaseLost, OffsetMoved } from "./EventLog.ts"
import { type NothingUntil, StoreTrouble, takeFresh } from "./FreshRecords.ts"
import { tryParked } from "./ParkedRecords.ts"
import { steadyMillis } from "./Parking.ts"
import { type Assigned, PartitionState, type Shared, type Wake } from "./PartitionState.ts"

/** How long a worker sleeps at most without a hint. Hints are for speed; this is the truth. */
const POLL_MILLIS = 1_000

/** So many idle looks at the log for one at what is parked, which hardly ever changes from elsewhere. */
const POLLS_A_LOAD = 5

export const run = <A, I, R>(shared: Shared<A, I, R>, assigned: Assigned): Effect.Effect<void, never, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      const state = new PartitionState(shared, assigned.lease)
      let troubles = 0
      let polls = 0
      // Not `Effect.timeoutOption`: its three fibers would stand between a hint and the handler.
      let revokePoll = () => {}
      yield* Effect.addFinalizer(() => Effect.sync(() => revokePoll()))
      const parkedHints = yield* shared.store.hints(state.parkedKind)
      const changed = Effect.zipRight(
        Queue.take(parkedHints),
        Effect.sync(() => {
          state.parking.isStale = true
          assigned.wake.unsafeOffer("hint")
        }),
      )
      yield* Effect.forkScoped(Effect.forever(changed))
      const pause = (millis: number) => Effect.raceFirst(Effect.sleep(millis), assigned.stopped)

      /** True when it was woken, or has waited so long that something may have changed of which no hint told. */
      const idle = (until: NothingUntil) =>
        Effect.gen(function* () {
          const millis = Math.min(POLL_MILLIS, until - (yield* steadyMillis))
          if (millis <= 0) return false
          const longAgo = ++polls % POLLS_A_LOAD === 0
          if (longAgo) state.parking.isStale = true
          const clock = yield* Effect.clock
          revokePoll = wakeAfter(clock, Math.ceil(millis), () => poll(assigned.wake))
          const wake = yield* Queue.take(assigned.wake)
          revokePoll()
          return longAgo || wake === "hint"
        })

      const trouble = (cause: Cause.Cause<MoveError | StoreTrouble>) =>
        Effect.gen(function* () {
          const error = Cause.squash(cause)
          const reason = error instanceof StoreTrouble ? error.cause : cause
          const known = Cause.squash(reason)
          if (known instanceof LeaseLost) return "lost"
          state.isStale = true
          const overtaken = known instanceof OffsetMoved || known instanceof VersionConflict
          const failures = troubles++
          if (overtaken && failures === 0) return "again"
          const delayMillis = yield* state.backoff(failures)
          yield* Effect.logWarning("A consumer is in trouble with its store; it tries again.", reason).pipe(
            Effect.annotateLogs({ partition: state.partition, failures: failures + 1, delayMillis }),
          )
          yield* pause(delayMillis)
          return "again"
        })

      let mayHaveMoved = false
      while (!assigned.stopping()) {
        const exit = yield* Effect.exit(turn(state))
        if (Exit.isSuccess(exit)) {
          troubles = 0
          if (exit.value <= 0 || assigned.stopping()) continue
          // Asked only when there is nothing to do, so that no record waits for it.
          if (mayHaveMoved && (yield* wasMoved(state))) state.isStale = true
          else mayHaveMoved = yield* idle(exit.value)
        } else if ((yield* trouble(exit.cause)) === "lost") {
          return assigned.lost()
        }
      }
    }),
  )

/** The time is over; a hint that lies there already says more. */
const poll = (wake: Queue.Queue<Wake>): void => {
  if (Option.getOrElse(wake.unsafeSize(), () => 0) <= 0) wake.unsafeOffer("poll")
}

/** The group was set to another offset, by a person, while it had nothing to read. */
const wasMoved = <A, I, R>({ from, partition, shared }: PartitionState<A, I, R>): Effect.Effect<boolean> => {
  const { group, topic } = shared.settings
  return Effect.match(shared.log.committed(group, topic.name, partition), {
    onFailure: () => false,
    onSuccess: (committed) => committed !== from,
  })
}

/** One step: at most one attempt at what is parked, and one batch. Answers until when there is nothing more to do. */
const turn = <A, I, R>(state: PartitionState<A, I, R>): Effect.Effect<NothingUntil, MoveError | StoreTrouble, R> =>
  Effect.gen(function* () {
    const { parking, shared } = state
    if (state.isStale) yield* state.load
    if (parking.isStale) yield* parking.load(shared.settings.backoff.maxMillis)
    const due = parking.next
    if (due !== undefined && due.dueAtMillis <= (yield* steadyMillis)) yield* tryParked(state, due.key)
    const until = yield* takeFresh(state)
    return Math.min(until, parking.next?.dueAtMillis ?? Number.POSITIVE_INFINITY)
  })
