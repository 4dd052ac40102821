/**
 * Decides how a saga goes on: forward step by step, and when a step is given up or somebody cancels, back through the
 * compensations of what has happened, the last first.
 *
 * `apply` takes a state and what happened and gives the next state; `next` says what is to be done with it. Storing each
 * state before acting on it is what makes a crash harmless: who finds the state does what `next` says. A compensation
 * that cannot be made is parked for a person; nothing is skipped, and nothing that was undone is undone again.
 *
 * A call whose last attempt did not come back cleanly is in doubt: it may have happened, so it is compensated like one
 * that has. A transactional step is never in doubt.
 *
 * @example
 * const state = Saga.start(plan, { order: 7 }, now)
 * Saga.next(plan, state) // { _tag: "Run", step: 0, action: "run", attempt: 1, … }
 * Saga.apply(plan, state, { _tag: "Succeeded", result: "seat 7" }, now)
 */
import type * as Fault from "../resilience/Fault.ts"
import * as Retry from "../resilience/Retry.ts"
import {
  type Done,
  type Entry,
  isOver,
  type Outcome,
  type Parked,
  type Plan,
  type Reason,
  type SagaState,
  type StepPlan,
  type Trying,
} from "./SagaState.ts"

export type { Done, Entry, Outcome, Parked, Phase, Plan, Reason, SagaState, StepPlan, Trying } from "./SagaState.ts"
export { isOver } from "./SagaState.ts"

/** What happened. */
export type Event =
  /** An attempt of what `next` says begins. */
  | { readonly _tag: "Begun" }
  | { readonly _tag: "Succeeded"; readonly result: unknown; readonly cancelled?: string | undefined }
  | Failed
  /** `times` attempts went away with their process. Uncounted: it was shut down in order, which is not the step's fault. */
  | { readonly _tag: "Interrupted"; readonly times: number; readonly counted: boolean }
  | { readonly _tag: "Cancelled"; readonly why: string }
  /** The definition does not fit it any more. */
  | { readonly _tag: "Misfit"; readonly message: string }
  /** A person has a parked one tried again. */
  | { readonly _tag: "Retried"; readonly note: string }
  /** A person says that what a parked one waits for is settled. */
  | { readonly _tag: "Settled"; readonly note: string }

export interface Failed {
  readonly _tag: "Failed"
  readonly error: string
  readonly kind: Fault.FaultKind
  /** It may have reached the other side all the same. Without meaning for transactional steps. */
  readonly inDoubt: boolean
  readonly retryAfterMillis?: number | undefined
  /** In [0, 1), for the jitter. */
  readonly random: number
  /** Somebody wants it cancelled: it is not tried again. */
  readonly cancelled?: string | undefined
}

/** What is to be done. */
export type Action =
  | {
      readonly _tag: "Run"
      /** Its place in the plan. */
      readonly step: number
      readonly action: "run" | "compensate"
      /** From 1. */
      readonly attempt: number
      /** Not before then. */
      readonly atMs: number
    }
  | { readonly _tag: "Park" }
  | { readonly _tag: "End" }

/** After a guard's refusal, when it does not say how long to wait. */
const REFUSED_MILLIS = 1_000

const fresh = (atMs: number): Trying => ({
  attempts: 0,
  firstAtMs: null,
  begunAtMs: null,
  previousMillis: 0,
  inDoubt: false,
  atMs,
})

export const start = (plan: Plan, input: unknown, nowMs: number): SagaState => {
  const state: SagaState = {
    version: plan.version,
    input,
    startedAtMs: nowMs,
    phase: "forward",
    done: [],
    trying: fresh(nowMs),
    reason: null,
    parked: null,
    claims: 0,
    timeline: [noted("started", nowMs, null)],
  }
  return plan.steps.length === 0 ? complete(state, nowMs) : state
}

