/**
 * Carries sagas out: `DueWork` brings those whose time has come, and each is run on, a unit of work for each step, until
 * it waits or is over.
 *
 * A transactional step runs in the unit that records it. A call is recorded as begun before it is made and as ended
 * after it, so that whoever finds it after a crash knows that it may have happened. Where a call follows, it is begun
 * in the unit that records the step before it.
 */
import { Cause, Context, Effect, Either, Exit, Option, Random, Schedule } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import { StorageError, type Transaction } from "../consistency/UnitOfWork.ts"
import * as Fault from "../kernel/resilience/Fault.ts"
import * as Saga from "../kernel/workflow/Saga.ts"
import * as DueWork from "../messaging/DueWork.ts"
import * as Failure from "../messaging/Failure.ts"
import { TimeoutExceeded } from "../resilience/Errors.ts"
import { within } from "../resilience/Within.ts"
import { accompany, alert, type Runnable } from "./SagaChange.ts"
import * as SagaRecord from "./SagaRecord.ts"
import type { CompensationContext, StepOf, StepResult } from "./SagaSteps.ts"

/** How long a saga that only a newer version of the program can go on with is left to it. */
const NEWER_MILLIS = 5_000

/** The store is asked again for a while when it cannot take what has happened: else it would happen again. */
const insistently = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: (error) => error instanceof StorageError && (error.reason === "busy" || error.reason === "full"),
    schedule: Schedule.exponential("50 millis").pipe(
      Schedule.union(Schedule.spaced("5 seconds")),
      Schedule.upTo("1 minute"),
    ),
  })

/** One saga in hand. */
interface Hand<I, R> {
  readonly definition: Runnable<I, R>
  readonly context: Context.Context<AggregateStore | R>
  readonly store: Context.Tag.Service<typeof AggregateStore>
  readonly claim: DueWork.Claim
}

/** And what its steps are given. */
interface Holding<I, R> extends Hand<I, R> {
  readonly input: I
  readonly results: { [step: string]: unknown }
  /** How many transactional steps one unit of work takes, at most: one by one, after a unit of several has failed. */
  stepsAUnit: number
}

/** One writer is kept busy no longer than that. */
const STEPS_A_UNIT = 8

type Put = DueWork.Change

/** A handler for `DueWork`: runs a claimed saga on as far as it goes. */
export const handler =
  <I, R>(definition: Runnable<I, R>, context: Context.Context<AggregateStore | R>) =>
  (claim: DueWork.Claim): Effect.Effect<void, StorageError | VersionConflict> =>
    Effect.onInterrupt(carryOut(definition, context, claim), () => giveBack(definition, claim)).pipe(
      // Somebody else has it: what this one wanted to store was refused.
      Effect.catchTag("ClaimLost", () => Effect.void),
      Effect.annotateLogs({ saga: definition.name, id: claim.id }),
    )

const carryOut = <I, R>(
  definition: Runnable<I, R>,
  context: Context.Context<AggregateStore | R>,
  claim: DueWork.Claim,
) =>
  Effect.gen(function* () {
    const { plan } = definition
    const found = yield* SagaRecord.read(claim.state)
    const nowMs = yield* DueWork.now
    const unfit = Saga.misfit(plan, found)
    if (unfit === "newer") {
      const untouched = { ...found, claims: found.claims - 1 }
      return yield* claim.settle((put) => put.release({ state: untouched, dueAtMs: nowMs + NEWER_MILLIS }))
    }
    const state = resumed(plan, found, nowMs)
    const loaded = unfit ?? load(definition, state)
    const hand: Hand<I, R> = { definition, context, claim, store: Context.get(context, AggregateStore) }
    if ("message" in loaded) {
      const parked = Saga.apply(plan, state, { _tag: "Misfit", message: loaded.message }, nowMs)
      yield* store(hand, found, () => Effect.succeed(parked))
      return
    }
    yield* runOn({ ...hand, ...loaded, stepsAUnit: STEPS_A_UNIT }, found, state)
  })

/** As it is after its last holder went away. */
const resumed = (plan: Saga.Plan, state: Saga.SagaState, nowMs: number): Saga.SagaState =>
  state.claims <= 1
    ? state
    : {
        ...Saga.apply(plan, state, { _tag: "Interrupted", times: state.claims - 1, counted: true }, nowMs),
        claims: 1,
      }

/** What is stored, as its schemas read it; or what does not fit. */
const load = <I, R>({ decodeInput, decoders }: Runnable<I, R>, state: Saga.SagaState) => {
  const input = decodeInput(state.input)
  if (Either.isLeft(input)) return { message: `Its input does not fit any more. ${input.left.message}` }
  const results: { [step: string]: unknown } = {}
  for (const [place, done] of state.done.entries()) {
    const decode = decoders[place]
    if (decode === undefined || !done.certain) continue
    const result = decode(done.result)
    if (Either.isLeft(result)) {
      return { message: `The result of its step "${done.step}" does not fit any more. ${result.left.message}` }
    }
    results[done.step] = result.right
  }
  return { input: input.right, results }
}

