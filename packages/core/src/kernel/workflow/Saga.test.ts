import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import type * as Fault from "../resilience/Fault.ts"
import * as Retry from "../resilience/Retry.ts"
import * as Saga from "./Saga.ts"

const RETRY: Retry.RetrySettings = { ...Retry.system, attempts: 3 }

const step = (name: string, given: Partial<Saga.StepPlan> = {}): Saga.StepPlan => ({
  name,
  transactional: false,
  compensable: true,
  retry: RETRY,
  compensationRetry: RETRY,
  ...given,
})

const planOf = (steps: ReadonlyArray<Saga.StepPlan>, given: Partial<Saga.Plan> = {}): Saga.Plan => ({
  version: 1,
  continues: [],
  steps,
  ...given,
})

const fail = (kind: Fault.FaultKind, given: Partial<Saga.Failed> = {}): Saga.Failed => ({
  _tag: "Failed",
  error: "no",
  kind,
  inDoubt: false,
  random: 0.5,
  ...given,
})

/** Applies one after the other, a second apart. */
const after = (plan: Saga.Plan, events: ReadonlyArray<Saga.Event>): Saga.SagaState =>
  events.reduce((state, event, i) => Saga.apply(plan, state, event, (i + 1) * 1_000), Saga.start(plan, null, 0))

const ok = (result: unknown = null): Saga.Event => ({ _tag: "Succeeded", result })
const begun: Saga.Event = { _tag: "Begun" }

const story = (state: Saga.SagaState): ReadonlyArray<string> =>
  state.timeline.map(({ action, outcome, step }) => (step === null ? outcome : `${action} ${step}: ${outcome}`))

