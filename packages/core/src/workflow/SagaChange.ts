/**
 * What goes with a saga's change of state: in the unit of work that stores it, its events and its place among the parked;
 * after the commit, what is counted, and those who wait for it.
 */
import { Context, Effect, type Either, Option, type ParseResult } from "effect"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import type { VersionConflict } from "../consistency/OptimisticLock.ts"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import * as Saga from "../kernel/workflow/Saga.ts"
import type * as DueWork from "../messaging/DueWork.ts"
import * as Events from "./SagaEvents.ts"
import type { SagaMetrics } from "./SagaMetrics.ts"
import * as SagaRecord from "./SagaRecord.ts"
import type { Step } from "./SagaSteps.ts"
import type { SagaWatch } from "./SagaWatch.ts"

type OnEvent<R> = (event: Events.SagaEvent) => Effect.Effect<unknown, StorageError, R | Transaction>

/** A definition, as the parts of this room see it. */
export interface Definition<I, R> {
  readonly name: string
  readonly plan: Saga.Plan
  readonly decodeInput: (encoded: unknown) => Either.Either<I, ParseResult.ParseError>
  /** Of each step's result. */
  readonly decoders: ReadonlyArray<(encoded: unknown) => Either.Either<unknown, ParseResult.ParseError>>
  /** Undefined: nobody wants to hear of them. */
  readonly onEvent: OnEvent<R> | undefined
  readonly metrics: SagaMetrics
  readonly keepForMillis: number
  /** Who waits in this process for a saga to end. */
  readonly watch: SagaWatch
  /** Where new sagas are taken in hand at once. */
  readonly admission: DueWork.Admission
}

/** A definition with what its steps do. */
export interface Runnable<I, R> extends Definition<I, R> {
  readonly steps: ReadonlyArray<Step<I, R>>
}

type Store = Context.Tag.Service<typeof AggregateStore>

/**
 * Whether what goes with a change only stores, so that its unit of work may be shared: with somebody else's code in it,
 * which may be slow or fail, each has its own.
 */
export const onlyStores = <I, R>({ onEvent }: Definition<I, R>): boolean =>
  onEvent === undefined || onEvent === Events.toLog

/** What belongs into the unit that stores `after`, if anything does. `before` is undefined when it is new. */
export const besides = <I, R>(
  { name, onEvent }: Definition<I, R>,
  store: Store,
  id: string,
  before: Saga.SagaState | undefined,
  after: Saga.SagaState,
): Effect.Effect<void, StorageError | VersionConflict, R | Transaction> | undefined => {
  const parks = listParked(store, name, id, before?.phase === "parked", after)
  if (onEvent === undefined) return parks
  const tags = Events.between(before, after)
  if (tags.length === 0) return parks
  const told = Effect.forEach(tags, (tag) => onEvent(Events.eventOf(tag, name, id, after)), { discard: true })
  return parks === undefined ? told : Effect.zipRight(told, parks)
}

/** To be called when `after` is durable. */
export const announce = <I, R>(
  { metrics, watch }: Definition<I, R>,
  store: Store,
  id: string,
  before: Saga.SagaState | undefined,
  after: Saga.SagaState,
): void => {
  for (const tag of Events.between(before, after)) metrics.count(tag)
  for (let line = before?.timeline.length ?? 0; line < after.timeline.length; line++) {
    const entry = after.timeline[line]
    if (entry !== undefined && entry.step !== null && entry.outcome !== "succeeded") metrics.attemptFailed()
  }
  const isOver = Saga.isOver(after)
  if (isOver) metrics.duration((after.timeline.at(-1)?.endedAtMs ?? after.startedAtMs) - after.startedAtMs)
  if (isOver || after.phase === "parked") watch.tell(store, id, after)
}

/** Keeps the list of those that wait for a person. */
const listParked = (
  store: Store,
  name: string,
  id: string,
  was: boolean,
  { parked, phase }: Saga.SagaState,
): Effect.Effect<void, StorageError | VersionConflict, Transaction> | undefined => {
  const is = phase === "parked"
  if (is === was) return undefined
  const kind = SagaRecord.parkedKindOf(name)
  if (is) return store.insert(kind, id, { state: { message: parked?.message ?? "" }, dueAtMs: null })
  return Effect.flatMap(
    store.get(kind, id),
    Option.match({ onNone: () => Effect.void, onSome: ({ version }) => store.remove(kind, id, version) }),
  )
}

/** Says aloud that a person is needed. After the commit. */
export const alert = <I, R>({ name }: Definition<I, R>, id: string, after: Saga.SagaState): Effect.Effect<void> =>
  after.phase !== "parked"
    ? Effect.void
    : Effect.logError("A saga is parked: a person has to look.", after.parked?.message ?? "").pipe(
        Effect.annotateLogs({ saga: name, id }),
      )

/** When a worker is to look at it again; null when none is to. */
export const dueAtMs = (plan: Saga.Plan, state: Saga.SagaState): number | null => {
  const action = Saga.next(plan, state)
  return action._tag === "Run" ? action.atMs : null
}

/** When a call is next it is recorded as begun at once, which saves a unit of its own. */
export const begunAhead = (plan: Saga.Plan, state: Saga.SagaState, nowMs: number): Saga.SagaState => {
  const action = Saga.next(plan, state)
  if (action._tag !== "Run" || action.atMs > nowMs || plan.steps[action.step]?.transactional !== false) return state
  return state.trying.begunAtMs === null ? Saga.apply(plan, state, { _tag: "Begun" }, nowMs) : state
}

/** With the services of a worker, or a caller, besides those of the unit. */
export const inContext = <A, E, R>(context: Context.Context<R>, effect: Effect.Effect<A, E, R | Transaction>) =>
  Effect.mapInputContext(effect, (unit: Context.Context<Transaction>) => Context.merge(context, unit))
