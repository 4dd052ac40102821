import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  type Count,
  type Counter,
  CSC_CRANK,
  CSC_WHEEL,
  countRevolutions,
  POWER_WHEEL,
  type RevolutionState,
  wheelSpeed,
} from "./Revolutions.ts"

const follow = (counter: Counter, counts: ReadonlyArray<Count>) => {
  let state: RevolutionState | undefined
  const rpms = counts.map((count) => {
    const next = countRevolutions(counter, state, count)
    state = next.state
    return next.rpm
  })
  return { rpms, total: state?.total }
}

/** A crank or wheel at a steady rate, told once a second from any point of its counters. */
const steady = (counter: Counter, rpm: number, packets: number, revolutions: number, ticks: number): Array<Count> => {
  const perSecond = counter === POWER_WHEEL ? 2048 : 1024
  return Array.from({ length: packets }, (_, second) => {
    const turned = Math.floor((second * rpm) / 60)
    const eventTicks = ticks + Math.round((turned * 60 * perSecond) / rpm)
    return {
      revolutions: (revolutions + turned) % counter.revolutionsWrapAt,
      eventSeconds: (eventTicks % 65_536) / perSecond,
      arrivedAtMs: 1_000 * second,
    }
  })
}

describe("revolutions", () => {
  test("[bridge 35] a steady rate stays steady across every wrap of counts and times", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(CSC_WHEEL, CSC_CRANK, POWER_WHEEL),
        fc.integer({ min: 60, max: 200 }),
        fc.nat(300),
        fc.nat(65_535),
        (counter, rpm, beforeWrap, ticks) => {
          const counts = steady(counter, rpm, 200, counter.revolutionsWrapAt - 1 - beforeWrap, ticks)
          const { rpms, total } = follow(counter, counts)
          expect(total).toBe(Math.floor((199 * rpm) / 60))
          for (const rate of rpms.slice(1)) if (rate !== undefined) expect(Math.abs(rate / rpm - 1)).toBeLessThan(0.01)
          expect(rpms.filter((rate) => rate !== undefined).length).toBeGreaterThan(190)
        },
      ),
      { numRuns: 50 },
    )
  })

  test("[bridge 35] the power meter's wheel wraps after 32 s, that of 2A5B after 64 s", () => {
    const wrap = (secondsWrapAt: number) => [
      { revolutions: 10, eventSeconds: secondsWrapAt - 0.25, arrivedAtMs: 0 },
      { revolutions: 12, eventSeconds: 0.25, arrivedAtMs: 500 },
    ]
    expect(follow(POWER_WHEEL, wrap(32)).rpms).toEqual([undefined, 240])
    expect(follow(CSC_WHEEL, wrap(64)).rpms).toEqual([undefined, 240])
  })

  test("[bridge 35] packets lost for longer than a wrap: arrival tells how often the time wrapped", () => {
    const counts = [
      { revolutions: 65_500, eventSeconds: 10, arrivedAtMs: 0 },
      { revolutions: (65_500 + 300) % 65_536, eventSeconds: (10 + 200) % 64, arrivedAtMs: 200_900 },
    ]
    expect(follow(CSC_CRANK, counts)).toEqual({ rpms: [undefined, 90], total: 300 })
  })

  test("no new event is no news at first, then a standstill; the first turn after it has no rate", () => {
    const at = (arrivedAtMs: number, revolutions: number, eventSeconds: number) => ({
      arrivedAtMs,
      revolutions,
      eventSeconds,
    })
    const counts = [at(0, 5, 1), at(1_000, 5, 1), at(4_000, 5, 1), at(9_000, 6, 10), at(10_000, 7, 11)]
    expect(follow(CSC_CRANK, counts)).toEqual({ rpms: [undefined, undefined, 0, undefined, 60], total: 2 })
  })

  test("a sensor that was reset, or a wheel that rolls back, begins anew without a rate", () => {
    const at = (revolutions: number, second: number) => ({
      arrivedAtMs: 1_000 * second,
      revolutions,
      eventSeconds: second,
    })
    const counts = [at(5_000, 1), at(5_002, 2), at(0, 3), at(2, 4), at(1, 5), at(3, 6)]
    expect(follow(CSC_WHEEL, counts)).toEqual({ rpms: [undefined, 120, undefined, 120, undefined, 120], total: 6 })
  })

  test("revolutions without time have no rate", () => {
    const same = { eventSeconds: 3, arrivedAtMs: 1_000 }
    expect(
      follow(CSC_CRANK, [
        { ...same, revolutions: 1 },
        { ...same, revolutions: 2 },
      ]).rpms,
    ).toEqual([undefined, undefined])
  })

  test("a wheel's speed is its circumference times its rate", () => {
    expect(wheelSpeed(240, 2.1)).toBeCloseTo(8.4, 12)
  })
})
