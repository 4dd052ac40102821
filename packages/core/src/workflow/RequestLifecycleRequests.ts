/** Requests of a lifecycle in the store: created, moved by messages, timers and cancelling, and looked at. */
import { type Context, Duration, Effect, Either, Option, type ParseResult, Schema, type Scope } from "effect"
import { AggregateStore, type Archived, type Page, type Stored } from "../consistency/AggregateStore.ts"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import { StorageError, type Transaction, UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Kernel from "../kernel/workflow/RequestLifecycle.ts"
import * as DueWork from "../messaging/DueWork.ts"
import type { Change, Ignore, State, TransitionContext } from "./RequestLifecycleMachine.ts"
import * as RequestRecord from "./RequestLifecycleRecord.ts"

/** There is no such request, or it was forgotten. */
export class NoSuchRequest extends Schema.TaggedError<NoSuchRequest>("paceline/NoSuchRequest")("NoSuchRequest", {
  lifecycle: Schema.String,
  id: Schema.String,
}) {
  override get message(): string {
    return `There is no request "${this.id}" of "${this.lifecycle}"`
  }
}

/** What became of a message. */
export type Sent<S> =
  | { readonly _tag: "Moved"; readonly from: S; readonly to: S }
  | { readonly _tag: "Ignored"; readonly state: string; readonly reason: string }

export interface View<D> {
  readonly id: string
  readonly state: string
  /** None where it does not fit the schema any more. */
  readonly data: Option.Option<D>
  readonly createdAtMs: number
  readonly sinceMs: number
  /** Null in a final state. */
  readonly timerAtMs: number | null
  readonly finished: boolean
  /** All that moved it, and all that made no sense, in order; of very many the first and the latest 500. */
  readonly history: ReadonlyArray<RequestRecord.Entry>
}

export interface WorkOptions {
  /** Timers in hand at once. 50 if not given. */
  readonly concurrency?: number
  /** 30 s if not given. */
  readonly leaseMillis?: number
}

type Stores = AggregateStore | UnitOfWork

export interface Lifecycle<S extends string, D, M, R> {
  readonly name: string
  readonly machine: Kernel.Machine
  /** In the caller's unit of work, if there is one. `duplicate`: there is, or was, such a request; it stays as it is. */
  readonly create: (
    id: string,
    data: D,
  ) => Effect.Effect<{ readonly id: string; readonly duplicate: boolean }, StorageError, Stores | R>
  /** In the caller's unit of work, if there is one. A message that does not fit its schema dies. */
  readonly send: <K extends keyof M & string>(
    id: string,
    name: K,
    message: M[K],
  ) => Effect.Effect<Sent<S>, StorageError | NoSuchRequest, Stores | R>
  /** Ends it from outside, where its state allows that. */
  readonly cancel: (id: string, reason: string) => Effect.Effect<Sent<S>, StorageError | NoSuchRequest, Stores | R>
  /** State, data and history, also of a finished one. */
  readonly find: (id: string) => Effect.Effect<Option.Option<View<D>>, StorageError, AggregateStore>
  /** Those that are not finished, by id. */
  readonly list: (page: Page) => Effect.Effect<ReadonlyArray<View<D>>, StorageError, AggregateStore>
  /** Runs the timers until the scope closes. */
  readonly work: (options?: WorkOptions) => Effect.Effect<void, never, Stores | Scope.Scope | R>
}

export interface Declared<S extends string, D, Ev, M, R> {
  readonly name: string
  readonly machine: Kernel.Machine
  readonly states: { readonly [K in S]: State<S, D, Ev, M> }
  readonly isState: (state: string) => state is S
  readonly encode: (data: D) => unknown
  /** Dies when a message does not fit its schema. */
  readonly check: (message: string, payload: unknown) => Effect.Effect<unknown>
  readonly decode: (stored: unknown) => Effect.Effect<D, ParseResult.ParseError>
  readonly append: (effects: ReadonlyArray<Ev>, id: string) => Effect.Effect<unknown, StorageError, R | Transaction>
  readonly onCreate: (data: D, id: string) => ReadonlyArray<Ev>
  readonly keepForMillis: number
}

type Store = Context.Tag.Service<typeof AggregateStore>
type Decided<S, D, Ev> = (Change<D, Ev> & { readonly to: S }) | Ignore

const TRIES = 20
const CONCURRENCY = 50
const JANITOR_EVERY = Duration.minutes(1)
const FORGET_AT_ONCE = 500
/** When a timer is tried again whose transition failed. */
const AGAIN_MILLIS = 5_000

export const make = <S extends string, D, Ev, M, R>(declared: Declared<S, D, Ev, M, R>): Lifecycle<S, D, M, R> => {
  const { isState, machine, name, states } = declared
  const kind = RequestRecord.kindOf(name)

  const unit = <A, E, R1>(body: Effect.Effect<A, E | VersionConflict, R1>) =>
    UnitOfWork.run(body).pipe(
      // Who is overtaken looks at the request as it is then.
      Effect.retry({ times: TRIES, while: (error) => error instanceof VersionConflict }),
      Effect.catchIf((error): error is VersionConflict => error instanceof VersionConflict, Effect.die),
    )

  const dataOf = (id: string, request: RequestRecord.Request) =>
    Effect.mapError(
      declared.decode(request.data),
      (cause) =>
        new StorageError({
          reason: "corrupt",
          message: `The data of ${name} "${id}" do not fit any more: ${cause.message}`,
          cause,
        }),
    )

  /** The request as a transition leaves it. */
  const moved = (
    request: RequestRecord.Request,
    change: Change<D, Ev> & { readonly to: S },
    entry: Pick<RequestRecord.Entry, "trigger" | "note">,
    nowMs: number,
  ): RequestRecord.Request => ({
    ...request,
    ...Kernel.enter(machine, change.to, nowMs),
    data: change.data === undefined ? request.data : declared.encode(change.data),
    history: RequestRecord.noted(request.history, { ...entry, atMs: nowMs, from: request.state, to: change.to }),
  })

  const create = (id: string, data: D) =>
    unit(
      Effect.gen(function* () {
        const store = yield* AggregateStore
        const nowMs = yield* DueWork.now
        const position = Kernel.enter(machine, machine.initial, nowMs)
        const first = { atMs: nowMs, trigger: "created", from: null, to: machine.initial, note: null }
        const state = { ...position, createdAtMs: nowMs, data: declared.encode(data), history: [first] }
        const inserted = yield* Effect.either(store.insert(kind, id, { state, dueAtMs: position.timerAtMs }))
        if (Either.isLeft(inserted)) {
          if (inserted.left instanceof VersionConflict) return { id, duplicate: true }
          return yield* inserted.left
        }
        if (position.timerAtMs === null) yield* store.archive(kind, id, 1, state, nowMs)
        const effects = declared.onCreate(data, id)
        if (effects.length > 0) yield* declared.append(effects, id)
        return { id, duplicate: false }
      }),
    )

  /** Moves a request by what came from outside. */
  const receive = (
    id: string,
    trigger: Exclude<Kernel.Trigger, { readonly _tag: "Timer" }>,
    note: string | null,
    decide: (state: State<S, D, Ev, M>, data: D, context: TransitionContext) => Decided<S, D, Ev>,
  ) =>
    Effect.gen(function* () {
      const label = trigger._tag === "Message" ? trigger.name : "cancel"
      const sent = yield* unit(
        Effect.gen(function* (): Effect.fn.Return<
          Sent<S>,
          StorageError | VersionConflict | NoSuchRequest,
          AggregateStore | Transaction | R
        > {
          const store = yield* AggregateStore
          const stored = yield* store.get(kind, id)
          if (Option.isNone(stored)) return yield* finished(store, id)
          const request = yield* RequestRecord.read(stored.value.state)
          const nowMs = yield* DueWork.now
          const { state } = request
          const targets = Kernel.targets(machine, request, trigger, nowMs)
          const decision: Decided<S, D, Ev> =
            targets.length === 0 || !isState(state)
              ? { ignore: `"${label}" makes no sense in "${state}"` }
              : decide(states[state], yield* dataOf(id, request), { id, state, nowMs })
          const { version } = stored.value
          if ("ignore" in decision || !isState(state)) {
            const reason = "ignore" in decision ? decision.ignore : `"${state}" is no state any more`
            const entry = { atMs: nowMs, trigger: label, from: state, to: null, note: reason }
            const history = RequestRecord.noted(request.history, entry)
            yield* store.update(kind, id, version, { state: { ...request, history }, dueAtMs: request.timerAtMs })
            return { _tag: "Ignored", state, reason }
          }
          if (!targets.includes(decision.to)) return yield* Effect.die(new UndeclaredTarget(label, decision.to))
          const next = moved(request, decision, { trigger: label, note }, nowMs)
          yield* write(store, id, version, next, nowMs)
          if (decision.effects !== undefined && decision.effects.length > 0)
            yield* declared.append(decision.effects, id)
          return { _tag: "Moved", from: state, to: decision.to }
        }),
      )
      if (sent._tag === "Ignored") {
        yield* Effect.logInfo("A message made no sense and changed nothing.", sent.reason).pipe(
          Effect.annotateLogs({ lifecycle: name, id }),
        )
      }
      return sent
    })

  const finished = (store: Store, id: string): Effect.Effect<Sent<S>, StorageError | NoSuchRequest> =>
    Effect.flatMap(store.getArchived(kind, id), (archived) =>
      Option.isNone(archived)
        ? Effect.fail(new NoSuchRequest({ lifecycle: name, id }))
        : Effect.map(RequestRecord.read(archived.value.state), ({ state }) => ({
            _tag: "Ignored",
            state,
            reason: `It is finished: "${state}"`,
          })),
    )

  const write = (store: Store, id: string, version: number, next: RequestRecord.Request, nowMs: number) =>
    next.timerAtMs === null
      ? store.archive(kind, id, version, next, nowMs)
      : Effect.asVoid(store.update(kind, id, version, { state: next, dueAtMs: next.timerAtMs }))

  /** A claimed request whose timer may have come to its end. */
  const fire = (claim: DueWork.Claim) =>
    claim.settle((put) =>
      Effect.gen(function* () {
        const request = yield* RequestRecord.read(claim.state)
        const nowMs = yield* DueWork.now
        const { state } = request
        const spec = isState(state) ? states[state] : undefined
        const [to] = Kernel.targets(machine, request, { _tag: "Timer" }, nowMs)
        if (spec === undefined || "final" in spec || to === undefined || !isState(to)) {
          // A machine that no longer knows its state leaves it: a later version may.
          const dueAtMs = request.timerAtMs === null ? null : Math.max(request.timerAtMs, nowMs + 1_000)
          return yield* put.release({ state: request, dueAtMs })
        }
        const data = yield* dataOf(claim.id, request)
        const change = spec.timer.decide?.(data, { id: claim.id, state, nowMs }) ?? {}
        const next = moved(request, { ...change, to }, { trigger: "timer", note: null }, nowMs)
        if (change.effects !== undefined && change.effects.length > 0) yield* declared.append(change.effects, claim.id)
        yield* next.timerAtMs === null
          ? put.archive(next, nowMs)
          : put.release({ state: next, dueAtMs: next.timerAtMs })
      }),
    )

  /** A timer that cannot be carried out now is tried again soon, and said aloud. */
  const fireOrTryAgain = (claim: DueWork.Claim) =>
    fire(claim).pipe(
      Effect.catchTag("ClaimLost", () => Effect.void),
      Effect.catchAllCause((cause) =>
        Effect.gen(function* () {
          yield* Effect.logError("A timer could not be carried out; it is tried again.", cause).pipe(
            Effect.annotateLogs({ lifecycle: name, id: claim.id }),
          )
          const dueAtMs = (yield* DueWork.now) + AGAIN_MILLIS
          yield* Effect.ignore(claim.settle((put) => put.release({ state: claim.state, dueAtMs })))
        }),
      ),
    )

  const viewOf = ({ id, state }: Stored | Archived): Effect.Effect<View<D>> =>
    Effect.flatMap(RequestRecord.read(state), (request) =>
      Effect.map(Effect.option(declared.decode(request.data)), (data) => ({
        id,
        state: request.state,
        data,
        createdAtMs: request.createdAtMs,
        sinceMs: request.sinceMs,
        timerAtMs: request.timerAtMs,
        finished: request.timerAtMs === null,
        history: request.history,
      })),
    )

  const forget = Effect.gen(function* () {
    const store = yield* AggregateStore
    const beforeMs = (yield* DueWork.now) - declared.keepForMillis
    const drop = UnitOfWork.run(store.dropArchived(kind, beforeMs, FORGET_AT_ONCE))
    while ((yield* drop) === FORGET_AT_ONCE) yield* Effect.yieldNow()
  })

  const work = (options: WorkOptions = {}): Effect.Effect<void, never, AggregateStore | UnitOfWork | Scope.Scope | R> =>
    Effect.gen(function* () {
      const { concurrency = CONCURRENCY, ...rest } = options
      yield* Effect.forkScoped(
        Effect.forever(Effect.zipRight(Effect.sleep(JANITOR_EVERY), Effect.ignoreLogged(forget))),
      )
      yield* Effect.forkScoped(DueWork.run({ kind, concurrency, ...rest, handle: fireOrTryAgain }))
    })

  return {
    name,
    machine,
    create,
    send: (id, message, payload) =>
      Effect.zipRight(
        declared.check(message, payload),
        receive(id, { _tag: "Message", name: message }, null, (spec, data, context) => {
          const move = "final" in spec ? undefined : spec.on?.[message]
          if (move === undefined) return { ignore: "no such message" }
          if ("oneOf" in move) return move.decide(data, payload, context)
          const change = move.decide?.(data, payload, context) ?? {}
          return "ignore" in change ? change : { ...change, to: move.to }
        }),
      ),
    cancel: (id, reason) =>
      receive(id, { _tag: "Cancel" }, reason, (spec, data, context) => {
        const cancel = "final" in spec ? undefined : spec.cancel
        return cancel === undefined
          ? { ignore: "no cancelling" }
          : { ...cancel.decide?.(data, reason, context), to: cancel.to }
      }),
    find: (id) =>
      Effect.gen(function* () {
        const store = yield* AggregateStore
        const live = yield* store.get(kind, id)
        const found: Option.Option<Stored | Archived> = Option.isSome(live) ? live : yield* store.getArchived(kind, id)
        return Option.isNone(found) ? Option.none() : Option.some(yield* viewOf(found.value))
      }),
    list: (page: Page) =>
      Effect.flatMap(AggregateStore, (store) => Effect.flatMap(store.list(kind, page), Effect.forEach(viewOf))),
    work,
  }
}

/** A choice led to a state that it does not list, so the diagram would be wrong: a programming mistake. */
class UndeclaredTarget extends Error {
  override readonly name = "UndeclaredTarget"
  constructor(trigger: string, to: string) {
    super(`"${trigger}" led to "${to}", which it does not list. It was rolled back.`)
  }
}
