import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as LastN from "./LastN.ts"
import type { WindowEvent } from "./WindowPane.ts"

const event = (key: string, atMillis: number, value: number): WindowEvent<number> => ({
  key,
  partition: "p",
  atMillis,
  readAtMillis: 0,
  value,
})

describe("LastN", () => {
  it("keeps the newest N by their own time, and puts what is older than a full window to the side", () => {
    const events = [event("a", 10, 1), event("a", 30, 2), event("a", 20, 3), event("a", 5, 4)]
    const { emitted, side } = LastN.step(LastN.empty, events, { count: 2 })
    expect(emitted.map((one) => one.events.map((kept) => kept.value))).toEqual([[1], [1, 2], [3, 2]])
    expect(side).toEqual([{ event: events[3], reason: "late" }])
  })

  it("puts an event without a time to the side", () => {
    const untimed = event("a", Number.NaN, 1)
    const { state, side } = LastN.step(LastN.empty, [untimed], { count: 2, forgetAfterMillis: 10 })
    expect(state).toEqual(LastN.empty)
    expect(side).toEqual([{ event: untimed, reason: "no-time" }])
  })

  it("refuses a count that is none", () => {
    for (const count of [0, 1.5, Number.NaN]) expect(() => LastN.step(LastN.empty, [], { count })).toThrow(RangeError)
  })

  const keys = fc.constantFrom("a", "b", "__proto__")
  const histories = fc.array(fc.record({ key: keys, at: fc.nat(100) }), { maxLength: 60 })

  it("is the newest N of all that ever came, one by one, in batches, and over restarts", () => {
    fc.assert(
      fc.property(
        histories,
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 7 }),
        (history, count, batch) => {
          const events = history.map(({ key, at }, id) => event(key, at, id))
          let state: LastN.LastNState<number> = LastN.empty
          for (let from = 0; from < events.length; from += batch) {
            const stored: LastN.LastNState<number> = JSON.parse(JSON.stringify(state))
            state = LastN.step(stored, events.slice(from, from + batch), { count }).state
          }
          for (const key of new Set(history.map((one) => one.key))) {
            const newest = events
              .filter((one) => one.key === key)
              .sort((a, b) => a.atMillis - b.atMillis || a.value - b.value)
            const kept = state.keys.find((one) => one.key === key)?.events.map((one) => one.value)
            expect(kept).toEqual(newest.slice(-count).map((one) => one.value))
          }
          expect(LastN.step(LastN.empty, events, { count }).state).toEqual(state)
        },
      ),
    )
  })

  it("forgets a key that was silent for long, at the same event whatever the batches", () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 1, max: 7 }), (history, batch) => {
        const options = { count: 3, forgetAfterMillis: 20 }
        const events = history.map(({ key, at }, id) => event(key, at, id))
        let state: LastN.LastNState<number> = LastN.empty
        const emitted: Array<unknown> = []
        for (let from = 0; from < events.length; from += batch) {
          const next = LastN.step(state, events.slice(from, from + batch), options)
          state = next.state
          emitted.push(...next.emitted)
          for (const kept of state.keys) expect(state.newestMillis! - kept.events.at(-1)!.atMillis).toBeLessThan(20)
        }
        expect(emitted).toEqual(LastN.step(LastN.empty, events, options).emitted)
      }),
    )
  })
})
