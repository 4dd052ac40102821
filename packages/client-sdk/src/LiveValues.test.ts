import * as Contract from "@paceline/core/contract"
import { Arbitrary, FastCheck as fc, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { bestFirst, isProfile, isProfileChoices, isStanding, isTile } from "./LiveValues.ts"

const holdsTheShape = <A extends object, I>(
  name: string,
  schema: Schema.Schema<A, I>,
  is: (value: unknown) => boolean,
) =>
  describe(`the shape of a ${name}`, () => {
    const values = Arbitrary.make(schema)

    it("is recognised whenever the contract says that it is one", () => {
      fc.assert(fc.property(values, is), { seed: 1, numRuns: 200 })
    })

    it("is refused whenever a field is missing or of another kind, as the contract refuses it", () => {
      const decodes = Schema.is(schema)
      const others = fc.constantFrom(undefined, "?", -1.5, [], {}, Number.NaN, true, null)
      fc.assert(
        fc.property(values, fc.nat(20), others, (value, pick, other) => {
          const names = Object.keys(value)
          const changed = { ...value, [names[pick % names.length]!]: other }
          expect(is(changed)).toBe(decodes(changed))
        }),
        { seed: 2, numRuns: 500 },
      )
    })
  })

holdsTheShape("Tile", Contract.Tile, isTile)
holdsTheShape("Standing", Contract.Standing, isStanding)
holdsTheShape("Profile", Contract.Profile, isProfile)
holdsTheShape("ProfileChoices", Contract.ProfileChoices, isProfileChoices)

describe("the order of the leaderboard", () => {
  it("does not depend on the order of arrival", () => {
    const standing = fc.record({ athleteId: fc.constantFrom("a", "b", "c", "d", "e"), points: fc.nat(3) })
    fc.assert(
      fc.property(fc.uniqueArray(standing, { selector: ({ athleteId }) => athleteId }), (all) => {
        const standings = all.map((one) =>
          Schema.decodeUnknownSync(Contract.Standing)({ ...one, alias: one.athleteId, workouts: 1 }),
        )
        expect([...standings].reverse().sort(bestFirst)).toEqual([...standings].sort(bestFirst))
        const points = [...standings].sort(bestFirst).map((one) => one.points)
        expect(points).toEqual([...points].sort((x, y) => y - x))
      }),
      { seed: 3 },
    )
  })
})
