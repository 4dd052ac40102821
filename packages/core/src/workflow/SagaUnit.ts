/**
 * The unit of work in which a saga in hand goes from one state to the next, with all that goes with it: its events, its
 * place among the parked, a wish to cancel that is fulfilled, and whether the claim is kept or put down.
 *
 * What only stores shares its unit with other sagas that are stored at the moment; what runs a step has one of its own.
 */
import { type Context, Effect, Schedule } from "effect"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import type { VersionConflict } from "../consistency/OptimisticLock.ts"
import { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import * as Saga from "../kernel/workflow/Saga.ts"
import type * as DueWork from "../messaging/DueWork.ts"
import { alert, announce, begunAhead, besides, inContext, onlyStores, type Runnable } from "./SagaChange.ts"
import * as SagaRecord from "./SagaRecord.ts"

/** One saga in hand. */
export interface Hand<I, R> {
  readonly definition: Runnable<I, R>
  readonly context: Context.Context<AggregateStore | R>
  readonly store: Context.Tag.Service<typeof AggregateStore>
  readonly times: DueWork.Times
  readonly claim: DueWork.Claim
}

/** Why nothing was stored. */
export type Trouble = StorageError | VersionConflict | DueWork.ClaimLost

/** Stores what `decide` makes of it, by what is known already. */
export const record = <I, R>(
  hand: Hand<I, R>,
  before: Saga.SagaState,
  decide: (nowMs: number, cancelled: string | undefined) => Saga.SagaState,
): Effect.Effect<Saga.SagaState, Trouble> => {
  const unit = (put: DueWork.Change) =>
    withWish(hand, before, (why) => {
      const nowMs = hand.times.now()
      return next(hand, put, before, decide(nowMs, why), nowMs)
    })
  const { claim, definition } = hand
  const settled = onlyStores(definition) ? claim.settleTogether(unit) : annotated(hand, claim.settle(unit))
  return announced(hand, before, settled)
}

/** The same where something is done in the unit first; it is a unit of its own. */
export const store = <I, R, E>(
  hand: Hand<I, R>,
  before: Saga.SagaState,
  decide: (nowMs: number, cancelled: string | undefined) => Effect.Effect<Saga.SagaState, E, R | Transaction>,
): Effect.Effect<Saga.SagaState, E | Trouble> => {
  const unit = (put: DueWork.Change) =>
    inContext(
      hand.context,
      withWish(hand, before, (why) =>
        Effect.flatMap(decide(hand.times.now(), why), (decided) => next(hand, put, before, decided, hand.times.now())),
      ),
    )
  return announced(hand, before, annotated(hand, hand.claim.settle(unit)))
}

/** Inside the unit. */
const next = <I, R>(
  { claim, context, definition, store }: Hand<I, R>,
  put: DueWork.Change,
  before: Saga.SagaState,
  decided: Saga.SagaState,
  nowMs: number,
): Effect.Effect<Saga.SagaState, Trouble, Transaction> => {
  const state = begunAhead(definition.plan, decided, nowMs)
  const also = besides(definition, store, claim.id, before, state)
  const written = Effect.as(write(definition.plan, put, state, nowMs), state)
  return also === undefined ? written : Effect.zipLeft(written, inContext(context, also))
}

/** What is logged inside says of which saga. */
export const annotated = <I, R, A, E, R2>({ claim, definition }: Hand<I, R>, effect: Effect.Effect<A, E, R2>) =>
  Effect.annotateLogs(effect, { saga: definition.name, id: claim.id })

/** Those who want to know of it are told when it is durable. */
const announced = <I, R, E>(
  { claim, definition, store }: Hand<I, R>,
  before: Saga.SagaState,
  stored: Effect.Effect<Saga.SagaState, E>,
): Effect.Effect<Saga.SagaState, E> =>
  Effect.flatMap(stored, (after) => {
    announce(definition, store, claim.id, before, after)
    const parks = after.phase === "parked" && before.phase !== "parked"
    return parks ? Effect.as(alert(definition, claim.id, after), after) : Effect.succeed(after)
  })

/** Where it goes from here: kept while it goes on, else put down, for later or for good. */
const write = (plan: Saga.Plan, put: DueWork.Change, state: Saga.SagaState, nowMs: number) => {
  const action = Saga.next(plan, state)
  if (action._tag === "End") return put.archive(SagaRecord.putDown(state), nowMs)
  if (action._tag === "Park") return put.release({ state: SagaRecord.putDown(state), dueAtMs: null })
  return action.atMs <= nowMs
    ? put.keep(state)
    : put.release({ state: SagaRecord.putDown(state), dueAtMs: action.atMs })
}

/** Units in which it was seen that nobody wishes to cancel anything, so that those who share one look once. */
const withoutWishes = new WeakMap<object, Set<string>>()

/**
 * Goes on with why somebody wants it cancelled, if so. The wish is taken off its list: it is being fulfilled. Mostly
 * there is none, and that is known.
 */
const withWish = <I, R, A, E, R2>(
  { claim, definition, store }: Hand<I, R>,
  before: Saga.SagaState,
  then: (why: string | undefined) => Effect.Effect<A, E, R2>,
): Effect.Effect<A, E | StorageError | VersionConflict, R2 | Transaction> => {
  if (before.phase !== "forward") return then(undefined)
  const kind = SagaRecord.cancelKindOf(definition.name)
  return Effect.flatMap(Transaction, (unit): Effect.Effect<A, E | StorageError | VersionConflict, R2 | Transaction> => {
    const known = withoutWishes.get(unit)
    if (known?.has(kind) === true) return then(undefined)
    return Effect.flatMap(
      store.list(kind, { limit: 1 }),
      (any): Effect.Effect<A, E | StorageError | VersionConflict, R2 | Transaction> => {
        if (any.length > 0) return Effect.flatMap(ownWish(store, kind, claim.id), then)
        if (known === undefined) withoutWishes.set(unit, new Set([kind]))
        else known.add(kind)
        return then(undefined)
      },
    )
  })
}

const NO_WISH = Effect.succeed(undefined)

const ownWish = (store: Context.Tag.Service<typeof AggregateStore>, kind: string, id: string) =>
  Effect.flatMap(store.get(kind, id), (found) => {
    if (found._tag === "None") return NO_WISH
    const { why } = SagaRecord.readWish(found.value.state)
    return Effect.as(store.remove(kind, id, found.value.version), why)
  })

/** The store is asked again for a while when it cannot take what has happened: else it would happen again. */
export const insistently = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.catchAll(effect, (error) => (isPassing(error) ? Effect.delay(again(effect), FIRST_PAUSE) : Effect.fail(error)))

const FIRST_PAUSE = "50 millis"

const isPassing = (error: unknown): boolean =>
  error instanceof StorageError && (error.reason === "busy" || error.reason === "full" || error.reason === "failed")

const again = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: isPassing,
    schedule: Schedule.exponential("100 millis").pipe(
      Schedule.union(Schedule.spaced("5 seconds")),
      Schedule.upTo("1 minute"),
    ),
  })
