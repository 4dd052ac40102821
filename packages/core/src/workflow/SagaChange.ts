/** What goes with a saga's change of state, in the unit of work that stores it: its events, and its place among the parked. */
import { type Context, Effect, type Either, Option, type ParseResult } from "effect"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import type { VersionConflict } from "../consistency/OptimisticLock.ts"
import { afterCommit, type StorageError, type Transaction } from "../consistency/UnitOfWork.ts"
import * as Saga from "../kernel/workflow/Saga.ts"
import * as Events from "./SagaEvents.ts"
import type { SagaMetrics } from "./SagaMetrics.ts"
import * as SagaRecord from "./SagaRecord.ts"
import type { Step } from "./SagaSteps.ts"

/** A definition, as the parts of this room see it. */
export interface Definition<I, R> {
  readonly name: string
  readonly plan: Saga.Plan
  readonly decodeInput: (encoded: unknown) => Either.Either<I, ParseResult.ParseError>
  /** Of each step's result. */
  readonly decoders: ReadonlyArray<(encoded: unknown) => Either.Either<unknown, ParseResult.ParseError>>
  readonly onEvent: (event: Events.SagaEvent) => Effect.Effect<unknown, StorageError, R | Transaction>
  readonly metrics: SagaMetrics
  readonly keepForMillis: number
  /** Who waits in this process for a saga to end. */
  readonly waiting: Map<string, Set<() => void>>
}

/** A definition with what its steps do. */
export interface Runnable<I, R> extends Definition<I, R> {
  readonly steps: ReadonlyArray<Step<I, R>>
}

type Store = Context.Tag.Service<typeof AggregateStore>

/** To be run in the unit that stores `after`. `before` is undefined when it is new. */
export const accompany = <I, R>(
  definition: Definition<I, R>,
  store: Store,
  id: string,
  before: Saga.SagaState | undefined,
  after: Saga.SagaState,
): Effect.Effect<void, StorageError | VersionConflict, R | Transaction> =>
  Effect.gen(function* () {
    const { metrics, name } = definition
    const events = Events.between(name, id, before, after)
    for (const event of events) yield* definition.onEvent(event)
    yield* listParked(store, name, id, before?.phase === "parked", after)
    const news = after.timeline.slice(before?.timeline.length ?? 0)
    const failed = news.filter(({ outcome, step }) => step !== null && outcome !== "succeeded").length
    if (events.length === 0 && failed === 0) return
    const ended = Saga.isOver(after) ? after.timeline.at(-1)?.endedAtMs : undefined
    yield* afterCommit(() => {
      for (const event of events) metrics.count(event)
      for (let i = 0; i < failed; i++) metrics.attemptFailed()
      if (ended !== undefined) metrics.duration(ended - after.startedAtMs)
      if (ended !== undefined || after.phase === "parked") for (const wake of definition.waiting.get(id) ?? []) wake()
    })
  })

/** Keeps the list of those that wait for a person. */
const listParked = (
  store: Store,
  name: string,
  id: string,
  was: boolean,
  { parked, phase }: Saga.SagaState,
): Effect.Effect<void, StorageError | VersionConflict, Transaction> => {
  const kind = SagaRecord.parkedKindOf(name)
  const is = phase === "parked"
  if (is === was) return Effect.void
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
