/**
 * An athlete's profile: what others see, and what zones are computed from.
 *
 * The version counts the changes. A change names the version it was decided on; when that has moved, somebody else
 * (another phone of the same athlete) was first, and the athlete decides again with both in view.
 */
import { VersionConflict } from "@paceline/core/consistency"
import { type AthleteId, type Profile, ProfileChanged } from "@paceline/core/contract"
import { Either } from "effect"

/** What an athlete chooses. `maxHeartRateBpm` is beats a minute. */
export interface Choices {
  readonly alias: string
  readonly heartRateVisible: boolean
  readonly maxHeartRateBpm: number
}

export const create = (athleteId: AthleteId, choices: Choices): Profile => ({
  athleteId,
  alias: choices.alias,
  heartRateVisible: choices.heartRateVisible,
  maxHeartRateBpm: choices.maxHeartRateBpm,
  version: 1,
})

export const change = (
  profile: Profile,
  choices: Choices,
  expectedVersion: number,
): Either.Either<Profile, VersionConflict> =>
  profile.version === expectedVersion
    ? Either.right({ ...create(profile.athleteId, choices), version: profile.version + 1 })
    : Either.left(
        new VersionConflict({
          aggregate: "profile",
          id: profile.athleteId,
          expectedVersion,
          actualVersion: profile.version,
        }),
      )

/** What others hear of it. */
export const changed = (profile: Profile): ProfileChanged =>
  new ProfileChanged({
    athleteId: profile.athleteId,
    alias: profile.alias,
    heartRateVisible: profile.heartRateVisible,
    maxHeartRateBpm: profile.maxHeartRateBpm,
  })