export const next = (plan: Plan, state: SagaState): Action => {
  if (isOver(state)) return { _tag: "End" }
  const turn = state.phase === "parked" ? undefined : turnOf(plan, state)
  if (turn === undefined) return { _tag: "Park" }
  const { action, step } = turn
  return { _tag: "Run", step, action, attempt: state.trying.attempts + 1, atMs: state.trying.atMs }
}

/** Why the plan cannot go on with it: `newer` if a newer version of the program can, else what does not fit. */
export const misfit = (plan: Plan, state: SagaState): "newer" | { readonly message: string } | undefined => {
  if (state.version > plan.version) return "newer"
  if (state.version < plan.version && !plan.continues.includes(state.version)) {
    return {
      message:
        `It was started with version ${state.version} of its definition, and version ${plan.version} does not go on ` +
        `with that. List ${state.version} in "continues" if its steps still mean the same.`,
    }
  }
  const wrong = state.done.findIndex(({ step }, place) => plan.steps[place]?.name !== step)
  const done = state.done[wrong]
  if (done === undefined) return undefined
  const there = plan.steps[wrong]
  return {
    message:
      `Its step ${wrong + 1} was "${done.step}"; the definition now has ` +
      `${there === undefined ? "no such step" : `"${there.name}"`} there.`,
  }
}

export const apply = (plan: Plan, state: SagaState, event: Event, nowMs: number): SagaState => {
  switch (event._tag) {
    case "Begun": {
      const firstAtMs = state.trying.firstAtMs ?? nowMs
      return { ...state, trying: { ...state.trying, firstAtMs, begunAtMs: nowMs } }
    }
    case "Succeeded":
      return succeeded(plan, state, event, nowMs)
    case "Failed":
      return failed(plan, state, event, nowMs)
    case "Interrupted":
      return interrupted(plan, state, event.times, event.counted, nowMs)
    case "Cancelled":
      return cancelled(plan, state, event.why, nowMs)
    case "Misfit":
      return isOver(state) ? state : park(state, "definition-changed", event.message, nowMs)
    case "Retried":
      return retried(plan, state, event.note, nowMs)
    case "Settled":
      return settled(plan, state, event.note, nowMs)
  }
}

interface Turn {
  readonly step: number
  readonly action: "run" | "compensate"
}

/** Whose turn it is, going forward or back. */
const turnOf = (plan: Plan, state: SagaState): Turn | undefined => {
  if (state.phase === "forward") {
    return plan.steps[state.done.length] === undefined ? undefined : { step: state.done.length, action: "run" }
  }
  const step = state.done.findLastIndex((done, place) => !done.undone && plan.steps[place]?.compensable === true)
  return step === -1 ? undefined : { step, action: "compensate" }
}

interface Current extends Turn {
  readonly plan: StepPlan
  readonly retry: Retry.RetrySettings
}

const currentOf = (plan: Plan, state: SagaState): Current | undefined => {
  const turn = turnOf(plan, state)
  const step = turn === undefined ? undefined : plan.steps[turn.step]
  if (turn === undefined || step === undefined) return undefined
  return { ...turn, plan: step, retry: turn.action === "run" ? step.retry : step.compensationRetry }
}

const noted = (outcome: Outcome, nowMs: number, note: string | null): Entry => ({
  step: null,
  action: null,
  attempt: 0,
  atMs: nowMs,
  endedAtMs: nowMs,
  outcome,
  note,
})

const withEntry = (state: SagaState, entry: Entry): SagaState => ({ ...state, timeline: [...state.timeline, entry] })

/** The attempt under way has ended so. */
const entryOf = (
  { trying }: SagaState,
  { action, plan }: Current,
  outcome: Outcome,
  nowMs: number,
  note: string | null,
): Entry => ({
  step: plan.name,
  action,
  attempt: trying.attempts + 1,
  atMs: trying.begunAtMs ?? nowMs,
  endedAtMs: nowMs,
  outcome,
  note,
})

const ended = (state: SagaState, current: Current, outcome: Outcome, nowMs: number, note: string | null): SagaState =>
  withEntry(state, entryOf(state, current, outcome, nowMs, note))

