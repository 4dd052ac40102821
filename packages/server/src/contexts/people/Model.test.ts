import { AthleteId, type ProfileChoices } from "@paceline/core/contract"
import { Either } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Profiles from "./Model.ts"

const first = { alias: "Anna", heartRateVisible: true, maxHeartRateBpm: 190 }
const anna = Profiles.create(AthleteId.make("anna"), first)

/** The profile after another phone made this of it. */
const elsewhere = (choices: Partial<ProfileChoices>) => ({ ...anna, ...choices, version: 3 })

/** A change of the first version, by a client that tells what that said. */
const seen = { version: 1, choices: first }

const changed = (...args: Parameters<typeof Profiles.change>) => Either.getOrThrow(Profiles.change(...args))
const conflict = (...args: Parameters<typeof Profiles.change>) =>
  Either.getOrThrow(Either.flip(Profiles.change(...args)))

describe("Profile", () => {
  const hidden = { alias: "Anka", heartRateVisible: false, maxHeartRateBpm: 184 }

  it("counts its changes, and tells others of each", () => {
    const profile = changed(anna, hidden, seen)
    expect(profile).toEqual({ athleteId: "anna", ...hidden, version: 2 })
    expect({ ...Profiles.changed(profile) }).toMatchObject({ athleteId: "anna", ...hidden })
  })

  it("stays the one that it is when a change changes nothing", () => {
    expect(changed(anna, first, seen)).toBe(anna)
  })

  it("keeps what was changed elsewhere in other fields", () => {
    const profile = changed(elsewhere({ maxHeartRateBpm: 184 }), { ...first, alias: "Anka" }, seen)
    expect(profile).toEqual({ ...anna, alias: "Anka", maxHeartRateBpm: 184, version: 4 })
  })

  it("is no conflict when both chose the same", () => {
    const now = elsewhere({ alias: "Anka" })
    expect(changed(now, { ...first, alias: "Anka" }, seen)).toBe(now)
  })

  it("[log 2] asks about fields that both changed, with both versions and both values, and no others", () => {
    const now = elsewhere({ alias: "Ann", heartRateVisible: false })
    expect(conflict(now, { ...first, alias: "Anka", maxHeartRateBpm: 184 }, seen)).toMatchObject({
      expectedVersion: 1,
      actualVersion: 3,
      fields: ["alias"],
      // Whoever insists on this overwrites nothing that they have not seen.
      mine: { alias: "Anka", heartRateVisible: false, maxHeartRateBpm: 184 },
      theirs: now,
    })
  })

  it("asks about everything that differs when the client does not tell what it had seen", () => {
    const now = elsewhere({ heartRateVisible: false })
    const choices = { ...first, alias: "Anka" }
    expect(conflict(now, choices, { version: 1, choices: null })).toMatchObject({
      fields: ["alias", "heartRateVisible"],
      mine: choices,
    })
    expect(changed(now, { ...first, heartRateVisible: false }, { version: 1, choices: null })).toBe(now)
  })

  it("shows both values of all that differs to whoever was overtaken again and again", () => {
    const now = elsewhere({ heartRateVisible: false })
    expect(Profiles.overtaken(now, { ...first, alias: "Anka" }, seen)).toMatchObject({
      fields: ["alias", "heartRateVisible"],
      mine: { ...first, alias: "Anka", heartRateVisible: false },
      theirs: now,
    })
  })

  it("lets the athlete have the last word: what is sent from theirs is what stands then", () => {
    const choices = fc.record({
      alias: fc.constantFrom("Anna", "Anka", "Ann"),
      heartRateVisible: fc.boolean(),
      maxHeartRateBpm: fc.constantFrom(184, 190, 200),
    })
    fc.assert(
      fc.property(choices, choices, choices, (base, mine, theirs) => {
        const now = elsewhere(theirs)
        const result = Profiles.change(now, mine, { version: 1, choices: base })
        if (Either.isRight(result)) return
        const { left } = result
        expect(left.fields.length).toBeGreaterThan(0)
        for (const field of ["alias", "heartRateVisible", "maxHeartRateBpm"] as const) {
          const isOpen = base[field] !== mine[field] && base[field] !== theirs[field] && mine[field] !== theirs[field]
          expect(left.fields.includes(field)).toBe(isOpen)
          expect(left.mine[field]).toBe(base[field] === mine[field] ? theirs[field] : mine[field])
        }
        const kept = changed(now, left.mine, { version: left.theirs.version, choices: left.theirs })
        expect(kept).toEqual({ ...now, ...left.mine, version: 4 })
      }),
      { seed: 20261120, numRuns: 500 },
    )
  })
})
