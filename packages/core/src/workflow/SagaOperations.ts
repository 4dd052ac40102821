/** What is asked of sagas from outside: looked at, waited for, cancelled, and what a person does with parked ones. */
import { Effect, Either, Option, Queue, Schema } from "effect"
import { AggregateStore, type Archived, type Page, type Stored } from "../consistency/AggregateStore.ts"
import { afterCommit } from "../consistency/UnitOfWork.ts"
import * as Saga from "../kernel/workflow/Saga.ts"
import * as DueWork from "../messaging/DueWork.ts"
import { alert, announce, besides, type Definition, dueAtMs } from "./SagaChange.ts"
import * as SagaRecord from "./SagaRecord.ts"
import { unit } from "./SagaStart.ts"

/** There is no such saga, or it was forgotten: finished ones are kept for `keepForMillis`. */
export class NoSuchSaga extends Schema.TaggedError<NoSuchSaga>("paceline/NoSuchSaga")("NoSuchSaga", {
  saga: Schema.String,
  id: Schema.String,
}) {
  override get message(): string {
    return `There is no saga "${this.saga}" with the id "${this.id}"`
  }
}

/** Only what is parked can be retried or settled: this one is not (any more). */
export class SagaNotParked extends Schema.TaggedError<SagaNotParked>("paceline/SagaNotParked")("SagaNotParked", {
  saga: Schema.String,
  id: Schema.String,
  status: Schema.String,
}) {
  override get message(): string {
    return `The saga "${this.saga}" "${this.id}" is not parked: it is ${this.status}`
  }
}

/** `running`: forward, or waiting for its next attempt. The last three are over, and in the archive. */
export type Status = "running" | "compensating" | "parked" | "completed" | "compensated" | "settled"

export interface View<I, Results> {
  readonly id: string
  readonly status: Status
  /** None where it does not fit the schema any more. */
  readonly input: Option.Option<I>
  /** Of all steps, when it is completed. */
  readonly results: Option.Option<Results>
  /** What has happened so far, in order, and whether it has been undone. */
  readonly steps: ReadonlyArray<Saga.Done>
  /** Why it goes back, or went. */
  readonly reason: Saga.Reason | undefined
  /** What a person has to know of a parked one. */
  readonly parked: Saga.Parked | undefined
  /** Attempts of the current step, or compensation, that have failed. */
  readonly attempts: number
  /** When its next attempt is made; undefined when it waits for nothing, or for a person. */
  readonly nextAttemptAtMs: number | undefined
  readonly startedAtMs: number
  /** Every attempt that has ended, and what happened to the saga as a whole, in order. */
  readonly timeline: ReadonlyArray<Saga.Entry>
}

/** What became of a wish to cancel. `requested`: it is in hand, and turns back when its current step is through. */
export type Cancelled = "cancelling" | "requested" | "compensating already" | "over already"

const STATUSES: Readonly<Record<Saga.Phase, Status>> = {
  forward: "running",
  backward: "compensating",
  parked: "parked",
  completed: "completed",
  compensated: "compensated",
  settled: "settled",
}

const POLL = "1 second"
/** When a wish that nobody has fulfilled is looked at again. */
const WISH_MILLIS = 60_000

