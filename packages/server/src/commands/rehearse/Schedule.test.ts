import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Schedule from "./Schedule.ts"

const options = fc.record({
  seed: fc.integer({ min: 0, max: 0xffffffff }),
  seconds: fc.integer({ min: Schedule.MIN_SECONDS, max: 600 }),
})

describe("a rehearsal's schedule", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(Schedule.make({ seed: 7, seconds: 20 })).toEqual(Schedule.make({ seed: 7, seconds: 20 }))
    expect(Schedule.make({ seed: 7, seconds: 20 })).not.toEqual(Schedule.make({ seed: 8, seconds: 20 }))
  })

  it("cuts the network for a third of the time, in cuts that do not touch and lie inside the run", () => {
    fc.assert(
      fc.property(options, (given) => {
        const schedule = Schedule.make(given)
        const millis = given.seconds * 1000
        expect(Math.abs(Schedule.cutMillis(schedule) - millis / 3)).toBeLessThanOrEqual(schedule.cuts.length)
        let last = 0
        for (const cut of schedule.cuts) {
          expect(cut.fromMillis).toBeGreaterThanOrEqual(last)
          expect(cut.untilMillis).toBeGreaterThan(cut.fromMillis)
          last = cut.untilMillis
        }
        expect(last).toBeLessThan(millis)
      }),
    )
  })

  it("has a cut of every kind, and one black hole", () => {
    fc.assert(
      fc.property(options, (given) => {
        const kinds = Schedule.make(given).cuts.map((cut) => cut.kind)
        expect([...new Set(kinds)].sort()).toEqual(["black-hole", "closed", "stalled"])
        expect(kinds.filter((kind) => kind === "black-hole")).toHaveLength(1)
      }),
    )
  })

  it("leaves a tenth of the run in peace before the black hole, so that there is a connection to swallow", () => {
    fc.assert(
      fc.property(options, (given) => {
        const { cuts, kills } = Schedule.make(given)
        const { fromMillis } = cuts.find(({ kind }) => kind === "black-hole")!
        const peaceFrom = fromMillis - given.seconds * 100
        expect(peaceFrom).toBeGreaterThanOrEqual(0)
        for (const { atMillis, downMillis } of kills) {
          expect(atMillis + downMillis <= peaceFrom || atMillis >= fromMillis).toBe(true)
        }
        for (const cut of cuts) expect(cut.untilMillis <= peaceFrom || cut.fromMillis >= fromMillis).toBe(true)
      }),
    )
  })

  it("kills the bridge twice and the server once, each time back before the straps end", () => {
    fc.assert(
      fc.property(options, (given) => {
        const { kills } = Schedule.make(given)
        expect(kills.map((kill) => kill.victim)).toEqual(["bridge", "server", "bridge"])
        for (const [i, kill] of kills.entries()) {
          const before = kills[i - 1]
          if (before !== undefined) expect(kill.atMillis).toBeGreaterThan(before.atMillis)
          expect(kill.atMillis + kill.downMillis).toBeLessThan(given.seconds * 1000)
        }
      }),
    )
  })

  it("lists every moment in the order of time, and ends with the network there", () => {
    fc.assert(
      fc.property(options, (given) => {
        const schedule = Schedule.make(given)
        const list = Schedule.moments(schedule)
        expect(list).toHaveLength(schedule.cuts.length * 2 + schedule.kills.length)
        expect(list.map((m) => m.atMillis)).toEqual([...list.map((m) => m.atMillis)].sort((a, b) => a - b))
        const network = list.filter((m) => m._tag !== "Kill").map((m) => m._tag)
        expect(network).toEqual(network.map((_, i) => (i % 2 === 0 ? "Cut" : "Restore")))
      }),
    )
  })
})
