import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import * as FairRanks from "./FairRanks.ts"

/** The turns of a worker with one free place at a time. */
const turns = (count: number, waiting: (turn: number) => ReadonlyArray<boolean>): ReadonlyArray<number> => {
  let ages = FairRanks.fresh(3)
  return Array.from({ length: count }, (_, turn) => {
    const allotment = FairRanks.allot(ages, waiting(turn), 1)
    ages = allotment.ages
    return allotment.places.indexOf(1)
  })
}

describe("FairRanks", () => {
  it("[log 33] gives most places to the highest rank, and some to each that waits", () => {
    const given = turns(2_100, () => [true, true, true])
    const share = (rank: number) => given.filter((turn) => turn === rank).length / given.length
    expect(share(0)).toBeGreaterThan(0.7)
    expect(share(1)).toBeGreaterThan(0.15)
    expect(share(2)).toBeGreaterThan(0.04)
    expect(share(0)).toBeGreaterThan(share(1))
    expect(share(1)).toBeGreaterThan(share(2))
  })

  it("[log 33] passes a low rank over at most 16 times in a row, and a middle one 5, whatever else comes and goes", () => {
    const flags = fc.array(fc.boolean(), { minLength: 100, maxLength: 300 })
    fc.assert(
      fc.property(flags, flags, (high, middle) => {
        const given = turns(200, (turn) => [
          high[turn % high.length] ?? true,
          middle[turn % middle.length] ?? true,
          true,
        ])
        let low = 0
        for (const turn of given) {
          low = turn === 2 ? 0 : low + 1
          expect(low).toBeLessThanOrEqual(16)
        }
        let passed = 0
        for (const turn of turns(200, (turn) => [high[turn % high.length] ?? true, true, true])) {
          passed = turn === 1 ? 0 : passed + 1
          expect(passed).toBeLessThanOrEqual(5)
        }
      }),
    )
  })

  it("gives all places to the one that waits, and none when nobody does", () => {
    expect(FairRanks.allot(FairRanks.fresh(3), [false, false, true], 7).places).toEqual([0, 0, 7])
    expect(FairRanks.allot(FairRanks.fresh(3), [false, false, false], 7).places).toEqual([0, 0, 0])
  })

  it("gives ten places as ten turns of one", () => {
    const one = turns(10, () => [true, true, true])
    const ten = FairRanks.allot(FairRanks.fresh(3), [true, true, true], 10).places
    expect(ten).toEqual([0, 1, 2].map((rank) => one.filter((turn) => turn === rank).length))
  })
})
