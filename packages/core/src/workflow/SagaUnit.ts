/**
 * The unit of work in which a saga in hand goes from one state to the next, with all that goes with it: its events, its
 * place among the parked, a wish to cancel that is fulfilled, and whether the claim is kept or put down.
 */
import { Context, Effect, Option, Schedule } from "effect"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import type { VersionConflict } from "../consistency/OptimisticLock.ts"
import { StorageError, type Transaction } from "../consistency/UnitOfWork.ts"
import * as Saga from "../kernel/workflow/Saga.ts"
import * as DueWork from "../messaging/DueWork.ts"
import { accompany, alert, type Runnable } from "./SagaChange.ts"
import * as SagaRecord from "./SagaRecord.ts"

/** One saga in hand. */
export interface Hand<I, R> {
  readonly definition: Runnable<I, R>
  readonly context: Context.Context<AggregateStore | R>
  readonly store: Context.Tag.Service<typeof AggregateStore>
  readonly claim: DueWork.Claim
}

/** One unit of work that stores what `decide` gives, with all that goes with it. */
export const store = <I, R, E>(
  hand: Hand<I, R>,
  before: Saga.SagaState,
  decide: (nowMs: number, cancelled: string | undefined) => Effect.Effect<Saga.SagaState, E, R | Transaction>,
): Effect.Effect<Saga.SagaState, E | StorageError | VersionConflict | DueWork.ClaimLost> =>
  Effect.tap(
    hand.claim.settle((put) =>
      inContext(
        hand.context,
        Effect.gen(function* () {
          const why = before.phase === "forward" ? yield* wishOf(hand) : undefined
          const decided = yield* decide(yield* DueWork.now, why)
          const nowMs = yield* DueWork.now
          const state = begunAhead(hand.definition.plan, decided, nowMs)
          yield* accompany(hand.definition, hand.store, hand.claim.id, before, state)
          yield* write(hand, put, state, nowMs)
          return state
        }),
      ),
    ),
    (after) => (before.phase === "parked" ? Effect.void : alert(hand.definition, hand.claim.id, after)),
  )

/** With the services of the worker besides those of the unit. */
const inContext = <A, E, R>(context: Context.Context<R>, effect: Effect.Effect<A, E, R | Transaction>) =>
  Effect.mapInputContext(effect, (unit: Context.Context<Transaction>) => Context.merge(context, unit))

/** Where it goes from here: kept while it goes on, else put down, for later or for good. */
const write = <I, R>({ definition }: Hand<I, R>, put: DueWork.Change, state: Saga.SagaState, nowMs: number) => {
  const action = Saga.next(definition.plan, state)
  if (action._tag === "End") return put.archive(SagaRecord.putDown(state), nowMs)
  if (action._tag === "Park") return put.release({ state: SagaRecord.putDown(state), dueAtMs: null })
  return action.atMs <= nowMs
    ? put.keep(state)
    : put.release({ state: SagaRecord.putDown(state), dueAtMs: action.atMs })
}

/** When a call is next it is recorded as begun at once, which saves a unit of its own. */
const begunAhead = (plan: Saga.Plan, state: Saga.SagaState, nowMs: number): Saga.SagaState => {
  const action = Saga.next(plan, state)
  if (action._tag !== "Run" || action.atMs > nowMs || plan.steps[action.step]?.transactional !== false) return state
  return state.trying.begunAtMs === null ? Saga.apply(plan, state, { _tag: "Begun" }, nowMs) : state
}

/** Why somebody wants it cancelled, if so. The wish is taken off its list: it is being fulfilled. */
const wishOf = <I, R>({ claim, definition, store }: Hand<I, R>) =>
  Effect.gen(function* () {
    const kind = SagaRecord.cancelKindOf(definition.name)
    const wish = yield* store.get(kind, claim.id)
    if (Option.isNone(wish)) return undefined
    yield* store.remove(kind, claim.id, wish.value.version)
    return (yield* SagaRecord.readWish(wish.value.state)).why
  })

/** The store is asked again for a while when it cannot take what has happened: else it would happen again. */
export const insistently = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: (error) => error instanceof StorageError && (error.reason === "busy" || error.reason === "full"),
    schedule: Schedule.exponential("50 millis").pipe(
      Schedule.union(Schedule.spaced("5 seconds")),
      Schedule.upTo("1 minute"),
    ),
  })
