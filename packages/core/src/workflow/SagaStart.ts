/**
 * A saga begins: it is put into the store as due, or, where a worker of this process has room for it, as taken in hand
 * at once.
 *
 * In the caller's unit of work it is always put there as due: nobody knows yet whether that unit will commit.
 */
import { Context, Effect } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import { type StorageError, Transaction, UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Saga from "../kernel/workflow/Saga.ts"
import * as DueWork from "../messaging/DueWork.ts"
import { announce, begunAhead, besides, type Definition, inContext, onlyStores } from "./SagaChange.ts"
import * as SagaRecord from "./SagaRecord.ts"

interface Started {
  readonly id: string
  /** There is, or was, a saga with this id; it stays as it is. */
  readonly duplicate: boolean
}

/** How often one that is overtaken looks again. */
const TRIES = 20

/** A unit of work that is run again when it is overtaken. */
export const unit = <A, E, R>(body: Effect.Effect<A, E | VersionConflict, R>) =>
  UnitOfWork.run(body).pipe(
    Effect.retry({ times: TRIES, while: (error) => error instanceof VersionConflict }),
    Effect.catchIf((error): error is VersionConflict => error instanceof VersionConflict, Effect.die),
  )

export const starter =
  <I, II, R>(definition: Definition<I, R>, encodeInput: (input: I) => II) =>
  (id: string, input: I): Effect.Effect<Started, StorageError, AggregateStore | UnitOfWork | R> =>
    Effect.contextWithEffect((context: Context.Context<AggregateStore | UnitOfWork | R>) =>
      Effect.clockWith((clock) => {
        const nowMs = DueWork.timesOf(clock).now()
        const state = Saga.start(definition.plan, SagaRecord.asRead(encodeInput(input)), nowMs)
        const starting: Starting<I, R> = { definition, context, id, state, nowMs }
        const isInUnit = context.unsafeMap.has(Transaction.key)
        const place = isInUnit || Saga.isOver(state) ? undefined : placeFor(starting)
        return place === undefined ? unit(put(starting)) : takeInHand(starting, place)
      }),
    )

interface Starting<I, R> {
  readonly definition: Definition<I, R>
  readonly context: Context.Context<AggregateStore | UnitOfWork | R>
  readonly id: string
  readonly state: Saga.SagaState
  readonly nowMs: number
}

const placeFor = <I, R>({ context, definition }: Starting<I, R>): DueWork.Place | undefined =>
  definition.admission.place(Context.get(context, AggregateStore), Context.get(context, UnitOfWork))

/** The body of the unit; `take` is called when it is durable and the saga is new. */
const put = <I, R>(
  { context, definition, id, nowMs, state }: Starting<I, R>,
  dueAtMs = nowMs,
  take: () => void = () => {},
): Effect.Effect<Started, StorageError | VersionConflict, Transaction> => {
  const kind = SagaRecord.kindOf(definition.name)
  const store = Context.get(context, AggregateStore)
  const begin = (): Effect.Effect<Started, StorageError | VersionConflict, Transaction> => {
    const started = Effect.map(Transaction, (unit): Started => {
      unit.afterCommit(() => {
        announce(definition, store, id, undefined, state)
        take()
      })
      return { id, duplicate: false }
    })
    const also = besides(definition, store, id, undefined, state)
    const over = Saga.isOver(state) ? Effect.zipRight(store.archive(kind, id, 1, state, nowMs), started) : started
    return also === undefined ? over : Effect.zipRight(inContext(context, also), over)
  }
  return Effect.matchEffect(store.insert(kind, id, { state, dueAtMs }), {
    onFailure: (error) =>
      error instanceof VersionConflict ? Effect.succeed({ id, duplicate: true }) : Effect.fail(error),
    onSuccess: begin,
  })
}

/** It begins in the hands of a worker: claimed, and its first call begun, in the unit that puts it there. */
const takeInHand = <I, R>(starting: Starting<I, R>, place: DueWork.Place) => {
  const { context, definition, id, nowMs } = starting
  const { plan } = definition
  const state = SagaRecord.asOwn(begunAhead(plan, { ...starting.state, claims: 1 }, nowMs))
  const dueAtMs = place.lease.untilMs
  const stored = { kind: SagaRecord.kindOf(definition.name), id, version: 1, state, dueAtMs, rank: 0 }
  const body = put({ ...starting, state }, dueAtMs, () => place.take(stored))
  // Overtaken, or the store's trouble: the usual way knows what to do.
  const otherwise = (error: StorageError | VersionConflict) =>
    error instanceof VersionConflict ? unit(put(starting)) : Effect.fail(error)
  // Where it cannot be interrupted, the place is given up in the same step.
  if (onlyStores(definition)) {
    return Effect.catchAll(Effect.uninterruptible(givenUp(place, place.units.join(body))), otherwise)
  }
  const run = Context.get(context, UnitOfWork).run(body)
  return Effect.catchAll(
    Effect.onExit(run, () => Effect.sync(place.giveUp)),
    otherwise,
  )
}

/** `run`, and then the place is not kept any more: what was taken has it in hand. */
const givenUp = <A, E>(place: DueWork.Place, run: Effect.Effect<A, E>) =>
  Effect.matchCauseEffect(run, {
    onFailure: (cause) => {
      place.giveUp()
      return Effect.failCause(cause)
    },
    onSuccess: (started) => {
      place.giveUp()
      return Effect.succeed(started)
    },
  })
