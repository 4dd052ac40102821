import * as fc from "fast-check"
import { expect, it } from "vitest"
import { bpmRange, bpmTicks, timeLabel, timeTicks } from "./Ticks.ts"

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const labels = (millis: number, most: number) => timeTicks(millis, most).map((tick) => timeLabel(tick, millis))

it("time is marked in steps that people count in", () => {
  expect(labels(45 * 1000, 4)).toEqual(["0", "15 s", "30 s", "45 s"])
  expect(labels(5 * MINUTE, 12)).toEqual([
    "0",
    "0:30 min",
    "1 min",
    "1:30 min",
    "2 min",
    "2:30 min",
    "3 min",
    "3:30 min",
    "4 min",
    "4:30 min",
    "5 min",
  ])
  expect(labels(47 * MINUTE, 2)).toEqual(["0", "30 min"])
  expect(labels(47 * MINUTE, 6)).toEqual(["0", "10 min", "20 min", "30 min", "40 min"])
  expect(labels(3 * HOUR + 20 * MINUTE, 8)).toEqual(["0", "0:30 h", "1 h", "1:30 h", "2 h", "2:30 h", "3 h"])
  expect(labels(50 * HOUR, 4)).toEqual(["0", "24 h", "48 h"])
})

it("there are never more marks than there is room for, and they are evenly spread", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 100 * 24 * HOUR }), fc.integer({ min: 2, max: 20 }), (millis, most) => {
      const ticks = timeTicks(millis, most)
      expect(ticks.length).toBeLessThanOrEqual(most)
      expect(ticks[0]).toBe(0)
      expect(ticks.at(-1)).toBeLessThanOrEqual(millis)
      expect(new Set(ticks.slice(1).map((tick, i) => tick - ticks[i]!)).size).toBeLessThanOrEqual(1)
    }),
  )
})

it("heart rates are marked at round numbers within the range", () => {
  expect(bpmTicks(90, 180, 6)).toEqual([100, 120, 140, 160, 180])
  expect(bpmTicks(120, 160, 6)).toEqual([120, 130, 140, 150, 160])
})

it("the range holds what there is, ends in tens, and spans forty beats at least", () => {
  expect(bpmRange(118, 171)).toEqual([110, 180])
  expect(bpmRange(140, 140)).toEqual([120, 160])
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 240 }), fc.integer({ min: 0, max: 150 }), (min, span) => {
      const [low, high] = bpmRange(min, min + span)
      expect(low).toBeLessThanOrEqual(min)
      expect(high).toBeGreaterThanOrEqual(min + span)
      expect(high - low).toBeGreaterThanOrEqual(40)
      expect([low % 10, high % 10]).toEqual([0, 0])
    }),
  )
})
