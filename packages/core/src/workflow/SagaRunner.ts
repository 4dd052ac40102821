/**
 * Carries sagas out: `DueWork` brings those whose time has come, and each is run on, attempt after attempt, until it waits
 * or is over.
 */
import {
  type Clock,
  Context,
  Effect,
  Either,
  FiberId,
  FiberRef,
  FiberRefs,
  HashMap,
  Runtime,
  RuntimeFlags,
} from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import type { VersionConflict } from "../consistency/OptimisticLock.ts"
import type { StorageError } from "../consistency/UnitOfWork.ts"
import * as Saga from "../kernel/workflow/Saga.ts"
import * as DueWork from "../messaging/DueWork.ts"
import { call, type Holding, inUnit, type Run, STEPS_A_UNIT } from "./SagaAttempt.ts"
import type { Runnable } from "./SagaChange.ts"
import * as SagaRecord from "./SagaRecord.ts"
import type { Step } from "./SagaSteps.ts"
import { type Hand, record } from "./SagaUnit.ts"

/** How long a saga that only a newer version of the program can go on with is left to it. */
const NEWER_MILLIS = 5_000

/** How long a saga is left alone that the store could not take; what tries to store has been patient before. */
const TROUBLE_MILLIS = 5_000

/** A handler for `DueWork`: runs a claimed saga on as far as it goes. `runtime` is the worker's. */
export const handler = <I, R>(definition: Runnable<I, R>, runtime: Runtime.Runtime<AggregateStore | R>) => {
  const runtimeOf = callRuntimes(definition.name, runtime)
  return (claim: DueWork.Claim): Effect.Effect<void, StorageError | VersionConflict> =>
    Effect.onInterrupt(
      Effect.clockWith((clock) => carryOut(definition, runtimeOf(claim.id), claim, clock)),
      () => giveBack(definition, claim, 0),
    ).pipe(
      Effect.catchAll((error) => {
        // Somebody else has it: what this one wanted to store was refused.
        if (error instanceof DueWork.ClaimLost) return Effect.void
        const trouble = Effect.logWarning("A saga could not be stored; it is taken up again later.", error)
        return Effect.zipRight(
          Effect.annotateLogs(trouble, { saga: definition.name, id: claim.id }),
          Effect.zipRight(giveBack(definition, claim, TROUBLE_MILLIS), Effect.fail(error)),
        )
      }),
    )
}

/**
 * Where the calls of a saga run: they can be interrupted, and what they log says of which saga. Made without the
 * interpreter, once for each, for most log nothing.
 */
const callRuntimes = <R>(saga: string, { context, fiberRefs, runtimeFlags }: Runtime.Runtime<R>) => {
  const flags = RuntimeFlags.enable(runtimeFlags, RuntimeFlags.Interruption)
  const annotations = FiberRefs.getOrDefault(fiberRefs, FiberRef.currentLogAnnotations).pipe(
    HashMap.set<string, unknown>("kind", SagaRecord.kindOf(saga)),
    HashMap.set<string, unknown>("saga", saga),
  )
  // Each fiber is given these two by itself.
  const base = FiberRefs.delete(FiberRefs.delete(fiberRefs, FiberRef.currentContext), FiberRef.currentRuntimeFlags)
  return (id: string): Runtime.Runtime<R> => {
    const refs = FiberRefs.updateAs(base, {
      fiberId: FiberId.none,
      fiberRef: FiberRef.currentLogAnnotations,
      value: HashMap.set(annotations, "id", id),
    })
    return Runtime.make({ context, fiberRefs: refs, runtimeFlags: flags })
  }
}

const carryOut = <I, R>(
  definition: Runnable<I, R>,
  runtime: Runtime.Runtime<AggregateStore | R>,
  claim: DueWork.Claim,
  clock: Clock.Clock,
) =>
  Effect.gen(function* () {
    const { plan } = definition
    const { context } = runtime
    const found = SagaRecord.read(claim.state)
    const times = DueWork.timesOf(clock)
    const nowMs = times.now()
    const unfit = Saga.misfit(plan, found)
    if (unfit === "newer") {
      const untouched = { ...found, claims: found.claims - 1 }
      return yield* claim.settle((put) => put.release({ state: untouched, dueAtMs: nowMs + NEWER_MILLIS }))
    }
    const state = resumed(plan, found, nowMs)
    const loaded = unfit ?? load(definition, state)
    const hand: Hand<I, R> = { definition, context, claim, times, store: Context.get(context, AggregateStore) }
    if ("message" in loaded) {
      const parked = Saga.apply(plan, state, { _tag: "Misfit", message: loaded.message }, nowMs)
      return yield* Effect.asVoid(record(hand, found, () => parked))
    }
    // After a crash one by one, so that a step which takes the process down is found, and not the one before it.
    yield* runOn({ ...hand, ...loaded, runtime, stepsAUnit: found.claims > 1 ? 1 : STEPS_A_UNIT }, found, state)
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
    const { definition, times } = holding
    const { plan, steps } = definition
    const first = nextOf(plan, found, times.now())
    if (first === undefined) {
      return yield* before === found ? putDown(holding, found) : Effect.asVoid(record(holding, before, () => found))
    }
    let stored = before
    let state = found
    // The claim is kept as long as it goes on at once.
    for (let action: Run | undefined = first; action !== undefined; action = nextOf(plan, state, times.now())) {
      const step: Step<I, R> | undefined = steps[action.step]
      if (step === undefined) return
      state = step.transactional
        ? yield* inUnit(holding, step, action, stored, state)
        : yield* call(holding, step, action, stored, state)
      stored = state
    }
  })

/** What is to be done at once, if anything is. */
const nextOf = (plan: Saga.Plan, state: Saga.SagaState, nowMs: number): Run | undefined => {
  const action = Saga.next(plan, state)
  return action._tag === "Run" && action.atMs <= nowMs ? action : undefined
}

const putDown = <I, R>({ claim }: Hand<I, R>, state: Saga.SagaState) => {
  const action = state.trying.atMs
  return claim.settle((put) => put.release({ state: SagaRecord.putDown(state), dueAtMs: action }))
}

/** Shut down in order, or the store was in trouble: put down as it is, and it is nobody's fault. */
const giveBack = <I, R>({ plan }: Runnable<I, R>, claim: DueWork.Claim, afterMillis: number) =>
  Effect.gen(function* () {
    const nowMs = yield* DueWork.now
    const found = resumed(plan, SagaRecord.read(claim.state), nowMs)
    const state = Saga.apply(plan, found, { _tag: "Interrupted", times: 1, counted: false }, nowMs)
    yield* claim.settle((put) => put.release({ state: SagaRecord.putDown(state), dueAtMs: nowMs + afterMillis }))
  }).pipe(Effect.ignore)