const complete = (state: SagaState, nowMs: number): SagaState =>
  withEntry({ ...state, phase: "completed", trying: fresh(nowMs) }, noted("completed", nowMs, null))

/** Goes back, or is through with it when nothing is left to be undone. */
const back = (plan: Plan, state: SagaState, nowMs: number): SagaState => {
  const going: SagaState = { ...state, phase: "backward", parked: null, trying: fresh(nowMs) }
  if (turnOf(plan, going) !== undefined) return going
  return withEntry({ ...going, phase: "compensated" }, noted("compensated", nowMs, null))
}

const undo = (state: SagaState, place: number): ReadonlyArray<Done> =>
  state.done.map((done, at) => (at === place ? { ...done, undone: true } : done))

const succeeded = (
  plan: Plan,
  state: SagaState,
  { cancelled: why, result }: Extract<Event, { readonly _tag: "Succeeded" }>,
  nowMs: number,
): SagaState => {
  const current = currentOf(plan, state)
  if (current === undefined) return state
  const entry = entryOf(state, current, "succeeded", nowMs, null)
  if (current.action === "compensate") {
    return back(plan, { ...withEntry(state, entry), done: undo(state, current.step) }, nowMs)
  }
  // Most of what sagas do: one copy of the state.
  const done = [...state.done, { step: current.plan.name, certain: true, result, undone: false }]
  const trying = fresh(nowMs)
  if (why === undefined && done.length === plan.steps.length) {
    const timeline = [...state.timeline, entry, noted("completed", nowMs, null)]
    return { ...state, phase: "completed", done, trying, timeline }
  }
  const further: SagaState = { ...state, done, trying, timeline: [...state.timeline, entry] }
  return why === undefined ? further : cancelled(plan, further, why, nowMs)
}

const failed = (plan: Plan, state: SagaState, failure: Failed, nowMs: number): SagaState => {
  const current = currentOf(plan, state)
  if (current === undefined) return state
  const { trying } = state
  const attempt = trying.attempts + 1
  const elapsedMillis = nowMs - (trying.firstAtMs ?? nowMs)
  const refused = failure.kind === "refused"
  const decision = refused
    ? wait(current.retry, failure, elapsedMillis)
    : Retry.decide(
        current.retry,
        {
          attempt,
          kind: failure.kind,
          elapsedMillis,
          previousMillis: trying.previousMillis,
          retryAfterMillis: failure.retryAfterMillis,
        },
        failure.random,
      )
  const inDoubt = trying.inDoubt || (failure.inDoubt && !current.plan.transactional)
  const after = ended(state, current, "failed", nowMs, failure.error)
  if (failure.cancelled !== undefined && current.action === "run") {
    return cancelled(plan, { ...after, trying: { ...trying, begunAtMs: null, inDoubt } }, failure.cancelled, nowMs)
  }
  if (decision._tag === "Stop") {
    return giveUp(plan, { ...after, trying: { ...trying, inDoubt } }, current, failure.error, nowMs)
  }
  const { delayMillis } = decision
  return {
    ...after,
    trying: {
      ...trying,
      attempts: refused ? trying.attempts : attempt,
      begunAtMs: null,
      previousMillis: delayMillis,
      inDoubt,
      atMs: nowMs + delayMillis,
    },
  }
}

/** A guard refused before anything was tried: no attempt, and worth waiting for as long as the retry's time lasts. */
const wait = (retry: Retry.RetrySettings, failure: Failed, elapsedMillis: number): Retry.Decision => {
  const delayMillis = Math.max(REFUSED_MILLIS, Math.min(failure.retryAfterMillis ?? 0, retry.retryAfterMaxMillis))
  return elapsedMillis + delayMillis >= retry.totalMillis
    ? { _tag: "Stop", reason: "refused" }
    : { _tag: "Again", delayMillis }
}