export const make = <I, Results, R>(
  definition: Definition<I, R>,
  hasAll: (results: object) => results is object & Results,
) => {
  const { admission, decoders, name, plan, watch } = definition
  const kind = SagaRecord.kindOf(name)

  const resultsOf = (state: Saga.SagaState): Option.Option<Results> => {
    if (state.phase !== "completed") return Option.none()
    const results: { [step: string]: unknown } = {}
    for (const [place, done] of state.done.entries()) {
      const read = decoders[place]?.(done.result)
      if (read !== undefined && Either.isRight(read)) results[done.step] = read.right
    }
    return hasAll(results) ? Option.some(results) : Option.none()
  }

  const viewOf = (id: string, saga: Saga.SagaState): View<I, Results> => ({
    id,
    status: STATUSES[saga.phase],
    input: Either.getRight(definition.decodeInput(saga.input)),
    results: resultsOf(saga),
    steps: saga.done,
    reason: saga.reason ?? undefined,
    parked: saga.parked ?? undefined,
    attempts: saga.trying.attempts,
    nextAttemptAtMs: dueAtMs(plan, saga) ?? undefined,
    startedAtMs: saga.startedAtMs,
    timeline: saga.timeline,
  })

  const viewStored = ({ id, state }: Stored | Archived) => viewOf(id, SagaRecord.read(state))

  const find = (id: string) =>
    Effect.gen(function* () {
      const store = yield* AggregateStore
      const live = yield* store.get(kind, id)
      const found: Option.Option<Stored | Archived> = Option.isSome(live) ? live : yield* store.getArchived(kind, id)
      return Option.map(found, viewStored)
    })

  /** Changes one that is in nobody's hands, in the unit that is running. */
  const change = (stored: Stored, before: Saga.SagaState, event: Saga.Event) =>
    Effect.gen(function* () {
      const store = yield* AggregateStore
      const nowMs = yield* DueWork.now
      const after = Saga.apply(plan, before, event, nowMs)
      const { id, version } = stored
      if (Saga.isOver(after)) yield* store.archive(kind, id, version, after, nowMs)
      else yield* store.update(kind, id, version, { state: after, dueAtMs: dueAtMs(plan, after) })
      yield* besides(definition, store, id, before, after) ?? Effect.void
      yield* afterCommit(() => announce(definition, store, id, before, after))
      return after
    })

  const archivedOr = <E>(id: string, otherwise: () => E) =>
    Effect.flatMap(AggregateStore, (store) =>
      Effect.flatMap(
        store.getArchived(kind, id),
        Option.match({
          onNone: (): Effect.Effect<never, E | NoSuchSaga> => Effect.fail(new NoSuchSaga({ saga: name, id })),
          onSome: (): Effect.Effect<never, E | NoSuchSaga> => Effect.fail(otherwise()),
        }),
      ),
    )

  const cancel = (id: string, why = "Cancelled from outside") =>
    unit(
      Effect.gen(function* () {
        const store = yield* AggregateStore
        const stored = yield* store.get(kind, id)
        if (Option.isNone(stored)) return yield* archivedOr(id, () => "over" as const)
        const state = SagaRecord.read(stored.value.state)
        const back = state.phase === "backward" || state.parked?.from === "backward"
        if (back) return "compensating already" as const
        if (state.claims > 0) {
          const wish = { state: { why }, dueAtMs: (yield* DueWork.now) + WISH_MILLIS }
          // That one is there already means the same.
          yield* Effect.catchTag(
            store.insert(SagaRecord.cancelKindOf(name), id, wish),
            "VersionConflict",
            () => Effect.void,
          )
          return "requested" as const
        }
        yield* change(stored.value, state, { _tag: "Cancelled", why })
        return "cancelling" as const
      }),
    ).pipe(
      Effect.catchIf(
        (error): error is "over" => error === "over",
        () => Effect.succeed("over already" as const),
      ),
      Effect.map((answer): Cancelled => answer),
    )

  /** Goes on with a parked one. */
  const unpark = (id: string, event: Saga.Event) =>
    Effect.gen(function* () {
      const after = yield* unit(
        Effect.gen(function* () {
          const store = yield* AggregateStore
          const notParked = (status: string) => new SagaNotParked({ saga: name, id, status })
          const stored = yield* store.get(kind, id)
          if (Option.isNone(stored)) return yield* archivedOr(id, () => notParked("over"))
          const state = SagaRecord.read(stored.value.state)
          if (state.phase !== "parked") return yield* notParked(STATUSES[state.phase])
          return yield* change(stored.value, state, event)
        }),
      )
      yield* alert(definition, id, after)
    })

  /** Hears how it ends when it is in hand here; else it looks, again and again. */
  const awaited = (id: string) =>
    Effect.flatMap(AggregateStore, (store) =>
      Effect.flatMap(
        watch.next(store, id, () => admission.holds(store, id)),
        (state) => (state === undefined ? looking(id) : Effect.sync(() => viewOf(id, state))),
      ),
    )

  const looking = (id: string) =>
    Effect.scoped(
      Effect.gen(function* () {
        // Heard before it is looked at, so that nothing is missed; the poll hears what other processes do.
        const rings = yield* Effect.acquireRelease(Queue.sliding<void>(1), Queue.shutdown)
        yield* Effect.acquireRelease(
          Effect.sync(() => watch.listen(id, () => rings.unsafeOffer(undefined))),
          (leave) => Effect.sync(leave),
        )
        const store = yield* AggregateStore
        while (true) {
          const live = yield* store.get(kind, id)
          // Most looks find one that goes on: only its phase is read.
          if (Option.isNone(live) || !SagaRecord.goesOn(live.value.state)) {
            const found = yield* find(id)
            if (Option.isNone(found)) return yield* new NoSuchSaga({ saga: name, id })
            const { status } = found.value
            if (status !== "running" && status !== "compensating") return found.value
          }
          yield* Effect.timeoutOption(Queue.take(rings), POLL)
        }
      }),
    )

  const list = (page: Page) =>
    Effect.flatMap(AggregateStore, (store) => Effect.map(store.list(kind, page), (found) => found.map(viewStored)))

  const listFinished = (page: Page) =>
    Effect.flatMap(AggregateStore, (store) =>
      Effect.map(store.listArchived(kind, page), (found) => found.map(viewStored)),
    )

  const listParked = (page: Page) =>
    Effect.gen(function* () {
      const store = yield* AggregateStore
      const listed = yield* store.list(SagaRecord.parkedKindOf(name), page)
      const found = yield* Effect.forEach(listed, ({ id }) => store.get(kind, id))
      return found.flatMap(Option.toArray).map(viewStored)
    })

  return { find, cancel, unpark, awaited, list, listFinished, listParked }
}
