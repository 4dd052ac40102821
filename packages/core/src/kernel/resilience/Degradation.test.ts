import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Degradation from "./Degradation.ts"
import * as LastGood from "./LastGood.ts"

const everySecond = (state: Degradation.Degradation, pressure: number, from: number, seconds: number) =>
  Array.from({ length: seconds }, (_, i) => Degradation.observe(state, pressure, (from + i) * 1_000)).filter(
    (change) => change !== undefined,
  )

describe("Degradation", () => {
  it("[resilience 71] degradation goes in the written order and comes back in reverse", () => {
    const state = Degradation.make()
    const off = everySecond(state, 1, 0, 600).flatMap((change) => change.features)
    expect(off).toEqual(["recommendations", "analytics", "gamification", "social", "training", "collection"])
    expect(Degradation.off(state)).toEqual(off)
    const back = everySecond(state, 0.1, 600, 600)
    expect(back.map((change) => change.features)).toEqual([
      ["training", "collection"],
      ["social"],
      ["gamification"],
      ["analytics"],
      ["recommendations"],
    ])
    expect(Degradation.off(state)).toEqual([])
  })

  it("[resilience 71] with hysteresis: a short peak changes nothing, and coming back takes lower pressure for longer", () => {
    const state = Degradation.make()
    expect(everySecond(state, 1, 0, 5)).toEqual([])
    expect(everySecond(state, 0.8, 5, 100)).toEqual([])
    expect(everySecond(state, 0.95, 105, 6)).toHaveLength(1)
    expect(everySecond(state, 0.8, 111, 1_000)).toEqual([])
    expect(everySecond(state, 0.5, 1_111, 30)).toEqual([])
    expect(everySecond(state, 0.5, 1_141, 1)).toHaveLength(1)
  })

  it("[resilience 71] pressure that swings around a threshold does not make levels flap", () => {
    const state = Degradation.make()
    const changes = Array.from({ length: 3_600 }, (_, i) =>
      Degradation.observe(state, i % 2 === 0 ? 0.95 : 0.65, i * 1_000),
    ).filter((change) => change !== undefined)
    expect(changes).toEqual([])
  })

  it("[resilience 71] security never degrades, one level goes at a time, and what is off is a prefix of the order", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            pressure: fc.double({ min: 0, max: 3, noNaN: true }),
            gap: fc.integer({ min: -5_000, max: 60_000 }),
          }),
        ),
        fc.option(fc.integer({ min: -3, max: 99 }), { nil: undefined }),
        (observations, forced) => {
          const state = Degradation.make()
          let now = 0
          for (const { pressure, gap } of observations) {
            now += gap
            const change = Degradation.observe(state, pressure, now)
            if (change !== undefined) expect(Math.abs(change.to - change.from)).toBe(1)
          }
          if (forced !== undefined) Degradation.force(state, forced)
          expect(Degradation.isOn(state, "security") && Degradation.isOn(state, "privacy")).toBe(true)
          expect(Degradation.off(state)).toEqual(Degradation.order.slice(0, state.level).flat())
          for (const feature of Degradation.order.flat()) {
            expect(Degradation.isOn(state, feature)).toBe(!Degradation.off(state).includes(feature))
          }
        },
      ),
    )
  })

  it("an operator's level holds until it is given back", () => {
    const state = Degradation.make()
    expect(Degradation.force(state, 2)).toMatchObject({ direction: "off", features: ["recommendations", "analytics"] })
    expect(everySecond(state, 0, 0, 1_000)).toEqual([])
    Degradation.force(state, undefined)
    expect(everySecond(state, 0, 1_000, 100)).toHaveLength(2)
  })
})

describe("LastGood", () => {
  it("stands in with the last answer while it is young enough, and says how old it is", () => {
    const known = LastGood.make<string>(2, 1_000)
    LastGood.remember(known, "a", "old", 0)
    LastGood.remember(known, "a", "new", 500)
    expect(LastGood.recall(known, "a", 1_500)).toEqual({ value: "new", ageMillis: 1_000 })
    expect(LastGood.recall(known, "a", 1_501)).toBeUndefined()
    expect(LastGood.recall(known, "b", 0)).toBeUndefined()
    expect(LastGood.recall(known, "a", 0)).toEqual({ value: "new", ageMillis: 0 })
  })
})
