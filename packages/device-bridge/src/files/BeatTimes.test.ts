import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type BeatGroup, beatTimes, TOLERANCE_MILLIS } from "./BeatTimes.ts"

const T = 1_700_000_000_000

describe("beats", () => {
  test("[bridge 34] are apart by exactly their intervals, also over seconds that tick unevenly", () => {
    const groups: ReadonlyArray<BeatGroup> = [
      { recordAtMs: T, intervalsMs: [600, 610] },
      { recordAtMs: T + 2_000, intervalsMs: [590] },
      { recordAtMs: T + 2_000, intervalsMs: [605, 611] },
    ]
    expect(beatTimes(groups)).toEqual([600, 1_210, 1_800, 2_405, 3_016].map((ms) => T + ms))
  })

  test("begin anew at the record after a pause", () => {
    const groups: ReadonlyArray<BeatGroup> = [
      { recordAtMs: T, intervalsMs: [800] },
      { recordAtMs: T + 600_000, intervalsMs: [700, 710] },
    ]
    expect(beatTimes(groups)).toEqual([T + 800, T + 600_700, T + 601_410])
  })

  test("begin anew when a noisy strap has run ahead", () => {
    const groups: ReadonlyArray<BeatGroup> = [
      { recordAtMs: T, intervalsMs: [2_000, 2_000] },
      { recordAtMs: T + 500, intervalsMs: [700] },
    ]
    expect(beatTimes(groups)).toEqual([T + 2_000, T + 4_000, T + 1_200])
  })

  test("never run further off the records than is tolerated, and lose or invent none", () => {
    const group = fc.record({
      step: fc.integer({ min: 0, max: 10_000 }),
      intervalsMs: fc.array(fc.integer({ min: 250, max: 2_000 }), { maxLength: 5 }),
    })
    fc.assert(
      fc.property(fc.array(group), (steps) => {
        let recordAtMs = T
        const groups = steps.map(({ step, intervalsMs }): BeatGroup => {
          recordAtMs += step
          return { recordAtMs, intervalsMs }
        })
        const times = beatTimes(groups)
        expect(times).toHaveLength(groups.flatMap((one) => one.intervalsMs).length)
        let i = 0
        for (const one of groups) {
          let sum = 0
          for (const interval of one.intervalsMs) {
            sum += interval
            expect(Math.abs((times[i++] ?? 0) - sum - one.recordAtMs)).toBeLessThanOrEqual(TOLERANCE_MILLIS)
          }
        }
      }),
    )
  })
})
