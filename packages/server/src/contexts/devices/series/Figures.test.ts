import { Rollup } from "@paceline/core/kernel"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as BestSource from "./BestSource.ts"
import { columnsOf, figuresOf, type Part } from "./Figures.ts"

const MINUTE = 60_000

const buckets = (width: number, samples: ReadonlyArray<readonly [atMs: number, value: number]>): Rollup.Buckets => {
  const made: Rollup.Buckets = new Map()
  const times = samples.map(([at]) => at)
  Rollup.add(
    made,
    width,
    times,
    samples.map(([, value]) => value),
  )
  return made
}

const parts = (samples: ReadonlyArray<readonly [atMs: number, value: number]>): ReadonlyArray<Part> =>
  BestSource.bestParts([{ source: 0, buckets: buckets(MINUTE, samples) }])

const steps = (samples: ReadonlyArray<readonly [atMs: number, value: number]>) =>
  columnsOf("steps", "steps", 0, MINUTE, parts(samples))

describe("Figures", () => {
  it("tells of each kind what says something of it", () => {
    expect(
      ["heartRate", "altitude", "latitude", "distance", "rrInterval", "custom:steps", "constructor"].map(figuresOf),
    ).toEqual([["mean"], ["mean", "last"], ["last"], ["last", "increase"], ["mean", "sum"], ["mean", "last"], ["mean"]])
  })

  it("adds up, of a counter that runs up, to all that it rose from its first sample to its last", () => {
    const rises = fc.array(fc.tuple(fc.integer({ min: 1, max: 90_000 }), fc.nat({ max: 50 })), {
      minLength: 1,
      maxLength: 40,
    })
    fc.assert(
      fc.property(rises, (made) => {
        let [at, count] = [0, 1_000]
        const samples = made.map(([later, more]): readonly [number, number] => {
          at += later
          count += more
          return [at, count]
        })
        const { increase = [] } = steps(samples)
        expect(increase.reduce((sum, each) => sum + each, 0)).toBe(samples.at(-1)![1] - samples[0]![1])
      }),
      { seed: 20261120 },
    )
  })

  it("counts on over a counter that was set back to 0, within a minute and between two", () => {
    const { increase, last } = steps([
      [0, 100],
      [10_000, 110],
      [20_000, 3],
      [30_000, 5],
      [MINUTE, 2],
      [MINUTE + 1, 4],
    ])
    expect({ increase, last }).toEqual({ increase: [10 + 5, 2 + 2], last: [5, 4] })
  })

  it("does not count again what another source counted meanwhile", () => {
    const watch = buckets(MINUTE, [
      [0, 10],
      [1, 20],
      [2 * MINUTE, 60],
      [2 * MINUTE + 1, 70],
    ])
    const phone = buckets(MINUTE, [
      [MINUTE, 500],
      [MINUTE + 1, 540],
      [2 * MINUTE, 580],
    ])
    const merged = BestSource.bestParts([
      { source: 0, buckets: watch },
      { source: 1, buckets: phone },
    ])
    expect(columnsOf("steps", "steps", null, MINUTE, merged)).toMatchObject({ from: [0, 1, 0], increase: [10, 40, 10] })
  })
})

describe("The best of several sources", () => {
  const sample = fc.tuple(fc.integer({ min: 0, max: 12 * MINUTE }), fc.integer({ min: 60, max: 190 }))

  it("is at five minutes what its minutes are", () => {
    fc.assert(
      fc.property(fc.array(fc.array(sample, { maxLength: 20 }), { minLength: 1, maxLength: 3 }), (sources) => {
        const minutes = sources.map((samples, source) => ({ source, buckets: buckets(MINUTE, samples) }))
        const fives = sources.map((samples, source) => ({ source, buckets: buckets(5 * MINUTE, samples) }))
        const fromFives = columnsOf("power", "W", null, 5 * MINUTE, BestSource.widePartsOf(fives, 5, minutes))
        const best = BestSource.bestParts(minutes).map((part) => ({ ...part, number: Math.floor(part.number / 5) }))
        const fromMinutes = columnsOf("power", "W", null, 5 * MINUTE, best)
        expect({ ...fromFives, mean: [] }).toEqual({ ...fromMinutes, mean: [] })
        for (const [i, mean] of (fromFives.mean ?? []).entries()) expect(mean).toBeCloseTo(fromMinutes.mean![i]!, 9)
      }),
      { seed: 20261120 },
    )
  })
})
