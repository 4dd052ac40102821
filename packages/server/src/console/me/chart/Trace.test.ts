import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { extremesOf, folded, holesOf, nearest, resolutionOf, runsOf, type TracePoint } from "./Trace.ts"

const T = 1_700_000_000_000

/** Buckets of a second at these seconds, all with this heart rate. */
const seconds = (at: ReadonlyArray<number>, bpm = 140) => ({
  atMs: at.map((second) => T + second * 1000),
  samples: at.map(() => 1),
  min: at.map(() => bpm),
  max: at.map(() => bpm),
  mean: at.map(() => bpm),
})

const point = (atMs: number, bpm: number, samples = 1): TracePoint => ({ atMs, samples, min: bpm, mean: bpm, max: bpm })

const lengths = (trace: ReadonlyArray<ReadonlyArray<unknown>>) => trace.map((run) => run.length)

describe("the resolution", () => {
  it.each([
    [20 * 60_000, "1s"],
    [90 * 60_000, "1s"],
    [91 * 60_000, "1min"],
    [5 * 3_600_000, "1min"],
    [30 * 3_600_000, "5min"],
    [30 * 86_400_000, "1h"],
  ])("of %i ms is %s", (millis, resolution) => {
    expect(resolutionOf(millis)).toBe(resolution)
  })
})

describe("runs", () => {
  it("go on over a missed beat, and end at a hole of more than five seconds", () => {
    expect(lengths(runsOf(seconds([0, 1, 2, 7, 8]), "1s"))).toEqual([5])
    const trace = runsOf(seconds([0, 1, 2, 8, 9]), "1s")
    expect(lengths(trace)).toEqual([3, 2])
    expect(holesOf(trace)).toEqual([{ fromMs: T + 2500, toMs: T + 8500 }])
  })

  it("of minutes end at a minute without a sample", () => {
    expect(lengths(runsOf(seconds([0, 60, 120, 240]), "1min"))).toEqual([3, 1])
  })

  it("take a heart rate of 0 for no contact, and stand in the middle of their bucket", () => {
    const columns = seconds([0, 1, 2, 3, 4, 5, 6, 7])
    const trace = runsOf({ ...columns, min: columns.min.map((bpm, i) => (i > 0 && i < 7 ? 0 : bpm)) }, "1s")
    expect(lengths(trace)).toEqual([1, 1])
    expect(trace[0]?.[0]).toEqual({ atMs: T + 500, samples: 1, min: 140, mean: 140, max: 140 })
  })

  it("of nothing are none", () => {
    expect(runsOf(seconds([]), "1s")).toEqual([])
    expect(extremesOf([])).toBeNull()
  })
})

describe("folding", () => {
  it("keeps the least, the greatest, the samples, and the mean by samples", () => {
    const run = [point(0, 100, 1), point(1000, 160, 3), point(2000, 120, 1)]
    expect(folded([run], 1)).toEqual([[{ atMs: 1000, samples: 5, min: 100, mean: 140, max: 160 }]])
  })

  it("changes neither holes nor extremes, and leaves at most so many points, and one a run", () => {
    const bpm = fc.integer({ min: 40, max: 220 })
    fc.assert(
      fc.property(
        fc.array(fc.array(bpm, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 80 }),
        (runs, most) => {
          const trace = runs.map((run, r) => run.map((rate, i) => point(r * 1_000_000 + i * 1000, rate)))
          const less = folded(trace, most)
          expect(less).toHaveLength(trace.length)
          expect(less.flat().length).toBeLessThanOrEqual(most + trace.length)
          const [before, after] = [extremesOf(trace), extremesOf(less)]
          expect([after?.min, after?.max, after?.samples]).toEqual([before?.min, before?.max, before?.samples])
          expect(after?.mean).toBeCloseTo(before?.mean ?? 0, 6)
          for (const { max, mean, min } of less.flat()) {
            expect(min).toBeLessThanOrEqual(mean + 1e-9)
            expect(mean).toBeLessThanOrEqual(max + 1e-9)
          }
        },
      ),
    )
  })
})

describe("the nearest point", () => {
  it("is the one that a search of all finds", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 500 }), { minLength: 1 }),
        fc.integer({ min: -50, max: 550 }),
        (times, atMs) => {
          const points = times.toSorted((a, b) => a - b).map((at) => point(at, 100))
          const found = nearest(points, atMs)
          const distance = Math.abs(points[found ?? -1]!.atMs - atMs)
          expect(distance).toBe(Math.min(...points.map((one) => Math.abs(one.atMs - atMs))))
        },
      ),
    )
    expect(nearest([], 5)).toBeNull()
  })
})
