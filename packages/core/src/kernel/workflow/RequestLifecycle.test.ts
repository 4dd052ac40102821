import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import * as LifecycleDiagram from "./LifecycleDiagram.ts"
import * as RequestLifecycle from "./RequestLifecycle.ts"

const NAMES = ["a", "b", "c", "d", "e"]
const target = fc.constantFrom(...NAMES)

const waiting: fc.Arbitrary<RequestLifecycle.StateSpec> = fc.record({
  timer: fc.record({ afterMillis: fc.integer({ min: 0, max: 1_000 }), to: target }),
  on: fc.dictionary(fc.constantFrom("x", "y"), fc.array(target, { minLength: 1, maxLength: 2 })),
  cancel: fc.option(target, { nil: undefined }),
})

const machines: fc.Arbitrary<RequestLifecycle.Machine> = fc
  .record({
    initial: target,
    states: fc.tuple(...NAMES.map(() => fc.oneof(waiting, fc.constant<RequestLifecycle.StateSpec>({})))),
  })
  .map(({ initial, states }) => ({
    initial,
    states: Object.fromEntries(NAMES.map((name, i): [string, RequestLifecycle.StateSpec] => [name, states[i] ?? {}])),
  }))

describe("RequestLifecycle", () => {
  it("[log 43] a machine without problems ends when only time passes, whatever was received before", () => {
    let ended = 0
    fc.assert(
      fc.property(
        machines,
        fc.array(fc.constantFrom("x", "y", "cancel", "z"), { maxLength: 20 }),
        (machine, triggers) => {
          fc.pre(RequestLifecycle.problems(machine).length === 0)
          let now = 0
          let at = RequestLifecycle.enter(machine, machine.initial, now)
          for (const name of triggers) {
            const trigger = name === "cancel" ? ({ _tag: "Cancel" } as const) : ({ _tag: "Message", name } as const)
            const [to] = RequestLifecycle.targets(machine, at, trigger, ++now)
            if (RequestLifecycle.isFinal(machine, at.state)) expect(to).toBeUndefined()
            if (to !== undefined) at = RequestLifecycle.enter(machine, to, now)
          }
          let timers = 0
          while (at.timerAtMs !== null) {
            expect(RequestLifecycle.targets(machine, at, { _tag: "Timer" }, at.timerAtMs - 1)).toEqual([])
            now = Math.max(now, at.timerAtMs)
            const [to = ""] = RequestLifecycle.targets(machine, at, { _tag: "Timer" }, now)
            at = RequestLifecycle.enter(machine, to, now)
            expect(++timers).toBeLessThanOrEqual(NAMES.length)
          }
          expect(RequestLifecycle.isFinal(machine, at.state)).toBe(true)
          ended++
        },
      ),
    )
    expect(ended).toBeGreaterThan(50)
  })

  it("[log 43] finds timers that lead in a circle, that never ring, and that lead nowhere", () => {
    const timer = (to: string, afterMillis = 1) => ({ timer: { afterMillis, to } })
    expect(RequestLifecycle.problems({ initial: "a", states: { a: timer("b"), b: timer("a"), end: {} } })).toEqual([
      'timers alone never end a request: "a" → "b" → "a"',
      'timers alone never end a request: "b" → "a" → "b"',
    ])
    expect(
      RequestLifecycle.problems({ initial: "a", states: { a: timer("end", Number.POSITIVE_INFINITY), end: {} } }),
    ).toEqual(['the timer of "a" never ends: Infinity ms'])
    expect(RequestLifecycle.problems({ initial: "x", states: { a: timer("nowhere") } })).toEqual([
      '"the beginning" leads to "x", which is no state',
      '"a" leads to "nowhere", which is no state',
    ])
  })
})

describe("LifecycleDiagram", () => {
  const machine: RequestLifecycle.Machine = {
    initial: 'awaiting: "payment"',
    states: {
      'awaiting: "payment"': { timer: { afterMillis: 900_000, to: "end" }, on: { "Paid|now": ["end"] }, cancel: "end" },
      end: {},
    },
  }

  it("prints Mermaid, with names escaped", () => {
    expect(LifecycleDiagram.mermaid(machine).split("\n")).toEqual([
      "stateDiagram-v2",
      '    state "awaiting#58; #34;payment#34;" as s0',
      '    state "end" as s1',
      "    [*] --> s0",
      "    s0 --> s1 : Paid#124;now",
      "    s0 --> s1 : after 15 min",
      "    s0 --> s1 : cancel",
      "    s1 --> [*]",
    ])
  })

  it("prints a table", () => {
    expect(LifecycleDiagram.table(machine).split("\n")).toEqual([
      "| state               | when         | then |",
      "| ------------------- | ------------ | ---- |",
      '| awaiting: "payment" | Paid\\|now    | end  |',
      '| awaiting: "payment" | after 15 min | end  |',
      '| awaiting: "payment" | cancel       | end  |',
      "| end                 | (final)      |      |",
    ])
  })
})
