import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as Parked from "./Parked.ts"

const record = (offset: number): Parked.ParkedRecord => ({
  offset,
  key: "k",
  id: null,
  payload: { offset },
  headers: {},
  appendedAtMs: 0,
})

const offsets = (state: Parked.Parked) => state.records.map(({ offset }) => offset)

const LIMITS = { attempts: 3, crashes: 2 }

describe("a parked key", () => {
  test("[log 16] holds its records in the order of the log, each once, however they were added", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(30))), (groups) => {
        const state = groups.reduce((parked, group) => Parked.add(parked, group.map(record)), Parked.empty)
        expect(offsets(state)).toEqual([...new Set(groups.flat())].sort((a, b) => a - b))
      }),
    )
  })

  test("counts the attempts of its first record, and starts again with the next", () => {
    let state = Parked.add(Parked.first(record(4), "no", 1_000), [record(6), record(9)])
    expect(state).toMatchObject({ attempts: 1, error: "no", failedAtMs: 1_000 })
    state = Parked.failed(Parked.attempt(state), "again no", 2_000)
    expect(state).toMatchObject({ attempts: 2, unended: 0, error: "again no", failedAtMs: 1_000 })
    state = Parked.done(state, new Set([4]))
    expect(offsets(state)).toEqual([6, 9])
    expect(state).toMatchObject({ attempts: 0, unended: 0, error: null, failedAtMs: null })
  })

  test("a record that comes back before the first one starts with attempts of its own", () => {
    const state = Parked.add(Parked.first(record(4), "no", 1_000), [record(2)])
    expect(offsets(state)).toEqual([2, 4])
    expect(state.attempts).toBe(0)
  })

  test("[log 30] is exhausted after its attempts, or after fewer that never ended", () => {
    let failing = Parked.first(record(1), "no", 0)
    expect(Parked.isExhausted(failing, LIMITS)).toBe(false)
    failing = Parked.failed(Parked.attempt(failing), "no", 0)
    failing = Parked.failed(Parked.attempt(failing), "no", 0)
    expect(Parked.isExhausted(failing, LIMITS)).toBe(true)

    let crashing = Parked.add(Parked.empty, [record(1)])
    crashing = Parked.attempt(crashing)
    expect(Parked.isExhausted(crashing, LIMITS)).toBe(false)
    crashing = Parked.attempt(crashing)
    expect(Parked.isExhausted(crashing, LIMITS)).toBe(true)
  })

  test("an attempt that was not made is not counted", () => {
    const state = Parked.withdrawn(Parked.attempt(Parked.first(record(1), "no", 0)))
    expect(state).toMatchObject({ attempts: 1, unended: 0 })
  })
})