/** Step after step, until it waits, is parked or is over. `before` is what is stored. */
const runOn = <I, R>(holding: Holding<I, R>, before: Saga.SagaState, found: Saga.SagaState) =>
  Effect.gen(function* () {
    const { plan, steps } = holding.definition
    let stored = before
    let state = found
    while (true) {
      const action = Saga.next(plan, state)
      const step = action._tag === "Run" ? steps[action.step] : undefined
      if (action._tag !== "Run" || step === undefined || action.atMs > (yield* DueWork.now)) {
        if (stored !== state) yield* store(holding, stored, () => Effect.succeed(state))
        else yield* putDown(holding, state)
        return
      }
      state = step.transactional
        ? yield* inUnit(holding, step, action, stored, state)
        : yield* call(holding, step, action, stored, state)
      stored = state
      if (!isNext(plan, state, yield* DueWork.now)) return
    }
  })

type Run = Extract<Saga.Action, { readonly _tag: "Run" }>

/** Whether it goes on at once: then the claim is kept. */
const isNext = (plan: Saga.Plan, state: Saga.SagaState, nowMs: number): boolean => {
  const action = Saga.next(plan, state)
  return action._tag === "Run" && action.atMs <= nowMs
}

const putDown = <I, R>({ claim }: Hand<I, R>, state: Saga.SagaState) => {
  const action = state.trying.atMs
  return claim.settle((put) => put.release({ state: SagaRecord.putDown(state), dueAtMs: action }))
}

/** One unit of work that stores what `decide` gives, with all that goes with it. */
const store = <I, R, E>(
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
const write = <I, R>({ definition }: Hand<I, R>, put: Put, state: Saga.SagaState, nowMs: number) => {
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

const contextOf = <I, R>({ claim, definition }: Hand<I, R>, step: string, { action, attempt }: Run) => {
  const runKey = `saga/${definition.name}/${claim.id}/${step}`
  const key = action === "run" ? runKey : `${runKey}/compensate`
  return { saga: definition.name, id: claim.id, step, attempt, key, runKey } satisfies CompensationContext
}

/** What the step or its compensation does. */
const effectOf = <I, R, S, T extends boolean>(
  holding: Holding<I, R>,
  step: StepOf<I, S, T>,
  action: Run,
): Effect.Effect<StepResult, unknown, S> => {
  const { input, results } = holding
  const context = contextOf(holding, step.name, action)
  return Effect.suspend(() =>
    action.action === "run"
      ? step.run(input, results, context)
      : Effect.as(step.compensate?.(input, results, context) ?? Effect.void, UNDONE),
  )
}

const UNDONE: StepResult = { value: null, encoded: null }

/**
 * The step's effect and its record in one unit, and those of the transactional steps that follow it at once: nothing of
 * them can be seen before the commit, so one commit says as much as one for each. When one of several fails, none has
 * happened; then they are taken one by one, so that each failure is its own step's.
 */
const inUnit = <I, R>(
  holding: Holding<I, R>,
  step: StepOf<I, R | Transaction, true>,
  action: Run,
  before: Saga.SagaState,
  state: Saga.SagaState,
): Effect.Effect<Saga.SagaState, StorageError | VersionConflict | DueWork.ClaimLost> =>
  Effect.gen(function* () {
    const { plan } = holding.definition
    const begun = Saga.apply(plan, state, { _tag: "Begun" }, yield* DueWork.now)
    let taken: Taken = { state: begun, results: holding.results }
    const unit = store(holding, before, (nowMs, why) =>
      why !== undefined
        ? Effect.succeed(Saga.apply(plan, state, { _tag: "Cancelled", why }, nowMs))
        : Effect.map(takeSteps(holding, step, action, begun), (through) => {
            taken = through
            return through.state
          }),
    )
    const exit = yield* Effect.exit(insistently(unit))
    if (Exit.isSuccess(exit)) {
      Object.assign(holding.results, taken.results)
      return exit.value
    }
    yield* unlessItsOwn(holding, exit.cause)
    if (holding.stepsAUnit > 1 && isFollowed(holding, begun)) {
      holding.stepsAUnit = 1
      return yield* inUnit(holding, step, action, before, state)
    }
    return yield* storeFailure(holding, begun, before, exit.cause)
  })

/** Steps that have been through in one unit. */
interface Taken {
  readonly state: Saga.SagaState
  readonly results: Readonly<{ [step: string]: unknown }>
}

/** Whether another transactional step could follow in the same unit. */
const isFollowed = <I, R>({ definition }: Holding<I, R>, begun: Saga.SagaState): boolean => {
  const { plan, steps } = definition
  const action = Saga.next(plan, Saga.apply(plan, begun, { _tag: "Succeeded", result: null }, 0))
  return action._tag === "Run" && steps[action.step]?.transactional === true
}

/** Inside the unit: this step, and those after it that need no unit of their own. */
const takeSteps = <I, R>(
  holding: Holding<I, R>,
  first: StepOf<I, R | Transaction, true>,
  action: Run,
  begun: Saga.SagaState,
): Effect.Effect<Taken, unknown, R | Transaction> =>
  Effect.gen(function* () {
    const { plan, steps } = holding.definition
    const results = { ...holding.results }
    let state = begun
    let next = action
    let step = first
    for (let through = 1; ; through++) {
      const { encoded, value } = yield* effectOf({ ...holding, results }, step, next)
      const endedMs = yield* DueWork.now
      if (next.action === "run") results[step.name] = value
      state = Saga.apply(plan, state, { _tag: "Succeeded", result: encoded }, endedMs)
      const following = Saga.next(plan, state)
      const after = following._tag === "Run" ? steps[following.step] : undefined
      const stops = through >= holding.stepsAUnit || following._tag !== "Run" || following.atMs > endedMs
      if (stops || after?.transactional !== true) return { state, results }
      state = Saga.apply(plan, state, { _tag: "Begun" }, endedMs)
      next = following
      step = after
    }
  })

/** Recorded as begun, made, and recorded as ended. */
const call = <I, R>(
  holding: Holding<I, R>,
  step: StepOf<I, R, false>,
  action: Run,
  before: Saga.SagaState,
  state: Saga.SagaState,
) =>
  Effect.gen(function* () {
    const { plan } = holding.definition
    const begun =
      state.trying.begunAtMs === null
        ? yield* insistently(
            store(holding, before, (nowMs, why) =>
              Effect.succeed(why === undefined ? state : Saga.apply(plan, state, { _tag: "Cancelled", why }, nowMs)),
            ),
          )
        : state
    // Cancelled in the last moment.
    if (begun.phase !== state.phase) return begun
    const made = within(
      effectOf(holding, step, action),
      step.timeoutMillis,
      () => new TimeoutExceeded(step.timeoutMillis),
    )
    // What was answered is recorded even if the worker is shut down in this moment.
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(restore(Effect.provide(made, holding.context)))
        if (Exit.isFailure(exit)) {
          if (Cause.isInterrupted(exit.cause)) return yield* Effect.interrupt
          return yield* storeFailure(holding, begun, begun, exit.cause)
        }
        const { encoded, value } = exit.value
        if (action.action === "run") holding.results[step.name] = value
        return yield* insistently(
          store(holding, begun, (nowMs, cancelled) =>
            Effect.succeed(Saga.apply(plan, begun, { _tag: "Succeeded", result: encoded, cancelled }, nowMs)),
          ),
        )
      }),
    )
  })

