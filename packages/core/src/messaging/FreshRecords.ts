/**
 * What a worker does with the next records of its partition.
 *
 * They are handled in batches. A batch that fails is parted until the record that fails is alone. In order per key that
 * record is then parked, and its key with it, in the unit that moves the group past it; in strict order, or when too
 * much is parked already, the partition waits at it. Either way it is tried again until it is handled or has become a
 * dead letter.
 */
import { type Cause, Clock, Effect } from "effect"
import * as Batcher from "../kernel/messaging/Batcher.ts"
import * as BatchSize from "../kernel/messaging/BatchSize.ts"
import * as Parked from "../kernel/messaging/Parked.ts"
import * as Suspicion from "../kernel/messaging/Suspicion.ts"
import { type BatchPlan, plan } from "./BatchPlan.ts"
import type { Delivered } from "./ConsumerOptions.ts"
import type { MoveError, MoveOn } from "./Delivery.ts"
import * as Failure from "./Failure.ts"
import { copyOf, steadyMillis } from "./Parking.ts"
import type { PartitionState } from "./PartitionState.ts"

/** Until when there is nothing to do, by the steady clock; 0 when there may be more at once. */
export type NothingUntil = number

/** When only a hint, or what is parked, can bring something new. */
const UNTIL_WOKEN: NothingUntil = Number.POSITIVE_INFINITY

/** The store would not have it; its cause says why. */
export class StoreTrouble {
  readonly _tag = "StoreTrouble"
  readonly cause: Cause.Cause<unknown>
  constructor(cause: Cause.Cause<unknown>) {
    this.cause = cause
  }
}

export const takeFresh = <A, I, R>(
  state: PartitionState<A, I, R>,
): Effect.Effect<NothingUntil, MoveError | StoreTrouble, R> =>
  Effect.gen(function* () {
    const { settings } = state.shared
    const { batch } = settings
    const nowMillis = yield* steadyMillis
    if (nowMillis < state.pausedUntilMillis) return state.pausedUntilMillis
    if (settings.order === "strict" && state.parking.total > 0) return UNTIL_WOKEN
    yield* state.ahead.fill(batch.maxSize)
    const { records } = state.ahead
    const first = records[0]
    if (first === undefined) {
      state.firstSeenAtMillis = undefined
      return UNTIL_WOKEN
    }
    state.firstSeenAtMillis ??= nowMillis
    const careful = state.suspicion !== null && Suspicion.isCareful(state.suspicion, first.offset)
    if (!careful && first.offset >= state.firedUntil) {
      const waiting = { waiting: records.length, firstSeenAtMillis: state.firstSeenAtMillis }
      const decision = Batcher.decide(batch, waiting, nowMillis)
      if (decision._tag === "Wait") return decision.untilMillis
      const last = records[batch.maxSize - 1] ?? records[records.length - 1]
      state.firedUntil = (last ?? first).offset + 1
    }
    const planned = plan(settings, records, (key) => state.parking.keys.has(key), {
      handle: careful ? 1 : state.size.limit,
      records: careful ? 1 : batch.maxSize,
      park: settings.maxParked - state.parking.total,
    })
    if (planned.stuck === "full") return UNTIL_WOKEN
    if (planned.stuck !== undefined) {
      const delayMillis = yield* waitLonger(state, nowMillis, 0)
      yield* Effect.logWarning("A record cannot be decoded; its partition waits.", planned.stuck).pipe(
        Effect.annotateLogs({ partition: state.partition, offset: first.offset, delayMillis }),
      )
      return state.pausedUntilMillis
    }
    yield* state.ahead.ahead
    yield* careful ? handleMarked(state, planned) : handlePlanned(state, planned)
    return 0
  })

/** Moves past a plan: the offset, what is parked with its key, what can never be decoded, what was suspected. */
const moveOn = <A, I, R>(state: PartitionState<A, I, R>, planned: BatchPlan<A>): MoveOn => {
  const { letters, next, park } = planned
  const move = state.moveTo(next)
  if (letters.length === 0 && park.size === 0 && state.suspicion === null) return move
  return Effect.gen(function* () {
    yield* move
    for (const [key, records] of park) {
      yield* state.parking.change(key, (parked) => Parked.add(parked, records.map(copyOf)), "as it was")
    }
    for (const { problem, record } of letters) {
      yield* state.letter({ record: copyOf(record), error: problem, attempts: 1 })
    }
    if (state.suspicion !== null) yield* state.suspect(Suspicion.passed(state.suspicion, next))
  })
}