describe("Saga", () => {
  const abc = planOf([step("a"), step("b"), step("c")])

  it("runs step after step to the end", () => {
    const state = after(abc, [ok(1), ok(2), ok(3)])
    expect(state.phase).toBe("completed")
    expect(state.done.map(({ result }) => result)).toEqual([1, 2, 3])
    expect(Saga.next(abc, state)).toEqual({ _tag: "End" })
  })

  it("[log 40] goes back in reverse, once each, when a step is given up", () => {
    const state = after(abc, [ok(), ok(), fail("permanent"), ok(), ok()])
    expect(state.phase).toBe("compensated")
    expect(state.reason).toEqual({ _tag: "StepFailed", step: "c", error: "no" })
    expect(story(state)).toEqual([
      "started",
      "run a: succeeded",
      "run b: succeeded",
      "run c: failed",
      "compensate b: succeeded",
      "compensate a: succeeded",
      "compensated",
    ])
  })

  it("passes over what needs no compensation", () => {
    const plan = planOf([step("a"), step("b", { compensable: false }), step("c")])
    const state = after(plan, [ok(), ok(), fail("permanent")])
    expect(Saga.next(plan, state)).toMatchObject({ _tag: "Run", step: 0, action: "compensate" })
  })

  it("[log 42] tries again later what may pass, and tells of each attempt", () => {
    const state = after(abc, [begun, fail("transient"), begun, fail("timeout")])
    expect(Saga.next(abc, state)).toEqual({ _tag: "Run", step: 0, action: "run", attempt: 3, atMs: 4_100 })
    expect(state.timeline.slice(1)).toEqual([
      { step: "a", action: "run", attempt: 1, atMs: 1_000, endedAtMs: 2_000, outcome: "failed", note: "no" },
      { step: "a", action: "run", attempt: 2, atMs: 3_000, endedAtMs: 4_000, outcome: "failed", note: "no" },
    ])
  })

  it("counts a guard's refusal as no attempt, and waits as long as it says", () => {
    const refusals = Array.from({ length: 10 }, () => fail("refused", { retryAfterMillis: 5_000 }))
    const state = after(abc, refusals)
    expect(Saga.next(abc, state)).toMatchObject({ attempt: 1, atMs: 15_000 })
  })

  it("undoes a call that was given up in doubt, and not one that surely did not happen", () => {
    const doubtful = after(abc, [ok(), fail("transient", { inDoubt: true }), fail("permanent")])
    expect(doubtful.done[1]).toEqual({ step: "b", certain: false, result: null, undone: false })
    expect(Saga.next(abc, doubtful)).toMatchObject({ step: 1, action: "compensate" })
    const sure = after(abc, [ok(), fail("permanent")])
    expect(Saga.next(abc, sure)).toMatchObject({ step: 0, action: "compensate" })
  })

  it("[log 41] parks what cannot be compensated, until a person has it tried again or settles it", () => {
    const parked = after(abc, [ok(), ok(), fail("permanent"), fail("permanent")])
    expect(parked.parked).toEqual({
      why: "compensation-failed",
      message: '"b" could not be compensated: no',
      from: "backward",
    })
    expect(Saga.next(abc, parked)).toEqual({ _tag: "Park" })
    const retried = Saga.apply(abc, parked, { _tag: "Retried", note: "anna" }, 9_000)
    expect(Saga.next(abc, retried)).toMatchObject({ step: 1, action: "compensate", attempt: 1 })
    const settled = Saga.apply(abc, parked, { _tag: "Settled", note: "refunded in cash" }, 9_000)
    expect(Saga.next(abc, settled)).toMatchObject({ step: 0, action: "compensate", attempt: 1 })
    expect(Saga.apply(abc, settled, ok(), 10_000).phase).toBe("compensated")
  })

  it("gives up a step that takes its process down each time", () => {
    const plan = planOf([step("a"), step("b", { transactional: true })])
    const gone: Saga.Event = { _tag: "Interrupted", times: 1, counted: true }
    const state = after(plan, [ok(), gone, gone])
    expect(Saga.next(plan, state)).toMatchObject({ step: 1, attempt: 3 })
    expect(Saga.next(plan, Saga.apply(plan, state, gone, 9_000))).toMatchObject({ step: 0, action: "compensate" })
    const inOrder: Saga.Event = { _tag: "Interrupted", times: 1, counted: false }
    expect(after(abc, [begun, inOrder, begun, inOrder, begun, inOrder]).trying.attempts).toBe(0)
  })

  it("cancels only what still goes forward", () => {
    const cancel: Saga.Event = { _tag: "Cancelled", why: "changed my mind" }
    expect(Saga.next(abc, after(abc, [ok(), ok(), cancel]))).toMatchObject({ step: 1, action: "compensate" })
    const underWay = after(abc, [ok(), begun, cancel])
    expect(Saga.next(abc, underWay)).toMatchObject({ step: 1, action: "compensate" })
    expect(after(abc, [cancel]).phase).toBe("compensated")
    const completed = after(abc, [ok(), ok(), ok()])
    expect(Saga.apply(abc, completed, cancel, 9_000)).toBe(completed)
    const atTheEnd = after(abc, [ok(), ok(), { _tag: "Succeeded", result: 3, cancelled: "too late" }])
    expect(Saga.next(abc, atTheEnd)).toMatchObject({ step: 2, action: "compensate" })
  })

  it("does not go on with what its steps no longer fit", () => {
    const state = after(abc, [ok(), ok()])
    expect(Saga.misfit(abc, state)).toBeUndefined()
    expect(Saga.misfit(planOf([step("a"), step("x"), step("c")]), state)).toEqual({
      message: 'Its step 2 was "b"; the definition now has "x" there.',
    })
    expect(Saga.misfit(planOf(abc.steps, { version: 2 }), state)).toMatchObject({ message: /version 1/ })
    expect(Saga.misfit(planOf(abc.steps, { version: 2, continues: [1] }), state)).toBeUndefined()
    expect(Saga.misfit(planOf(abc.steps, { version: 0 }), state)).toBe("newer")
  })
})

/** What can become of an attempt: what the world does, and where the process dies. */
const fates = ["ok", "lost answer", "no effect", "refused for good", "dies before", "dies after"] as const
type Fate = (typeof fates)[number]

