import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as AdaptiveLimit from "./AdaptiveLimit.ts"

const settings: AdaptiveLimit.Settings = { ...AdaptiveLimit.standard, min: 2, max: 100 }

/** Samples `count` calls of one latency, with the limit in full use unless said otherwise. */
const calls = (state: AdaptiveLimit.AdaptiveLimit, count: number, latencyMillis: number, inFlight?: number) => {
  let next = state
  for (let i = 0; i < count; i++) {
    next = AdaptiveLimit.sample(settings, next, {
      latencyMillis,
      inFlight: inFlight ?? AdaptiveLimit.current(settings, next),
    })
  }
  return next
}

/** A server that takes 10 ms a call and serves `capacity` at once: what comes beyond waits its turn. */
const latencyOf = (inFlight: number, capacity: number): number => 10 * Math.max(1, inFlight / capacity)

describe("AdaptiveLimit", () => {
  it("[resilience 67] falls as latency rises, and recovers", () => {
    const calm = calls(AdaptiveLimit.make(settings), 200, 10)
    const high = AdaptiveLimit.current(settings, calm)
    const slow = calls(calm, 50, 100)
    expect(AdaptiveLimit.current(settings, slow)).toBeLessThan(high / 2)
    const recovered = calls(slow, 200, 10)
    expect(AdaptiveLimit.current(settings, recovered)).toBeGreaterThanOrEqual(high * 0.9)
  })

  it("[resilience 67] stays in its bounds", () => {
    const sample = fc.record({
      latencyMillis: fc.oneof(
        fc.double({ min: 0.001, max: 1e6, noNaN: true }),
        fc.constantFrom(0, -5, Number.NaN, Number.POSITIVE_INFINITY),
      ),
      inFlight: fc.nat(300),
      overload: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 300 }), (samples) => {
        let state = AdaptiveLimit.make(settings)
        for (const s of samples) {
          state = s.overload ? AdaptiveLimit.overload(settings, state) : AdaptiveLimit.sample(settings, state, s)
          expect(AdaptiveLimit.current(settings, state)).toBeGreaterThanOrEqual(2)
          expect(AdaptiveLimit.current(settings, state)).toBeLessThanOrEqual(100)
        }
      }),
    )
  })

  it("[resilience 67] does not grow while it is not used", () => {
    const before = calls(AdaptiveLimit.make(settings), 5, 10)
    const idle = calls(before, 1_000, 10, 1)
    expect(idle.limit).toBeLessThanOrEqual(before.limit)
    expect(calls(before, 500, 10).limit).toBeGreaterThan(before.limit)
  })

  it("[resilience 67] is not moved by a sample that measured nothing", () => {
    const state = calls(AdaptiveLimit.make(settings), 50, 10)
    for (const latencyMillis of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(AdaptiveLimit.sample(settings, state, { latencyMillis, inFlight: 20 })).toBe(state)
    }
  })

  it("is cut by an overload at once", () => {
    const state = calls(AdaptiveLimit.make(settings), 200, 10)
    expect(AdaptiveLimit.overload(settings, state).limit).toBeCloseTo(state.limit * 0.9)
  })

  it("settles near what the other side can serve, whatever it starts from, and stays there", () => {
    for (const initial of [2, 20, 100]) {
      for (const capacity of [5, 20, 60]) {
        let state = AdaptiveLimit.make({ ...settings, initial })
        const seen: Array<number> = []
        for (let i = 0; i < 8_000; i++) {
          const inFlight = AdaptiveLimit.current(settings, state)
          state = AdaptiveLimit.sample(settings, state, { latencyMillis: latencyOf(inFlight, capacity), inFlight })
          if (i > 4_000) seen.push(state.limit)
        }
        expect(Math.min(...seen)).toBeGreaterThanOrEqual(capacity)
        expect(Math.max(...seen)).toBeLessThanOrEqual(capacity * 2.5 + 6)
      }
    }
  })

  it("takes a lasting change of the other side as the new normal", () => {
    const before = calls(AdaptiveLimit.make(settings), 700, 10)
    const after = calls(before, 2_000, 30)
    expect(after.normalMillis).toBeCloseTo(30)
    expect(after.limit).toBe(100)
  })

  it("lowers the limit to a quarter for a probe, and only for so long", () => {
    let state = calls(AdaptiveLimit.make(settings), settings.probeEvery, 10)
    const full = AdaptiveLimit.current(settings, state)
    const lowered: Array<number> = []
    for (let i = 0; i < 40; i++) {
      state = calls(state, 1, 10)
      if (state.probe !== undefined) lowered.push(AdaptiveLimit.current(settings, state))
    }
    expect(lowered).toEqual(Array.from({ length: 10 }, () => full / 4))
    expect(AdaptiveLimit.current(settings, state)).toBe(full)
  })

  it("survives being kept as JSON", () => {
    let state = AdaptiveLimit.make(settings)
    for (let i = 0; i < 2_000; i++) {
      state = calls(state, 1, 10 + (i % 7))
      expect(JSON.parse(JSON.stringify(state))).toEqual(state)
    }
  })

  it("goes on from its JSON as if nothing had been, also within a probe", () => {
    const sample = fc.record({
      latencyMillis: fc.integer({ min: 1, max: 500 }),
      inFlight: fc.integer({ min: 1, max: 30 }),
    })
    const short = { ...settings, probeEvery: 4 }
    const play = (from: AdaptiveLimit.AdaptiveLimit, taken: ReadonlyArray<AdaptiveLimit.Sample>) =>
      taken.reduce((state, one) => AdaptiveLimit.sample(short, state, one), from)
    fc.assert(
      fc.property(fc.array(sample), fc.array(sample), (before, after) => {
        const one = play(AdaptiveLimit.make(short), before)
        const two = AdaptiveLimit.restore(short, JSON.parse(JSON.stringify(one)))
        expect(play(two, after)).toEqual(play(one, after))
      }),
    )
  })
})