const storeFailure = <I, R>(
  holding: Holding<I, R>,
  begun: Saga.SagaState,
  before: Saga.SagaState,
  cause: Cause.Cause<unknown>,
) =>
  Effect.gen(function* () {
    const random = yield* Random.next
    const failure = failureOf(cause, random, yield* DueWork.now)
    yield* Effect.logDebug("An attempt of a saga's step failed.", cause)
    return yield* insistently(
      store(holding, before, (nowMs, cancelled) =>
        Effect.succeed(Saga.apply(holding.definition.plan, begun, { ...failure, cancelled }, nowMs)),
      ),
    )
  })

/** The claim's end, and the store's trouble, are not the step's failure: they end the handler. */
const unlessItsOwn = <I, R>({ claim }: Holding<I, R>, cause: Cause.Cause<unknown>) => {
  const error = Option.getOrUndefined(Cause.failureOption(cause))
  if (error instanceof DueWork.ClaimLost && error.id === claim.id) return Effect.fail(error)
  if (error instanceof StorageError && error.reason !== "failed") return Effect.fail(error)
  return Effect.void
}

/** The longest text of an error that is kept. */
const LONGEST = 1_000

const textOf = (error: unknown): string => {
  const text =
    error instanceof Error
      ? error.message === ""
        ? error.name
        : error.message
      : typeof error === "string"
        ? error
        : (JSON.stringify(error) ?? String(error))
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`
}

const failureOf = (cause: Cause.Cause<unknown>, random: number, nowMs: number): Saga.Failed => {
  const failure = Cause.failureOption(cause)
  const error = Option.getOrElse(failure, () => Cause.squash(cause))
  // A defect is a mistake in the program: the same attempt would fail again, and what it did is not known.
  const kind = Option.isNone(failure)
    ? "permanent"
    : error instanceof VersionConflict
      ? "transient"
      : Fault.kindOf(error)
  return {
    _tag: "Failed",
    error: textOf(error),
    kind,
    inDoubt: Option.isNone(failure) || (kind !== "permanent" && kind !== "refused"),
    retryAfterMillis: Failure.retryAfterMillis(cause, nowMs) || undefined,
    random,
  }
}

/** Shut down in order: put down as it is, and it is nobody's fault. */
const giveBack = <I, R>({ plan }: Runnable<I, R>, claim: DueWork.Claim) =>
  Effect.gen(function* () {
    const nowMs = yield* DueWork.now
    const found = resumed(plan, yield* SagaRecord.read(claim.state), nowMs)
    const state = Saga.apply(plan, found, { _tag: "Interrupted", times: 1, counted: false }, nowMs)
    yield* claim.settle((put) => put.release({ state: SagaRecord.putDown(state), dueAtMs: nowMs }))
  }).pipe(Effect.ignore)
