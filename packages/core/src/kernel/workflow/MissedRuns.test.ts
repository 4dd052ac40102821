import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import * as MissedRuns from "./MissedRuns.ts"

const MINUTE = 60_000
const hourly = (after: number) => (Math.floor(after / (60 * MINUTE)) + 1) * 60 * MINUTE

describe("MissedRuns", () => {
  const first = 60 * MINUTE
  const now = 5 * 60 * MINUTE + 30 * MINUTE

  it("[log 36] skip: none that was missed is made up for", () => {
    expect(MissedRuns.due("skip", first, now, hourly)).toEqual({ run: [], next: 6 * first, skipped: 5 })
  })

  it("[log 36] one: the last is run for all", () => {
    expect(MissedRuns.due("one", first, now, hourly)).toEqual({ run: [5 * first], next: 6 * first, skipped: 4 })
  })

  it("[log 36] all: each is run with its own time, a hundred at once", () => {
    const all = MissedRuns.due("all", first, now, hourly)
    expect(all).toEqual({ run: [1, 2, 3, 4, 5].map((n) => n * first), next: 6 * first, skipped: 0 })
    const many = MissedRuns.due("all", first, 150 * first, hourly)
    expect(many.run.length).toBe(100)
    expect(many.next).toBe(101 * first)
  })

  it("a run that is hardly late is not missed, whatever the policy", () => {
    for (const missed of ["skip", "one", "all"] as const) {
      expect(MissedRuns.due(missed, first, first + 30_000, hourly)).toEqual({
        run: [first],
        next: 2 * first,
        skipped: 0,
      })
    }
  })

  it("decides at once on what was missed each second for a year", () => {
    const secondly = (after: number) => (Math.floor(after / 1_000) + 1) * 1_000
    const due = MissedRuns.due("one", 1_000, 365 * 86_400_000, secondly)
    expect(due).toEqual({ run: [365 * 86_400_000], next: 365 * 86_400_000 + 1_000, skipped: MissedRuns.COUNT_UP_TO })
  })

  it("never runs a time twice and, of all, none never, however often it is asked", () => {
    const times = fc.uniqueArray(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 60 })
    const pauses = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(
        times,
        pauses,
        fc.constantFrom("skip" as const, "one" as const, "all" as const),
        (times, pauses, missed) => {
          const sorted = times.toSorted((a, b) => a - b).map((at) => at * 10_000)
          const nextAfter = (after: number) => sorted.find((at) => at > after)
          const run: Array<number> = []
          let next: number | undefined = sorted[0]
          let now = 0
          for (const pause of [...pauses, 100_000, 100_000]) {
            now += pause * 10_000
            if (next === undefined) break
            const due: MissedRuns.Due = MissedRuns.due(missed, next, now, nextAfter)
            run.push(...due.run)
            next = due.next
          }
          expect(run).toEqual([...new Set(run)].toSorted((a, b) => a - b))
          expect(run.every((at) => sorted.includes(at))).toBe(true)
          if (missed === "all") expect(run).toEqual(sorted)
        },
      ),
    )
  })
})