/** No further attempt: a step makes the saga go back, a compensation needs a person. */
const giveUp = (plan: Plan, state: SagaState, current: Current, error: string, nowMs: number): SagaState => {
  if (current.action === "compensate") {
    return park(state, "compensation-failed", `"${current.plan.name}" could not be compensated: ${error}`, nowMs)
  }
  const reason: Reason = { _tag: "StepFailed", step: current.plan.name, error }
  return back(plan, { ...withDoubtful(state, current), reason }, nowMs)
}

/** What is in doubt counts as done, so that it is undone. */
const withDoubtful = (state: SagaState, { plan }: Current): SagaState => {
  if (!state.trying.inDoubt || plan.transactional) return state
  const done: Done = { step: plan.name, certain: false, result: null, undone: false }
  return { ...state, done: [...state.done, done] }
}

const VANISHED = "The process ended while it ran"

const interrupted = (plan: Plan, state: SagaState, times: number, counted: boolean, nowMs: number): SagaState => {
  const current = currentOf(plan, state)
  const { trying } = state
  const underWay = trying.begunAtMs !== null
  // A call that was not begun has not been made. Of a transactional step nobody knows, and one that kills its process
  // must not do so for ever.
  if (current === undefined || (!underWay && !(counted && current.plan.transactional))) return state
  const after = ended(state, current, "interrupted", nowMs, counted ? VANISHED : "The process was shut down")
  const attempts = counted ? trying.attempts + times : trying.attempts
  const inDoubt = trying.inDoubt || !current.plan.transactional
  const going: SagaState = {
    ...after,
    trying: { ...trying, firstAtMs: trying.firstAtMs ?? nowMs, attempts, begunAtMs: null, inDoubt, atMs: nowMs },
  }
  return attempts >= current.retry.attempts
    ? giveUp(plan, going, current, `${VANISHED}, ${attempts} times`, nowMs)
    : going
}

const cancelled = (plan: Plan, state: SagaState, why: string, nowMs: number): SagaState => {
  const forward = state.phase === "forward" || (state.phase === "parked" && state.parked?.from === "forward")
  if (!forward) return state
  const current = currentOf(plan, { ...state, phase: "forward" })
  const begun = state.trying.begunAtMs !== null && current?.plan.transactional === false
  const doubtful = begun ? { ...state, trying: { ...state.trying, inDoubt: true } } : state
  const going = current === undefined ? doubtful : withDoubtful(doubtful, current)
  return back(plan, { ...withEntry(going, noted("cancelled", nowMs, why)), reason: { _tag: "Cancelled", why } }, nowMs)
}

const park = (state: SagaState, why: Parked["why"], message: string, nowMs: number): SagaState => {
  const from =
    state.phase === "parked" ? (state.parked?.from ?? "forward") : state.phase === "backward" ? "backward" : "forward"
  // What a call in doubt has told is kept: it still has to be undone.
  const trying: Trying = { ...fresh(nowMs), inDoubt: state.trying.inDoubt || state.trying.begunAtMs !== null }
  return withEntry(
    { ...state, phase: "parked", parked: { why, message, from }, trying },
    noted("parked", nowMs, message),
  )
}

const retried = (plan: Plan, state: SagaState, note: string, nowMs: number): SagaState => {
  if (state.phase !== "parked" || state.parked === null) return state
  const going: SagaState = {
    ...withEntry(state, noted("retried", nowMs, note)),
    phase: state.parked.from,
    parked: null,
  }
  const trying: Trying = { ...fresh(nowMs), inDoubt: state.trying.inDoubt }
  return going.phase === "backward" ? back(plan, going, nowMs) : { ...going, trying }
}

const settled = (plan: Plan, state: SagaState, note: string, nowMs: number): SagaState => {
  if (state.phase !== "parked" || state.parked === null) return state
  const after = withEntry(state, noted("settled", nowMs, note))
  if (state.parked.why === "definition-changed") return { ...after, phase: "settled", parked: null }
  const turn = turnOf(plan, { ...state, phase: "backward" })
  return back(plan, turn === undefined ? after : { ...after, done: undo(after, turn.step) }, nowMs)
}
