import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { WindowEvent } from "./WindowPane.ts"
import * as Windows from "./Windows.ts"

type Ids = ReadonlyArray<number>

/** Sessions that end after 10 ms of silence and gather the ids of their events. */
const GAP = 10
const sessions = (graceMillis: number, disorderMillis = 0): Windows.WindowOptions<number, Ids> => ({
  shape: { kind: "session", gapMillis: GAP, merge: (earlier, later) => [...earlier, ...later] },
  initial: [],
  add: (ids, event) => [...ids, event.value],
  graceMillis,
  watermark: { disorderMillis },
})

const event = (atMillis: number, value: number, key = "anna"): WindowEvent<number> => ({
  key,
  partition: "p",
  atMillis,
  readAtMillis: 0,
  value,
})

const start = () => Windows.make<Ids>(["p"], 0)
const said = (emitted: ReadonlyArray<Windows.Emission<Ids>>) =>
  emitted.map((one) => {
    const name = one._tag === "Update" && one.late ? "late Update" : one._tag
    const replaced = one._tag === "Update" ? one.replaces.map((span) => ` -${span.startMillis}..${span.endMillis}`) : []
    return `${name} ${one.startMillis}..${one.endMillis} [${one.value}]${replaced.join("")}`
  })

describe("SessionWindows", () => {
  it("[log 48] an event at a session's end is out of it and opens the next; one just before moves the end on", () => {
    const { emitted } = Windows.step(start(), [event(0, 1), event(9, 2), event(19, 3)], sessions(100))
    expect(said(emitted)).toEqual([
      "Update 0..10 [1]",
      "Update 0..19 [1,2] -0..10",
      "Update 19..29 [3]",
      "OnTime 0..19 [1,2]",
    ])
  })

  it("[log 51] a late event merges two sessions", () => {
    const first = Windows.step(start(), [event(0, 1), event(15, 2), event(40, 3)], sessions(100))
    expect(said(first.emitted.filter((one) => one._tag === "OnTime"))).toEqual([
      "OnTime 0..10 [1]",
      "OnTime 15..25 [2]",
    ])
    const late = Windows.step(first.state, [event(8, 4)], sessions(100))
    expect(said(late.emitted)).toEqual(["late Update 0..25 [1,2,4] -0..10 -15..25"])
    expect(late.side).toEqual([])
    expect(late.state.keys[0]!.panes.map((pane) => pane.startMillis)).toEqual([0, 40])
  })

  it("[log 51] a session that a late event lets end later speaks again when that end is reached", () => {
    const first = Windows.step(start(), [event(0, 1), event(17, 2)], sessions(100))
    expect(said(first.emitted)).toContain("OnTime 0..10 [1]")
    const merged = Windows.step(first.state, [event(9, 3)], sessions(100))
    expect(said(merged.emitted)).toEqual(["Update 0..27 [1,2,3] -0..10 -17..27"])
    const after = Windows.step(merged.state, [event(27, 4)], sessions(100))
    expect(said(after.emitted)).toEqual(["Update 27..37 [4]", "OnTime 0..27 [1,2,3]"])
  })

  it("[log 50] a late event within the grace updates its session; after it goes to the side", () => {
    const first = Windows.step(start(), [event(0, 1), event(29, 2)], sessions(20))
    const within = Windows.step(first.state, [event(5, 3)], sessions(20))
    expect(said(within.emitted)).toEqual(["late Update 0..15 [1,3] -0..10"])
    const final = Windows.step(within.state, [event(35, 4)], sessions(20))
    expect(said(final.emitted)).toEqual(["Update 29..45 [2,4] -29..39", "Final 0..15 [1,3]"])
    const tooLate = event(14, 5)
    expect(Windows.step(final.state, [tooLate], sessions(20))).toEqual({
      state: final.state,
      emitted: [],
      side: [{ event: tooLate, reason: "late", missed: [{ startMillis: 14, endMillis: 24 }] }],
    })
  })

  it("[log 50] nothing opens a session across a final one, though it would itself be in time", () => {
    const closed = Windows.step(start(), [event(0, 1), event(12, 2)], sessions(0))
    expect(said(closed.emitted)).toContain("Final 0..10 [1]")
    const across = Windows.step(closed.state, [event(5, 3)], sessions(0))
    expect(across.emitted).toEqual([])
    expect(across.side.map((one) => one.event.value)).toEqual([3])
    const behind = Windows.step(closed.state, [event(10, 3)], sessions(0))
    expect(said(behind.emitted)).toEqual(["Update 10..22 [2,3] -12..22"])
  })

  it("[log 50] a final session is not joined through one that is still open, however long that lasts", () => {
    const open = [event(0, 1), event(11, 2), event(28, 3, "ben")]
    const { state, emitted } = Windows.step(start(), open, sessions(8))
    expect(said(emitted)).toContain("Final 0..10 [1]")
    const { side } = Windows.step(state, [event(9, 4)], sessions(8))
    expect(side.map((one) => one.event.value)).toEqual([4])
  })

  it("forgets a key when no event can reach its last session any more", () => {
    const closed = Windows.step(start(), [event(0, 1), event(19, 2, "ben")], sessions(0))
    expect(closed.state.keys.map(({ key }) => key)).toEqual(["anna", "ben"])
    const later = Windows.step(closed.state, [event(20, 3, "ben")], sessions(0))
    expect(later.state.keys.map(({ key }) => key)).toEqual(["ben"])
  })

  it("refuses lengths that are none", () => {
    for (const none of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => Windows.step(start(), [], sessions(none))).toThrow(RangeError)
      expect(() => Windows.step(start(), [], sessions(0, none))).toThrow(RangeError)
      const shape = { kind: "session" as const, gapMillis: none, merge: (earlier: Ids) => earlier }
      expect(() => Windows.step(start(), [], { ...sessions(0), shape })).toThrow(RangeError)
    }
  })

  const histories = fc.array(
    fc.record({ key: fc.constantFrom("anna", "ben", "__proto__"), back: fc.nat(60), after: fc.nat(12) }),
    { maxLength: 50 },
  )
  const eventsOf = (history: ReadonlyArray<{ key: string; back: number; after: number }>) => {
    let at = 0
    return history.map(({ key, back, after }, id) => {
      at += after
      return event(at - back, id, key)
    })
  }

  /** All sessions of these events, found by sorting them: the definition itself. */
  const sessionsOf = (events: ReadonlyArray<WindowEvent<number>>) => {
    const found: Array<{ key: string; startMillis: number; endMillis: number; value: Array<number> }> = []
    for (const key of new Set(events.map((one) => one.key))) {
      let open: (typeof found)[number] | undefined
      for (const one of events.filter((one) => one.key === key).sort((a, b) => a.atMillis - b.atMillis)) {
        if (open === undefined || one.atMillis >= open.endMillis) {
          open = { key, startMillis: one.atMillis, endMillis: one.atMillis + GAP, value: [] }
          found.push(open)
        }
        open.endMillis = one.atMillis + GAP
        open.value.push(one.value)
        open.value.sort((a, b) => a - b)
      }
    }
    return found
  }
  const byKeyAndStart = (a: { key: string; startMillis: number }, b: { key: string; startMillis: number }) =>
    a.key < b.key ? -1 : a.key > b.key ? 1 : a.startMillis - b.startMillis

  it("[log 50] [log 51] sessions are at every step what sorting all events in time gives, and a final one never changes", () => {
    fc.assert(
      fc.property(histories, fc.nat(40), fc.nat(20), (history, grace, disorder) => {
        const options = sessions(grace, disorder)
        const taken: Array<WindowEvent<number>> = []
        let state = start()
        let newest = Number.NEGATIVE_INFINITY
        /** What a consumer's table holds that upserts each emission and deletes what it replaces. */
        const rows = new Map<string, { key: string; startMillis: number; endMillis: number; value: Array<number> }>()
        const finals: Array<string> = []
        for (const one of eventsOf(history)) {
          const before = newest - disorder
          newest = Math.max(newest, one.atMillis)
          const after = newest - disorder
          const closed = sessionsOf(taken).filter((session) => session.endMillis + grace <= before)
          const own = sessionsOf([...taken, one]).find((session) => session.value.includes(one.value))!
          const touchesFinal = closed.some((session) => session.key === one.key && one.atMillis < session.endMillis)
          const isTaken = !touchesFinal && own.endMillis + grace > before
          if (isTaken) taken.push(one)

          const next = Windows.step<number, Ids>(JSON.parse(JSON.stringify(state)), [one], options)
          state = next.state
          expect(next.side.map((side) => side.event.value)).toEqual(isTaken ? [] : [one.value])
          for (const emission of next.emitted) {
            const { key, startMillis, endMillis } = emission
            const value = emission.value.toSorted((a, b) => a - b)
            if (emission._tag === "Update") {
              expect(emission.late).toBe(endMillis <= before)
              for (const old of emission.replaces)
                expect(rows.delete(JSON.stringify([key, old.startMillis, old.endMillis]))).toBe(true)
              rows.set(JSON.stringify([key, startMillis, endMillis]), { key, startMillis, endMillis, value })
            } else {
              expect(rows.get(JSON.stringify([key, startMillis, endMillis]))).toEqual({
                key,
                startMillis,
                endMillis,
                value,
              })
            }
            if (emission._tag === "OnTime") expect(before < endMillis && endMillis <= after).toBe(true)
            if (emission._tag === "Final") finals.push(JSON.stringify({ key, startMillis, endMillis, value }))
          }
          const expected = sessionsOf(taken)
          expect([...rows.values()].sort(byKeyAndStart)).toEqual(expected.sort(byKeyAndStart))
          const nowOnTime = expected.filter(({ endMillis }) => before < endMillis && endMillis <= after)
          expect(next.emitted.filter(({ _tag }) => _tag === "OnTime")).toHaveLength(nowOnTime.length)
          const nowFinal = expected.filter((session) => session.endMillis + grace <= after)
          expect(finals.toSorted()).toEqual(nowFinal.map((session) => JSON.stringify(session)).sort())
        }
        const whole = Windows.step(start(), eventsOf(history), options)
        expect(whole.state).toEqual(state)
      }),
      { numRuns: 500 },
    )
  })
})
