/**
 * Two devices changed the same fields of a profile: which value stands is the athlete's to choose, field by field.
 *
 * Nothing is chosen beforehand, and nothing is sent before each field is. What only one of both changed is no question:
 * it is kept already.
 *
 * @example
 * let conflict = begin(error) // the client's `Conflict`
 * conflict = pick(conflict, "alias", "theirs")
 * const chosen = resolved(conflict) // null until all is chosen
 */
import type { Conflict, Profile, ProfileChoices, ProfileField } from "@paceline/client-sdk"

/** Mine is what was chosen here, theirs what stands on the server. */
export type Side = "mine" | "theirs"

export interface ProfileConflict {
  readonly fields: ReadonlyArray<ProfileField>
  readonly mine: ProfileChoices
  readonly theirs: Profile
  readonly picks: { readonly [F in ProfileField]?: Side }
}

export const begin = ({ fields, mine, theirs }: Pick<Conflict, "fields" | "mine" | "theirs">): ProfileConflict => ({
  fields,
  mine,
  theirs,
  picks: {},
})

export const pick = (conflict: ProfileConflict, field: ProfileField, side: Side): ProfileConflict => ({
  ...conflict,
  picks: { ...conflict.picks, [field]: side },
})

/** What to send, from what was seen; null while a field is not chosen yet. */
export const resolved = ({ fields, mine, picks, theirs }: ProfileConflict): ProfileChoices | null => {
  if (fields.some((field) => picks[field] === undefined)) return null
  const from = (field: ProfileField) => (picks[field] === "theirs" ? theirs : mine)
  return {
    alias: from("alias").alias,
    heartRateVisible: from("heartRateVisible").heartRateVisible,
    maxHeartRateBpm: from("maxHeartRateBpm").maxHeartRateBpm,
  }
}

/** What a field is called on the page. */
export const nameOf = (field: ProfileField): string => {
  switch (field) {
    case "alias":
      return "Name on the wall"
    case "heartRateVisible":
      return "My heart rate"
    case "maxHeartRateBpm":
      return "Highest heart rate"
  }
}

/** A field's value in words. */
export const inWords = (field: ProfileField, choices: ProfileChoices): string => {
  switch (field) {
    case "alias":
      return choices.alias
    case "heartRateVisible":
      return choices.heartRateVisible ? "shown" : "hidden"
    case "maxHeartRateBpm":
      return `${choices.maxHeartRateBpm} beats a minute`
  }
}
