import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as Progress from "./Progress.ts"

const counts = fc
  .record({ done: fc.nat(9_999), parked: fc.nat(50), failed: fc.nat(50), skipped: fc.nat(50), lag: fc.nat(9_999) })
  .map((is) => ({
    is,
    seen: {
      total: is.done + is.parked + is.failed + is.skipped + is.lag,
      passed: is.done + is.parked + is.failed + is.skipped,
      parked: is.parked,
      failed: is.failed,
      skipped: is.skipped,
    },
  }))

describe("progress", () => {
  test("[log 28] is exact: done, failed, skipped and waiting are all there is", () => {
    fc.assert(
      fc.property(counts, ({ is, seen }) => {
        const progress = Progress.of(seen)
        expect(progress).toMatchObject({
          done: is.done,
          failed: is.failed,
          skipped: is.skipped,
          lag: is.lag,
          waiting: is.lag + is.parked,
        })
        expect(progress.done + progress.failed + progress.skipped + progress.waiting).toBe(progress.total)
      }),
    )
  })

  test("nothing to do is all done", () => {
    expect(Progress.of({ total: 0, passed: 0, parked: 0, failed: 0, skipped: 0 }).percent).toBe(100)
  })

  test("a group that went back behind its dead letters counts nothing below zero", () => {
    expect(Progress.of({ total: 10, passed: 1, parked: 0, failed: 5, skipped: 0 })).toMatchObject({
      done: 0,
      failed: 1,
      waiting: 9,
    })
  })
})

describe("the bar", () => {
  const bar = (passed: number, total: number, width: number, more: Partial<Progress.Counts> = {}) =>
    Progress.bar(Progress.of({ total, passed, parked: 0, failed: 0, skipped: 0, ...more }), width)

  test("is one line: columns, percent and figures", () => {
    expect(bar(5_000, 10_000, 10)).toBe("█████       50.0 %  5,000 done, 0 failed, 5,000 waiting")
    expect(bar(10_000, 10_000, 4, { failed: 3 })).toBe("████ 100.0 %  9,997 done, 3 failed, 0 waiting")
    expect(bar(1, 16, 2)).toBe("▏    6.2 %  1 done, 0 failed, 15 waiting")
    expect(bar(4, 4, 4, { skipped: 1 })).toBe("████ 100.0 %  3 done, 0 failed, 1 skipped, 0 waiting")
  })

  test("keeps its width, grows with what is done, and is full only when nothing waits", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.integer({ min: 1, max: 120 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (total, width, part) => {
          const passed = Math.floor(total * part)
          const line = bar(passed, total, width)
          expect(line.indexOf(" %")).toBe(width + 6)
          expect(line.startsWith("█".repeat(width))).toBe(passed === total)
          expect(line.includes("100.0 %")).toBe(passed === total)
        },
      ),
    )
  })
})
