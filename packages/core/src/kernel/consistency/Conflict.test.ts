import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Conflict from "./Conflict.ts"
import * as LogicalTime from "./LogicalTime.ts"

const values = { base: { a: 1, b: 1 }, mine: { a: 2, b: 1 }, theirs: { a: 1, b: 3 } }

const at = (wallMs: number, node: string) => LogicalTime.format({ wallMs, counter: 0, node })

describe("Conflict", () => {
  it("refuses, decides again, or asks, as the type of data says", () => {
    expect(Conflict.resolve(Conflict.reject, values)).toEqual({ _tag: "Rejected" })
    expect(Conflict.resolve(Conflict.retry, values)).toEqual({ _tag: "DecideAgain" })
    expect(Conflict.resolve(Conflict.ask, values)).toEqual({
      _tag: "Ask",
      fields: [
        { path: ["a"], base: 1, mine: 2, theirs: 1 },
        { path: ["b"], base: 1, mine: 1, theirs: 3 },
      ],
    })
  })

  it("merges what can be merged, and asks about the rest with both values", () => {
    expect(Conflict.resolve(Conflict.merge(), values)).toEqual({ _tag: "Write", value: { a: 2, b: 3 } })
    const both = { ...values, theirs: { a: 9, b: 3 } }
    const fields = [{ path: ["a"], base: 1, mine: 2, theirs: 9 }]
    expect(Conflict.resolve(Conflict.merge(), both)).toEqual({ _tag: "Ask", fields })
    expect(Conflict.resolve(Conflict.merge({ a: "max" }), both)).toEqual({ _tag: "Write", value: { a: 9, b: 3 } })
  })

  it("asks about all that differs when nobody knows what the writer saw", () => {
    const resolution = Conflict.resolve(Conflict.merge({ a: "max" }), { ...values, base: undefined })
    expect(resolution).toMatchObject({ _tag: "Ask", fields: [{ path: ["a"] }, { path: ["b"] }] })
    const same = { base: undefined, mine: { a: 1 }, theirs: { a: 1 } }
    expect(Conflict.resolve(Conflict.merge(), same)).toEqual({ _tag: "Write", value: { a: 1 } })
  })

  it("compares values without fields as wholes", () => {
    const texts = { base: "draft", mine: "mine", theirs: "theirs" }
    expect(Conflict.resolve(Conflict.ask, texts)).toEqual({ _tag: "Ask", fields: [{ path: [], ...texts }] })
    expect(Conflict.resolve(Conflict.merge(), texts)).toEqual({ _tag: "Ask", fields: [{ path: [], ...texts }] })
  })

  it("refuses a write without a time where the last one wins, and takes any over a state without", () => {
    const strategy = Conflict.lastWriteWins("at")
    const timed = { at: at(5, "a") }
    expect(Conflict.resolve(strategy, { base: {}, mine: {}, theirs: timed })).toEqual({ _tag: "Rejected" })
    expect(Conflict.resolve(strategy, { base: {}, mine: { at: "noon" }, theirs: {} })).toEqual({ _tag: "Rejected" })
    expect(Conflict.resolve(strategy, { base: {}, mine: timed, theirs: {} })).toEqual({ _tag: "Write", value: timed })
    expect(Conflict.resolve(strategy, { base: {}, mine: timed, theirs: timed })).toEqual({ _tag: "Superseded" })
  })

  it("lets the last write win in whatever order the writes arrive", () => {
    const write = fc.record({ wallMs: fc.nat(3), node: fc.constantFrom("a", "b", "c") })
    fc.assert(
      fc.property(fc.array(write, { minLength: 1, maxLength: 8 }), fc.nat(), (writes, turn) => {
        const states = writes.map(({ node, wallMs }) => ({ at: at(wallMs, node), from: `${node}${wallMs}` }))
        const arrive = (order: ReadonlyArray<unknown>) =>
          order.reduce((theirs, mine) => {
            const resolution = Conflict.resolve(Conflict.lastWriteWins("at"), { base: undefined, mine, theirs })
            return resolution._tag === "Write" ? resolution.value : theirs
          })
        const by = turn % states.length
        const turned = [...states.slice(by), ...states.slice(0, by)].toReversed()
        const latest = states.toSorted((one, other) => (one.at < other.at ? -1 : 1)).at(-1)
        expect(arrive(states)).toEqual(latest)
        expect(arrive(turned)).toEqual(latest)
      }),
      { seed: 20261120, numRuns: 500 },
    )
  })
})