/** In memory, what `moveOn` did in the store. */
const movedOn = <A, I, R>(state: PartitionState<A, I, R>, planned: BatchPlan<A>, nowMillis: number) =>
  Effect.gen(function* () {
    const { metrics } = state.shared
    state.from = planned.next
    state.ahead.drop(planned.count)
    state.firstSeenAtMillis = state.ahead.records.length > 0 ? nowMillis : undefined
    metrics.parked([...planned.park.values()].reduce((sum, { length }) => sum + length, 0))
    for (const { problem, record } of planned.letters) {
      yield* tellDead(state.partition, record.offset, 1, problem)
    }
  })

export const tellDead = (partition: number, offset: number, attempts: number, error: string) =>
  Effect.logError("A record became a dead letter.").pipe(
    Effect.annotateLogs({ partition, offset, attempts, error: error.split("\n", 1)[0] }),
  )

const handlePlanned = <A, I, R>(
  state: PartitionState<A, I, R>,
  planned: BatchPlan<A>,
): Effect.Effect<void, MoveError | StoreTrouble, R> =>
  Effect.gen(function* () {
    const { deliver, metrics, work } = state.shared
    const { handle } = planned
    const startedAtMillis = yield* steadyMillis
    const [first] = handle
    if (first === undefined) {
      yield* work.run(moveOn(state, planned))
      return yield* movedOn(state, planned, startedAtMillis)
    }
    metrics.batchRecords(handle.length)
    metrics.waitMillis(Math.max(0, (yield* Clock.currentTimeMillis) - first.record.appendedAtMs))
    const outcome = yield* deliver(handle, moveOn(state, planned))
    const nowMillis = yield* steadyMillis
    metrics.handlingMillis(nowMillis - startedAtMillis)
    switch (outcome._tag) {
      case "Done":
        metrics.handled(handle.length)
        state.failures = 0
        state.size = BatchSize.succeeded(state.size, handle.length)
        return yield* movedOn(state, planned, startedAtMillis)
      case "Lost":
        metrics.lost(handle.length)
        yield* Effect.logError("A handler failed, and what it was to handle is lost.", outcome.cause).pipe(
          Effect.annotateLogs({ partition: state.partition, offset: first.record.offset, records: handle.length }),
        )
        return yield* movedOn(state, planned, startedAtMillis)
      case "StoreFailed":
        return yield* Effect.fail(new StoreTrouble(outcome.cause))
      case "HandlerFailed":
        metrics.failed(handle.length)
        if (Failure.isRefused(outcome.cause)) return yield* refused(state, first, outcome.cause, nowMillis)
        state.size = BatchSize.failed(state.size, handle.length)
        if (handle.length === 1) yield* settle(state, planned, first, outcome.cause, nowMillis)
    }
  })

/** One record alone, noted before it is tried: an attempt counts although the process does not survive it. */
const handleMarked = <A, I, R>(
  state: PartitionState<A, I, R>,
  planned: BatchPlan<A>,
): Effect.Effect<void, MoveError | StoreTrouble, R> =>
  Effect.gen(function* () {
    const { settings, work } = state.shared
    const [first] = planned.handle
    if (first === undefined || state.suspicion === null) return yield* handlePlanned(state, planned)
    const { offset } = first.record
    const mark = Suspicion.convicted(state.suspicion, offset, settings)
    if (mark !== null) {
      const crashed = `The process ended ${mark.unended} times in a row while it handled this record.`
      return yield* giveUp(state, planned, first, mark.unended > 0 ? crashed : (mark.error ?? crashed), mark.attempts)
    }
    yield* work.run(
      Effect.zipRight(state.moveTo(state.from), state.suspect(Suspicion.attempt(state.suspicion, offset))),
    )
    yield* handlePlanned(state, planned)
  })