/** Carries a saga out as a shell would, with crashes: a state is stored before it is acted on. */
const carryOut = (plan: Saga.Plan, script: ReadonlyArray<Fate>, cancelAt: number | undefined) => {
  let stored = Saga.start(plan, null, 0)
  let now = 0
  let turn = 0
  const effects: Array<{ readonly step: string; readonly action: "run" | "compensate" }> = []

  /** From claim to crash, or to the end. */
  const hold = (): boolean => {
    stored = { ...stored, claims: stored.claims + 1 }
    let state = stored
    if (state.claims > 1) {
      state = Saga.apply(plan, state, { _tag: "Interrupted", times: state.claims - 1, counted: true }, ++now)
      state = { ...state, claims: 1 }
    }
    while (true) {
      const action = Saga.next(plan, state)
      if (action._tag !== "Run") {
        stored = { ...state, claims: 0 }
        return true
      }
      const current = plan.steps[action.step]
      if (current === undefined) throw new Error("no such step")
      const fate = script[turn++] ?? "ok"
      const cancelled = cancelAt !== undefined && turn > cancelAt ? "cancelled" : undefined
      const begunState = Saga.apply(plan, state, begun, ++now)
      const effect = () => effects.push({ step: current.name, action: action.action })
      if (!current.transactional) stored = begunState
      if (fate === "dies before") return false
      if (fate === "dies after" || fate === "lost answer") {
        // The effect of a transactional step is rolled back with its record.
        if (!current.transactional) effect()
        if (fate === "dies after") return false
      }
      if (fate === "ok") effect()
      const event: Saga.Event =
        fate === "ok"
          ? { _tag: "Succeeded", result: current.name, cancelled }
          : fail(fate === "refused for good" ? "permanent" : "transient", {
              inDoubt: fate !== "refused for good",
              cancelled,
            })
      state = Saga.apply(plan, begunState, event, ++now)
      stored = state
    }
  }

  for (let life = 0; life < 1_000; life++) {
    if (hold()) return { state: stored, effects }
  }
  throw new Error("it does not end")
}

const plans = fc
  .array(fc.record({ transactional: fc.boolean(), compensable: fc.boolean() }), { minLength: 1, maxLength: 5 })
  .map((steps) => planOf(steps.map((given, i) => step(`s${i}`, given))))

const scripts = fc.array(
  fc.oneof({ weight: 4, arbitrary: fc.constant<Fate>("ok") }, { weight: 3, arbitrary: fc.constantFrom(...fates) }),
  { maxLength: 40 },
)

describe("Saga, crashed at any point", () => {
  it("[log 39] [log 40] ends; what happened stays, or is undone in reverse, and nothing twice that need not be", () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(plans, scripts, fc.option(fc.nat(6), { nil: undefined }), (plan, script, cancelAt) => {
        const { effects, state } = carryOut(plan, script, cancelAt)
        seen.add(state.phase)
        const times = (name: string, action: string) =>
          effects.filter((effect) => effect.step === name && effect.action === action).length
        const firstBack = effects.findIndex(({ action }) => action === "compensate")
        if (firstBack !== -1) expect(effects.slice(firstBack).every(({ action }) => action === "compensate")).toBe(true)
        const undone = effects.filter(({ action }) => action === "compensate").map(({ step }) => step)
        expect(undone).toEqual([...undone].sort().reverse())
        for (const { compensable, name, transactional } of plan.steps) {
          const recorded = state.timeline.filter(
            (entry) => entry.step === name && entry.action === "compensate" && entry.outcome === "succeeded",
          )
          expect(recorded.length).toBeLessThanOrEqual(1)
          if (transactional) expect(times(name, "run")).toBeLessThanOrEqual(1)
          if (transactional) expect(times(name, "compensate")).toBeLessThanOrEqual(times(name, "run"))
          if (state.phase === "completed") {
            expect(times(name, "run")).toBeGreaterThanOrEqual(1)
            expect(times(name, "compensate")).toBe(0)
          }
          if (state.phase === "compensated" && compensable && times(name, "run") > 0) {
            expect(times(name, "compensate")).toBeGreaterThanOrEqual(1)
          }
        }
      }),
      { numRuns: 2_000 },
    )
    expect([...seen].sort()).toEqual(["compensated", "completed", "parked"])
  })
})
