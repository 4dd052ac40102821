/**
 * An athlete's profile: what others see, and what zones are computed from.
 *
 * The version counts the changes. A change names the version it was decided on, and what that said. Where another phone
 * of the same athlete was first, fields that only one of both changed are merged; what both changed differently is the
 * athlete's to choose, with both values in view. Nothing is overwritten that nobody has seen.
 *
 * @example
 * change(stored, { alias: "Mara", heartRateVisible: true, maxHeartRateBpm: 190 }, { version: 4, choices: whatItSaid })
 */
import {
  type AthleteId,
  type Profile,
  ProfileChanged,
  ProfileChoices,
  ProfileConflict,
  ProfileField,
} from "@paceline/core/contract"
import { Conflict } from "@paceline/core/kernel"
import { Either, Schema } from "effect"

/** What the athlete had in view when they chose. */
export interface Seen {
  readonly version: number
  /** What that version said; null where the client does not tell. Then everything that differs has to be chosen. */
  readonly choices: ProfileChoices | null
}

export const create = (athleteId: AthleteId, choices: ProfileChoices): Profile => ({
  athleteId,
  ...choicesOf(choices),
  version: 1,
})

/** The profile with the change in it: the very one that is stored, where the change changes nothing. */
export const change = (
  stored: Profile,
  choices: ProfileChoices,
  seen: Seen,
): Either.Either<Profile, ProfileConflict> => {
  if (seen.version === stored.version) return Either.right(withChoices(stored, choices))
  const resolution = Conflict.resolve(Conflict.merge(), valuesOf(stored, choices, seen))
  return resolution._tag === "Write"
    ? Either.right(withChoices(stored, decode(resolution.value)))
    : Either.left(conflict(stored, choices, seen, resolution._tag === "Ask" ? resolution.fields : []))
}

/** For a change that was overtaken again and again: both values of all that differs. */
export const overtaken = (stored: Profile, choices: ProfileChoices, seen: Seen): ProfileConflict =>
  conflict(stored, choices, seen, Conflict.differing(valuesOf(stored, choices, seen)))

/** What others hear of it. */
export const changed = (profile: Profile): ProfileChanged =>
  new ProfileChanged({ athleteId: profile.athleteId, ...choicesOf(profile) })

const conflict = (
  stored: Profile,
  choices: ProfileChoices,
  seen: Seen,
  differences: ReturnType<typeof Conflict.differing>,
): ProfileConflict =>
  new ProfileConflict({
    message:
      `The profile was changed elsewhere meanwhile: it is at version ${stored.version}, not ${seen.version}. ` +
      "Nothing was written. Choose between both values, then send that.",
    expectedVersion: seen.version,
    actualVersion: stored.version,
    fields: differences.flatMap(({ path }) => path.filter(isField)),
    mine: insisted(stored, choices, seen),
    theirs: stored,
  })

/** The choices as they would be if the athlete insists: theirs stays where the athlete chose nothing new. */
const insisted = (stored: Profile, mine: ProfileChoices, { choices: base }: Seen): ProfileChoices => {
  const theirs = choicesOf(stored)
  const pick = <F extends ProfileField>(field: F): ProfileChoices[F] =>
    base !== null && base[field] === mine[field] ? theirs[field] : mine[field]
  return {
    alias: pick("alias"),
    heartRateVisible: pick("heartRateVisible"),
    maxHeartRateBpm: pick("maxHeartRateBpm"),
  }
}

const withChoices = (stored: Profile, choices: ProfileChoices): Profile =>
  isSame(choicesOf(stored), choicesOf(choices))
    ? stored
    : { athleteId: stored.athleteId, ...choicesOf(choices), version: stored.version + 1 }

const choicesOf = ({ alias, heartRateVisible, maxHeartRateBpm }: ProfileChoices): ProfileChoices => ({
  alias,
  heartRateVisible,
  maxHeartRateBpm,
})

const valuesOf = (stored: Profile, mine: ProfileChoices, { choices: base }: Seen): Conflict.Values => ({
  base: base === null ? undefined : choicesOf(base),
  mine: choicesOf(mine),
  theirs: choicesOf(stored),
})

const isSame = Schema.equivalence(ProfileChoices)
const isField = Schema.is(ProfileField)

/** What was merged of choices is choices. */
const decode = Schema.decodeUnknownSync(ProfileChoices)
