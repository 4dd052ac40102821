import { describe, expect, test } from "vitest"
import * as Trace from "./Trace.ts"

const wave = (steps: number, from: number) =>
  Trace.of(
    Array.from({ length: steps }, (_, i) => (from + i) * Trace.STEP_MILLIS),
    Array.from({ length: steps }, (_, i) => 140 + 20 * Math.sin(i / 5)),
  )

describe("a trace", () => {
  test("is the mean of each ten seconds, with nothing where nothing was measured", () => {
    const trace = Trace.of([20_000, 25_000, 41_000, 12_000, 42_000], [100, 110, 90, 80, Number.NaN])
    expect(trace).toEqual({ first: 1, means: [80, 105, null, 90] })
    expect(Trace.of([], [])).toEqual(Trace.empty)
  })

  test("stays small when a clock jumps by a year in the middle of it", () => {
    expect(Trace.of([0, 365 * 86_400_000], [100, 100]).means.length).toBe(1)
  })

  test("is found in another where it is, and nowhere when too little is common", () => {
    const [a, b] = [wave(200, 0), wave(150, 37)]
    expect(Trace.bestLag(a, b, { around: -30, reach: 20, atLeast: 100 })).toMatchObject({ lag: -37, common: 150 })
    expect(Trace.bestLag(a, b, { around: 500, reach: 20, atLeast: 100 })).toBeUndefined()
    expect(Trace.agreement(a, a, 0)).toMatchObject({ common: 200, correlation: 1, meanDifference: 0 })
  })
})
