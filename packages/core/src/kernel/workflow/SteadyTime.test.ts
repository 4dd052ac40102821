import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import * as SteadyTime from "./SteadyTime.ts"

const HOUR = 3_600_000
const START = Date.UTC(2026, 5, 1, 9)

/** Reads once a second for so long, with the wall clock off by `offset`. The last reading. */
const goOn = (time: SteadyTime.SteadyTime, fromSecond: number, seconds: number, offset: number): number => {
  let now = 0
  for (let second = fromSecond + 1; second <= fromSecond + seconds; second++) {
    now = SteadyTime.read(time, START + second * 1_000 + offset, second * 1_000)
  }
  return now
}

describe("SteadyTime", () => {
  it("is the wall clock's time while that runs evenly", () => {
    const time = SteadyTime.make(START, 0)
    expect(goOn(time, 0, 100, 0)).toBe(START + 100_000)
  })

  it("[log 34] follows a clock that was set forward only when a lease that was alive has been renewed past it", () => {
    const time = SteadyTime.make(START, 0)
    goOn(time, 0, 10, 0)
    expect(goOn(time, 10, 60, HOUR)).toBe(START + 70_000)
    expect(SteadyTime.leaseUntil(time, 30_000, START + 70_000 + HOUR, 70_000)).toBe(START + 100_000 + HOUR)
    expect(goOn(time, 70, 1, HOUR)).toBe(START + 71_000 + HOUR)
  })

  it("does not follow one that was set forward and back again", () => {
    const time = SteadyTime.make(START, 0)
    goOn(time, 0, 50, HOUR)
    goOn(time, 50, 1, 0)
    expect(goOn(time, 51, 59, HOUR)).toBe(START + 110_000)
  })

  it("[log 34] goes on at half speed when the clock was set back, until the two meet", () => {
    const time = SteadyTime.make(START, 0)
    goOn(time, 0, 10, 0)
    expect(goOn(time, 10, 60, -HOUR)).toBe(START + 40_000)
    expect(goOn(time, 70, 7_140, -HOUR)).toBe(START + 7_210_000 - HOUR)
    expect(goOn(time, 7_210, 10, -HOUR)).toBe(START + 7_220_000 - HOUR)
  })

  it("follows at once what was set back by days", () => {
    const time = SteadyTime.make(START, 0)
    expect(goOn(time, 0, 1, -48 * HOUR)).toBe(START + 1_000 - 48 * HOUR)
  })

  it("[log 34] goes on from where it was before a restart, if the clock was set back by an hour meanwhile", () => {
    const time = SteadyTime.make(START - HOUR, 0)
    SteadyTime.resume(time, START)
    expect(goOn(time, 0, 60, -HOUR)).toBe(START + 30_000)
    const wrong = SteadyTime.make(START, 0)
    SteadyTime.resume(wrong, START + 24 * HOUR)
    expect(goOn(wrong, 0, 60, 0)).toBe(START + 60_000)
  })

  it("never goes back, and never stands still, whatever steps of up to an hour the wall clock makes", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: -HOUR, max: HOUR }), fc.integer({ min: 2, max: 90_000 })), {
      maxLength: 100,
    })
    fc.assert(
      fc.property(steps, (steps) => {
        const time = SteadyTime.make(START, 0)
        let monotonic = 0
        let last = START
        for (const [offset, pause] of steps) {
          monotonic += pause
          const now = SteadyTime.read(time, START + monotonic + offset, monotonic)
          expect(now - last).toBeGreaterThanOrEqual(Math.floor(pause / 2) - 1)
          last = now
        }
      }),
    )
  })
})