/** A guard would not let the handler try: wait, and do not hold it against the record. */
const refused = <A, I, R>(
  state: PartitionState<A, I, R>,
  { record }: Delivered<A>,
  cause: Cause.Cause<unknown>,
  nowMillis: number,
) =>
  Effect.gen(function* () {
    const { work } = state.shared
    const askedMillis = Failure.retryAfterMillis(cause, yield* Clock.currentTimeMillis)
    yield* waitLonger(state, nowMillis, askedMillis)
    const { suspicion } = state
    if (suspicion?.mark?.offset !== record.offset) return
    yield* work.run(
      Effect.zipRight(state.moveTo(state.from), state.suspect(Suspicion.withdrawn(suspicion, record.offset))),
    )
  })

const waitLonger = <A, I, R>(state: PartitionState<A, I, R>, nowMillis: number, leastMillis: number) =>
  Effect.map(state.backoff(state.failures++), (drawnMillis) => {
    const delayMillis = Math.max(drawnMillis, leastMillis)
    state.pause(nowMillis, delayMillis)
    return delayMillis
  })

/** What becomes of a record that failed alone. */
const settle = <A, I, R>(
  state: PartitionState<A, I, R>,
  planned: BatchPlan<A>,
  culprit: Delivered<A>,
  cause: Cause.Cause<unknown>,
  nowMillis: number,
): Effect.Effect<void, MoveError> =>
  Effect.gen(function* () {
    const { metrics, settings, work } = state.shared
    const { record } = culprit
    const error = Failure.textOf(cause)
    const suspicion = Suspicion.failed(state.suspicion ?? Suspicion.none, record.offset, error)
    const attempts = suspicion.mark?.attempts ?? 1
    if (attempts >= settings.attempts || Failure.isHopeless(cause)) {
      return yield* giveUp(state, planned, culprit, error, attempts)
    }
    const annotate = (delayMillis: number) =>
      Effect.annotateLogs({ partition: state.partition, offset: record.offset, attempts, delayMillis })
    const roomLeft = settings.maxParked - state.parking.total - planned.count
    if (settings.order === "strict" || roomLeft < 0) {
      yield* work.run(Effect.zipRight(state.moveTo(state.from), state.suspect(suspicion)))
      const delayMillis = yield* state.backoff(attempts - 1)
      state.pause(nowMillis, delayMillis)
      return yield* Effect.logWarning(
        "A record could not be handled; its partition waits for the next attempt.",
        cause,
      ).pipe(annotate(delayMillis))
    }
    const delayMillis = yield* state.backoff(attempts - 1)
    const nowMs = yield* Clock.currentTimeMillis
    const parked = { ...Parked.first(copyOf(record), error, nowMs), attempts }
    yield* work.run(
      Effect.gen(function* () {
        yield* moveOn(state, planned)
        // Something of the key may have come back meanwhile; then the older one is first.
        yield* state.parking.change(
          record.key,
          (present) => (present.records.length === 0 ? parked : Parked.add(present, parked.records)),
          delayMillis,
        )
      }),
    )
    metrics.parked(1)
    yield* Effect.logWarning("A record could not be handled; its key is parked until the next attempt.", cause).pipe(
      annotate(delayMillis),
    )
    yield* movedOn(state, planned, nowMillis)
    // One bad record holds nobody up. When one after the other fails, it is not the records: slow down.
    if (state.failures++ > 0) state.pause(nowMillis, yield* state.backoff(state.failures - 2))
  })

/** Past the record, which is a dead letter from then on. */
const giveUp = <A, I, R>(
  state: PartitionState<A, I, R>,
  planned: BatchPlan<A>,
  { record }: Delivered<A>,
  error: string,
  attempts: number,
): Effect.Effect<void, MoveError> =>
  Effect.gen(function* () {
    const failedAtMs = null
    const letter = state.letter({ record: copyOf(record), error, attempts, failedAtMs })
    yield* state.shared.work.run(Effect.zipRight(moveOn(state, planned), letter))
    yield* tellDead(state.partition, record.offset, attempts, error)
    yield* movedOn(state, planned, yield* steadyMillis)
  })
