/**
 * The form in which an athlete changes their profile, as a pure state: what was saved, what is being chosen, and
 * what is in the way.
 *
 * Two phones may change the same profile. Changes of different fields are both kept; of the same field both values are
 * shown (`ProfileConflict`), and nothing is saved before the athlete has chosen.
 *
 * @example
 * let form = begin(profile)
 * form = edit(form, { alias: "Mara" })
 * const checked = check(form) // what to send, or the form with what is wrong
 */
import type { Conflict, Profile, ProfileChoices, ProfileField } from "@paceline/client-sdk"
import * as ProfileConflict from "./ProfileConflict.ts"

export interface Draft {
  readonly alias: string
  readonly heartRateVisible: boolean
  /** As typed. */
  readonly maxHeartRateBpm: string
}

export interface ProfileForm {
  /** What the server holds, as far as is known; its version is what a change is made from. */
  readonly saved: Profile
  readonly draft: Draft
  readonly phase: "editing" | "saving" | "saved"
  /** What is wrong with each field, in words. */
  readonly faults: { readonly alias?: string; readonly maxHeartRateBpm?: string }
  /** What was changed elsewhere too, until the athlete has chosen. */
  readonly conflict: ProfileConflict.ProfileConflict | null
  /** What was saved last has more in it than was changed here: something from elsewhere was kept beside it. */
  readonly isMerged: boolean
  /** Why saving failed otherwise. */
  readonly problem: string | null
}

/** The bounds that the server sets, so that a slip is found before it is sent. */
export const LONGEST_ALIAS = 24
const LOWEST_MAX_BPM = 100
const HIGHEST_MAX_BPM = 240

export const begin = (saved: Profile): ProfileForm => ({
  saved,
  draft: draftOf(saved),
  phase: "editing",
  faults: {},
  conflict: null,
  isMerged: false,
  problem: null,
})

export const edit = (form: ProfileForm, change: Partial<Draft>): ProfileForm => ({
  ...form,
  draft: { ...form.draft, ...change },
  phase: "editing",
  faults: {},
  problem: null,
})

export const isChanged = ({ saved, draft }: ProfileForm): boolean => {
  const before = draftOf(saved)
  return (
    draft.alias.trim() !== before.alias ||
    draft.heartRateVisible !== before.heartRateVisible ||
    draft.maxHeartRateBpm.trim() !== before.maxHeartRateBpm
  )
}

export type Checked =
  | {
      readonly _tag: "Valid"
      /** What the choices were made from. */
      readonly seen: Profile
      readonly choices: ProfileChoices
      readonly form: ProfileForm
    }
  | { readonly _tag: "Invalid"; readonly form: ProfileForm }

/** What to send: what was typed, or in a conflict what was chosen. */
export const check = (form: ProfileForm): Checked => {
  const saving: ProfileForm = { ...form, phase: "saving", faults: {}, problem: null }
  if (form.conflict !== null) {
    const choices = ProfileConflict.resolved(form.conflict)
    return choices === null
      ? { _tag: "Invalid", form }
      : { _tag: "Valid", seen: form.conflict.theirs, choices, form: saving }
  }
  const alias = form.draft.alias.trim()
  const maxHeartRateBpm = Number(form.draft.maxHeartRateBpm.trim() || Number.NaN)
  const faults = { ...aliasFault(alias), ...maxFault(maxHeartRateBpm) }
  if (Object.keys(faults).length > 0) return { _tag: "Invalid", form: { ...form, faults } }
  const { heartRateVisible } = form.draft
  return { _tag: "Valid", seen: form.saved, choices: { alias, heartRateVisible, maxHeartRateBpm }, form: saving }
}

/** What was sent from `form` is stored. */
export const saved = (form: ProfileForm, profile: Profile): ProfileForm => {
  const { version } = form.conflict?.theirs ?? form.saved
  return { ...begin(profile), phase: "saved", isMerged: profile.version > version + 1 }
}

/** The same was changed elsewhere meanwhile: the athlete chooses. */
export const conflicted = (form: ProfileForm, conflict: Pick<Conflict, "fields" | "mine" | "theirs">): ProfileForm => ({
  ...form,
  phase: "editing",
  conflict: ProfileConflict.begin(conflict),
})

export const pick = (form: ProfileForm, field: ProfileField, side: ProfileConflict.Side): ProfileForm =>
  form.conflict === null ? form : { ...form, conflict: ProfileConflict.pick(form.conflict, field, side), problem: null }

export const failed = (
  form: ProfileForm,
  problem: string,
  issues: ReadonlyArray<{ readonly path: string; readonly message: string }> = [],
): ProfileForm => {
  const messageOf = (path: string) => issues.find((issue) => issue.path === path)?.message
  const alias = messageOf("alias")
  const maxHeartRateBpm = messageOf("maxHeartRateBpm")
  const faults = { ...(alias && { alias }), ...(maxHeartRateBpm && { maxHeartRateBpm }) }
  return { ...form, phase: "editing", faults, problem: Object.keys(faults).length > 0 ? null : problem }
}

/** The least heart rate of each zone from 1 to 5, in beats a minute. */
export const zoneStarts = (maxHeartRateBpm: number): ReadonlyArray<number> =>
  [50, 60, 70, 80, 90].map((percent) => Math.ceil((percent * maxHeartRateBpm) / 100))

const draftOf = ({ alias, heartRateVisible, maxHeartRateBpm }: Profile): Draft => ({
  alias,
  heartRateVisible,
  maxHeartRateBpm: String(maxHeartRateBpm),
})

const aliasFault = (alias: string): ProfileForm["faults"] => {
  if (alias === "") return { alias: "Choose a name for your tile." }
  if (alias.length > LONGEST_ALIAS) return { alias: `At most ${LONGEST_ALIAS} characters, so that it fits your tile.` }
  return {}
}

const maxFault = (bpm: number): ProfileForm["faults"] =>
  Number.isInteger(bpm) && bpm >= LOWEST_MAX_BPM && bpm <= HIGHEST_MAX_BPM
    ? {}
    : { maxHeartRateBpm: `A whole number from ${LOWEST_MAX_BPM} to ${HIGHEST_MAX_BPM}.` }
