/**
 * One attempt of a saga's step or compensation, and what is recorded of it.
 *
 * A transactional step runs in the unit that records it, together with those that follow it at once. A call is recorded
 * as begun before it is made and as ended after it, so that whoever finds it after a crash knows that it may have
 * happened. Where a call follows, it is begun in the unit that records the step before it.
 */
import { Cause, Effect, Option, Random, type Runtime } from "effect"
import { StorageError, type Transaction } from "../consistency/UnitOfWork.ts"
import * as Saga from "../kernel/workflow/Saga.ts"
import * as DueWork from "../messaging/DueWork.ts"
import { attempt } from "./SagaCall.ts"
import { failureOf } from "./SagaFailure.ts"
import type { CompensationContext, StepOf, StepResult } from "./SagaSteps.ts"
import { annotated, type Hand, insistently, record, store, type Trouble } from "./SagaUnit.ts"

/** A saga in hand, and what its steps are given. */
export interface Holding<I, R> extends Hand<I, R> {
  /** Where its calls run. */
  readonly runtime: Runtime.Runtime<R>
  readonly input: I
  readonly results: { [step: string]: unknown }
  /** How many transactional steps one unit of work takes, at most: one by one, after a unit of several has failed. */
  stepsAUnit: number
}

/** One writer is kept busy no longer than that. */
export const STEPS_A_UNIT = 8

export type Run = Extract<Saga.Action, { readonly _tag: "Run" }>

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
export const inUnit = <I, R>(
  holding: Holding<I, R>,
  step: StepOf<I, R | Transaction, true>,
  action: Run,
  before: Saga.SagaState,
  state: Saga.SagaState,
): Effect.Effect<Saga.SagaState, Trouble> =>
  Effect.suspend(() => {
    const { plan } = holding.definition
    const begun = Saga.apply(plan, state, { _tag: "Begun" }, holding.times.now())
    let taken: Taken = { state: begun, results: holding.results }
    const unit = store(holding, before, (nowMs, why) =>
      why !== undefined
        ? Effect.succeed(Saga.apply(plan, state, { _tag: "Cancelled", why }, nowMs))
        : Effect.map(takeSteps(holding, step, action, begun), (through) => {
            taken = through
            return through.state
          }),
    )
    return Effect.matchCauseEffect(insistently(unit), {
      onSuccess: (after) => {
        Object.assign(holding.results, taken.results)
        return Effect.succeed(after)
      },
      onFailure: (cause) => {
        const trouble = notItsOwn(holding, cause)
        if (trouble !== undefined) return Effect.fail(trouble)
        if (holding.stepsAUnit > 1 && isFollowed(holding, begun)) {
          holding.stepsAUnit = 1
          return inUnit(holding, step, action, before, state)
        }
        return storeFailure(holding, begun, before, cause)
      },
    })
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
      const endedMs = holding.times.now()
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
export const call = <I, R>(
  holding: Holding<I, R>,
  step: StepOf<I, R, false>,
  action: Run,
  before: Saga.SagaState,
  state: Saga.SagaState,
): Effect.Effect<Saga.SagaState, Trouble> => {
  if (state.trying.begunAtMs !== null) return make(holding, step, action, state)
  const { plan } = holding.definition
  const begun = record(holding, before, (nowMs, why) =>
    why === undefined ? state : Saga.apply(plan, state, { _tag: "Cancelled", why }, nowMs),
  )
  return Effect.flatMap(insistently(begun), (after) =>
    // Unless it was cancelled in the last moment.
    after.phase === state.phase ? make(holding, step, action, after) : Effect.succeed(after),
  )
}

const make = <I, R>(
  holding: Holding<I, R>,
  step: StepOf<I, R, false>,
  action: Run,
  begun: Saga.SagaState,
): Effect.Effect<Saga.SagaState, Trouble> => {
  const { plan } = holding.definition
  const made = effectOf(holding, step, action)
  // What was answered is recorded even if the worker is shut down in this moment.
  return Effect.uninterruptibleMask((restore) =>
    Effect.matchCauseEffect(attempt(holding.runtime, made, step.timeoutMillis, restore), {
      onSuccess: ({ encoded: result, value }) => {
        if (action.action === "run") holding.results[step.name] = value
        return insistently(
          record(holding, begun, (nowMs, cancelled) =>
            Saga.apply(plan, begun, { _tag: "Succeeded", result, cancelled }, nowMs),
          ),
        )
      },
      onFailure: (cause) =>
        Cause.isInterrupted(cause) ? Effect.interrupt : storeFailure(holding, begun, begun, cause),
    }),
  )
}

const storeFailure = <I, R>(
  holding: Holding<I, R>,
  begun: Saga.SagaState,
  before: Saga.SagaState,
  cause: Cause.Cause<unknown>,
): Effect.Effect<Saga.SagaState, Trouble> =>
  Effect.gen(function* () {
    const random = yield* Random.next
    const failure = failureOf(cause, random, holding.times.now())
    yield* annotated(holding, Effect.logDebug("An attempt of a saga's step failed.", cause))
    return yield* insistently(
      record(holding, before, (nowMs, cancelled) =>
        Saga.apply(holding.definition.plan, begun, { ...failure, cancelled }, nowMs),
      ),
    )
  })

/** The claim's end, and the store's trouble, are not the step's failure: they end the handler. */
const notItsOwn = <I, R>({ claim }: Holding<I, R>, cause: Cause.Cause<unknown>): Trouble | undefined => {
  const error = Option.getOrUndefined(Cause.failureOption(cause))
  if (error instanceof DueWork.ClaimLost && error.id === claim.id) return error
  return error instanceof StorageError && error.reason !== "refused" ? error : undefined
}
