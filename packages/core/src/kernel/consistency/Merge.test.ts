import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as CanonicalJson from "./CanonicalJson.ts"
import * as Merge from "./Merge.ts"

const names = ["a", "b", "c", "__proto__"] as const
const value = fc.oneof(fc.nat(2), fc.constantFrom("x", null), fc.array(fc.nat(2), { maxLength: 2 }))
const fields: fc.Arbitrary<Merge.Fields> = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...names), value), { selector: ([name]) => name, maxLength: 4 })
  .map((entries) => Object.fromEntries(entries))

const has = (side: Merge.Fields, name: string): string =>
  Object.hasOwn(side, name) ? CanonicalJson.text(side[name]) : "absent"

describe("Merge", () => {
  it("takes what one side changed, and asks about what both changed differently", () => {
    const base = { alias: "Jo", town: "Bern", zones: [1], gone: 1 }
    const mine = { alias: "Joan", town: "Basel", zones: [1], gone: 1, mine: true }
    const theirs = { alias: "Jo", town: "Chur", zones: [1, 2] }
    expect(Merge.threeWay(base, mine, theirs)).toEqual({
      value: { alias: "Joan", town: "Chur", zones: [1, 2], mine: true },
      conflicts: [{ path: ["town"], base: "Bern", mine: "Basel", theirs: "Chur" }],
    })
  })

  it("lets each type of data have its rule", () => {
    const base = { km: 10, best: 5, first: "2026-02-01", tags: ["a", "b"], mine: 0, theirs: 0 }
    const mine = { km: 12, best: 7, first: "2026-01-01", tags: ["b", "c"], mine: 1, theirs: 1 }
    const theirs = { km: 15, best: 6, first: "2026-01-15", tags: ["a", "b", "d"], mine: 2, theirs: 2 }
    const rules = { km: "sum", best: "max", first: "min", tags: "union", mine: "mine", theirs: "theirs" } as const
    expect(Merge.threeWay(base, mine, theirs, rules)).toEqual({
      value: { km: 17, best: 7, first: "2026-01-01", tags: ["b", "d", "c"], mine: 1, theirs: 2 },
      conflicts: [],
    })
  })

  it("counts two additions of the same amount as two", () => {
    expect(Merge.threeWay({ km: 10 }, { km: 12 }, { km: 12 }, { km: "sum" }).value).toEqual({ km: 14 })
    expect(Merge.threeWay({}, { km: 2 }, { km: 2 }, { km: "sum" }).value).toEqual({ km: 4 })
  })

  it("merges nested fields by their own rules, and says the way to a conflict", () => {
    const rules = { bike: { fields: { km: "sum" } } } as const
    const base = { bike: { km: 1, name: "old", tyre: "28" } }
    const mine = { bike: { km: 2, name: "mine", tyre: "30" } }
    const theirs = { bike: { km: 3, name: "theirs", tyre: "28" } }
    expect(Merge.threeWay(base, mine, theirs, rules)).toEqual({
      value: { bike: { km: 4, name: "theirs", tyre: "30" } },
      conflicts: [{ path: ["bike", "name"], base: "old", mine: "mine", theirs: "theirs" }],
    })
    // Without a rule the object is one value.
    expect(Merge.threeWay(base, mine, theirs).conflicts.map(({ path }) => path)).toEqual([["bike"]])
  })

  it("asks when the values do not fit the rule, and about removing what the other changed", () => {
    const rules = { km: "sum", best: "max", tags: "union", bike: { fields: {} } } as const
    const base = { km: 1, best: 1, tags: [1], bike: {} }
    const mine = { km: "2", best: "2", bike: 2 }
    const theirs = { km: 3, best: 3, tags: [3], bike: { a: 1 } }
    const { conflicts, value } = Merge.threeWay(base, mine, theirs, rules)
    expect(conflicts.map(({ path }) => path[0])).toEqual(["km", "best", "tags", "bike"])
    expect(value).toEqual(theirs)
  })

  it("does, field by field, what the table of cases says", () => {
    fc.assert(
      fc.property(fields, fields, fields, (base, mine, theirs) => {
        const { conflicts, value } = Merge.threeWay(base, mine, theirs)
        for (const name of names) {
          const [was, my, their] = [has(base, name), has(mine, name), has(theirs, name)]
          const inConflict = my !== was && their !== was && my !== their
          expect(conflicts.some(({ path }) => path[0] === name && path.length === 1)).toBe(inConflict)
          expect(has(value, name)).toBe(my !== was && !inConflict ? my : their)
        }
      }),
      { seed: 20261120, numRuns: 2000 },
    )
  })

  it("does not depend on who is called mine, but for the rules that say so", () => {
    fc.assert(
      fc.property(fields, fields, fields, (base, mine, theirs) => {
        const rules = { a: "sum", b: "union", c: "max" } as const
        const one = Merge.threeWay(base, mine, theirs, rules)
        const other = Merge.threeWay(base, theirs, mine, rules)
        const pathsOf = ({ conflicts }: Merge.Merged) => conflicts.map(({ path }) => path.join("/")).toSorted()
        expect(pathsOf(one)).toEqual(pathsOf(other))
        if (one.conflicts.length > 0) return
        const sorted = (value: unknown) => (Array.isArray(value) ? new Set(value) : value)
        for (const name of names) expect(sorted(one.value[name])).toEqual(sorted(other.value[name]))
      }),
      { seed: 20261120, numRuns: 2000 },
    )
  })

  it("loses no addition: sums over any order of merges come to the same total", () => {
    const additions = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(additions, (amounts) => {
        // Everybody saw 100 and added; the writes arrive one after the other.
        const stored = amounts.reduce<Merge.Fields>(
          (theirs, amount) => Merge.threeWay({ km: 100 }, { km: 100 + amount }, theirs, { km: "sum" }).value,
          { km: 100 },
        )
        expect(stored["km"]).toBe(amounts.reduce((sum, amount) => sum + amount, 100))
      }),
      { seed: 20261120 },
    )
  })

  it("tells differences with what was there before, if that is known", () => {
    expect(Merge.differences({ a: 1, b: 1 }, { a: 2, b: 3, c: 4 }, { a: 2, b: 1 })).toEqual([
      { path: ["b"], base: 1, mine: 3, theirs: 1 },
      { path: ["c"], base: undefined, mine: 4, theirs: undefined },
    ])
    expect(Merge.differences(undefined, { a: 1 }, { a: 2 })).toEqual([
      { path: ["a"], base: undefined, mine: 1, theirs: 2 },
    ])
  })
})
