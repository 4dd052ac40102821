/**
 * What a worker does with a parked key that is due: its first record is tried again, alone.
 *
 * The attempt is counted, durably, before it is made. When the record is through, those behind it follow in growing
 * batches; when it has used up its attempts it becomes a dead letter, and the next one is the first.
 */
import { type Cause, Clock, Effect, Either } from "effect"
import * as Parked from "../kernel/messaging/Parked.ts"
import * as BatchPlan from "./BatchPlan.ts"
import type { Delivered } from "./ConsumerOptions.ts"
import type { MoveError, MoveOn } from "./Delivery.ts"
import * as Failure from "./Failure.ts"
import { StoreTrouble, tellDead } from "./FreshRecords.ts"
import { recordOf } from "./Parking.ts"
import type { PartitionState } from "./PartitionState.ts"

/** What is tried: the first records of a key, and how often the first one was tried, this time included. */
interface Attempt<A> {
  readonly batch: ReadonlyArray<Delivered<A>>
  readonly attempts: number
}

const CRASHED = "The process ended while it handled this record."

export const tryParked = <A, I, R>(
  state: PartitionState<A, I, R>,
  key: string,
): Effect.Effect<void, MoveError | StoreTrouble, R> =>
  Effect.gen(function* () {
    const { deliver, metrics, settings } = state.shared
    const attempt = yield* begin(state, key)
    if (attempt === undefined) return
    const { batch } = attempt
    const offsets = new Set(batch.map(({ record }) => record.offset))
    const through: MoveOn = Effect.zipRight(
      state.moveTo(state.from),
      Effect.asVoid(state.parking.change(key, (parked) => Parked.done(parked, offsets), 0)),
    )
    const outcome = yield* deliver(batch, through)
    switch (outcome._tag) {
      case "Done":
        metrics.handled(batch.length)
        state.failures = 0
        return state.parking.limit(key, Math.min(batch.length * 2, settings.batch.maxSize))
      case "Lost":
        metrics.lost(batch.length)
        return yield* Effect.logError("A handler failed, and what it was to handle is lost.", outcome.cause)
      case "StoreFailed":
        return yield* Effect.fail(new StoreTrouble(outcome.cause))
      case "HandlerFailed":
        metrics.failed(batch.length)
        return yield* failed(state, key, attempt, offsets, outcome.cause)
    }
  })

/** Counts the attempt and says what to try; undefined when the key was settled without one. */
const begin = <A, I, R>(
  state: PartitionState<A, I, R>,
  key: string,
): Effect.Effect<Attempt<A> | undefined, MoveError> => {
  const { settings, work } = state.shared
  return Effect.gen(function* () {
    const limit = state.parking.keys.get(key)?.limit ?? 1
    const decided = yield* work.run(
      Effect.gen(function* () {
        yield* state.moveTo(state.from)
        const parked = yield* state.parking.get(key)
        const [head] = parked.records
        if (head === undefined) {
          yield* state.parking.change(key, (same) => same, 0)
          return { _tag: "Settled" as const }
        }
        const giveUp = (error: string, attempts: number) =>
          Effect.gen(function* () {
            yield* state.letter({ record: head, error, attempts, failedAtMs: parked.failedAtMs })
            yield* state.parking.change(key, (present) => Parked.done(present, new Set([head.offset])), 0)
            return { _tag: "Dead" as const, offset: head.offset, error, attempts }
          })
        if (Parked.isExhausted(parked, settings)) return yield* giveUp(parked.error ?? CRASHED, parked.attempts)
        const batch: Array<Delivered<A>> = []
        const fresh = parked.attempts === 0
        for (const copy of parked.records.slice(0, fresh ? limit : 1)) {
          const decoded = BatchPlan.decode(settings, recordOf(settings.topic.name, state.partition, copy))
          if (Either.isRight(decoded)) {
            batch.push(decoded.right)
            continue
          }
          if (batch.length > 0) break
          if (settings.undecodable === "dead-letter") return yield* giveUp(decoded.left.message, 1)
          // It waits for a program that can read it, and is asked for no more often than anything else.
          yield* state.parking.change(key, (same) => same, settings.backoff.maxMillis)
          return { _tag: "Settled" as const }
        }
        const delayMillis = yield* state.backoff(parked.attempts)
        yield* state.parking.change(key, Parked.attempt, delayMillis)
        return { _tag: "Try" as const, batch, attempts: parked.attempts + 1 }
      }),
    )
    if (decided._tag === "Try") return decided
    if (decided._tag === "Dead") yield* tellDead(state.partition, decided.offset, decided.attempts, decided.error)
    return undefined
  })
}

const failed = <A, I, R>(
  state: PartitionState<A, I, R>,
  key: string,
  { attempts, batch }: Attempt<A>,
  offsets: ReadonlySet<number>,
  cause: Cause.Cause<unknown>,
): Effect.Effect<void, MoveError> =>
  Effect.gen(function* () {
    const { settings, work } = state.shared
    const nowMs = yield* Clock.currentTimeMillis
    const [head] = batch
    /** Changes the key if it still begins with the record that was tried. */
    const change = (next: (parked: Parked.Parked) => Parked.Parked, dueInMillis: number) =>
      state.parking.change(
        key,
        (parked) => (parked.records[0]?.offset === head?.record.offset ? next(parked) : parked),
        dueInMillis,
      )
    const fenced = (unit: MoveOn) => work.run(Effect.zipRight(state.moveTo(state.from), unit))
    if (Failure.isRefused(cause)) {
      const delayMillis = Math.max(yield* state.backoff(attempts), Failure.retryAfterMillis(cause, nowMs))
      return yield* fenced(Effect.asVoid(change(Parked.withdrawn, delayMillis)))
    }
    if (batch.length > 1) {
      state.parking.limit(key, 1)
      return yield* fenced(Effect.asVoid(change(Parked.withdrawn, 0)))
    }
    const error = Failure.textOf(cause)
    if (head !== undefined && (attempts >= settings.attempts || Failure.isHopeless(cause))) {
      const { record } = head
      yield* fenced(
        Effect.gen(function* () {
          const { failedAtMs, records } = yield* state.parking.get(key)
          const copy = records.find(({ offset }) => offset === record.offset)
          if (copy !== undefined) yield* state.letter({ record: copy, error, attempts, failedAtMs })
          yield* state.parking.change(key, (parked) => Parked.done(parked, offsets), 0)
        }),
      )
      return yield* tellDead(state.partition, record.offset, attempts, error)
    }
    const delayMillis = yield* state.backoff(attempts - 1)
    yield* fenced(Effect.asVoid(change((parked) => Parked.failed(parked, error, nowMs), delayMillis)))
    yield* Effect.logWarning("A parked record could not be handled; its key waits for the next attempt.", cause).pipe(
      Effect.annotateLogs({ partition: state.partition, offset: head?.record.offset, attempts, delayMillis }),
    )
  })
