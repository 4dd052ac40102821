import { AthleteId } from "@paceline/core/contract"
import { Either } from "effect"
import { describe, expect, it } from "vitest"
import * as Profiles from "./Model.ts"

const anna = Profiles.create(AthleteId.make("anna"), { alias: "Anna", heartRateVisible: true, maxHeartRateBpm: 190 })
const hidden = { alias: "Anka", heartRateVisible: false, maxHeartRateBpm: 184 }

describe("Profile", () => {
  it("counts its changes, and tells others of each", () => {
    const changed = Either.getOrThrow(Profiles.change(anna, hidden, 1))
    expect(changed).toEqual({ athleteId: "anna", ...hidden, version: 2 })
    expect({ ...Profiles.changed(changed) }).toMatchObject({ athleteId: "anna", ...hidden })
  })

  it("[log 2] refuses a change that was decided on another version, and names both", () => {
    const conflict = Either.getOrThrow(Either.flip(Profiles.change({ ...anna, version: 3 }, hidden, 1)))
    expect(conflict).toMatchObject({ aggregate: "profile", id: "anna", expectedVersion: 1, actualVersion: 3 })
  })
})
