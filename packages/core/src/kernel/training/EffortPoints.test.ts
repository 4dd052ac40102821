import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as EffortPoints from "./EffortPoints.ts"

interface Sample {
  readonly atMs: number
  readonly bpm: number
}

const MAX = 200

const addAll = (effort: EffortPoints.Effort, samples: ReadonlyArray<Sample>): EffortPoints.Effort =>
  samples.reduce((sum, { atMs, bpm }) => EffortPoints.add(sum, atMs, bpm, MAX), effort)

const total = (effort: EffortPoints.Effort): number => effort.zoneMillis.reduce((sum, millis) => sum + millis, 0)

/** Any samples: gaps short and long, some older than the one before. */
const samples = fc
  .array(fc.record({ step: fc.integer({ min: -3_000, max: 20_000 }), bpm: fc.integer({ min: 0, max: 220 }) }), {
    maxLength: 60,
  })
  .map((steps) => {
    let atMs = 1_700_000_000_000
    return steps.map(({ step, bpm }): Sample => {
      atMs += step
      return { atMs, bpm }
    })
  })

/** `minutes` of one sample a second at `bpm`. */
const steady = (minutes: number, bpm: number): ReadonlyArray<Sample> =>
  Array.from({ length: 60 * minutes + 1 }, (_, i) => ({ atMs: i * 1_000, bpm }))

describe("effort", () => {
  test("a minute in zone z earns z points", () => {
    const bpms = [90, 110, 130, 150, 170, 190]
    expect(bpms.map((bpm) => EffortPoints.points(addAll(EffortPoints.empty, steady(1, bpm)).zoneMillis))).toEqual([
      0, 1, 2, 3, 4, 5,
    ])
  })

  test("points are whole, and rounded down only once, at the end", () => {
    const almost = EffortPoints.points([0, 59_999, 0, 0, 0, 0])
    const together = EffortPoints.points([0, 30_000, 15_000, 0, 0, 0])
    expect([almost, together]).toEqual([0, 1])
  })

  test("the same samples give the same sums, in one go or in pieces that were stored in between", () => {
    fc.assert(
      fc.property(samples, fc.nat(60), (all, cut) => {
        const firstPart: EffortPoints.Effort = JSON.parse(JSON.stringify(addAll(EffortPoints.empty, all.slice(0, cut))))
        expect(addAll(firstPart, all.slice(cut))).toEqual(addAll(EffortPoints.empty, all))
      }),
    )
  })

  test("a sample heard twice, or after a later one, changes nothing", () => {
    fc.assert(
      fc.property(samples, samples, (all, extra) => {
        const effort = addAll(EffortPoints.empty, all)
        const lastAtMs = effort.last?.atMs ?? Number.POSITIVE_INFINITY
        fc.pre(effort.last !== null)
        expect(addAll(effort, all)).toEqual(effort)
        expect(
          addAll(
            effort,
            extra.filter(({ atMs }) => atMs <= lastAtMs),
          ),
        ).toEqual(effort)
      }),
    )
  })

  test("counts no more time than went by, and none of a gap beyond the hold", () => {
    fc.assert(
      fc.property(samples, (all) => {
        const effort = addAll(EffortPoints.empty, all)
        const times = all.map(({ atMs }) => atMs)
        const elapsed = times.length === 0 ? 0 : Math.max(...times) - (times[0] ?? 0)
        expect(total(effort)).toBeLessThanOrEqual(Math.max(0, elapsed))
        expect(total(effort)).toBeLessThanOrEqual(EffortPoints.HOLD_MILLIS * Math.max(0, all.length - 1))
        for (const millis of effort.zoneMillis) expect(Number.isSafeInteger(millis) && millis >= 0).toBe(true)
      }),
    )
  })

  test("an hour without contact earns five seconds", () => {
    const effort = addAll(EffortPoints.empty, [
      { atMs: 0, bpm: 150 },
      { atMs: 3_600_000, bpm: 150 },
    ])
    expect(effort.zoneMillis).toEqual([0, 0, 0, 5_000, 0, 0])
  })

  test("time belongs to the zone of the sample that held, not of the one that ended it", () => {
    const effort = addAll(EffortPoints.empty, [
      { atMs: 0, bpm: 190 },
      { atMs: 1_000, bpm: 90 },
    ])
    expect(effort.zoneMillis).toEqual([0, 0, 0, 0, 0, 1_000])
  })

  test("of two samples at the same moment the first holds", () => {
    const effort = addAll(EffortPoints.empty, [
      { atMs: 0, bpm: 190 },
      { atMs: 0, bpm: 90 },
      { atMs: 1_000, bpm: 90 },
    ])
    expect(effort.zoneMillis).toEqual([0, 0, 0, 0, 0, 1_000])
  })

  test("more samples never take points away", () => {
    fc.assert(
      fc.property(samples, samples, (all, more) => {
        const before = addAll(EffortPoints.empty, all)
        const after = addAll(before, more)
        expect(EffortPoints.points(after.zoneMillis)).toBeGreaterThanOrEqual(EffortPoints.points(before.zoneMillis))
      }),
    )
  })
})
