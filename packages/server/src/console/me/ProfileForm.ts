/**
 * The form in which an athlete changes their profile, as a pure state: what was saved, what is being chosen, and
 * what is in the way.
 *
 * Two phones may change the same profile. Then nothing is overwritten unseen: the form keeps what was chosen here,
 * shows what stands there now, and lets the athlete decide.
 *
 * @example
 * let form = begin(profile)
 * form = edit(form, { alias: "Mara" })
 * const checked = check(form) // the change to send, or the form with what is wrong
 */
import type { Profile, ProfileChange } from "@paceline/client-sdk"

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
  /** What was changed elsewhere meanwhile, until the athlete has decided. */
  readonly elsewhere: Profile | null
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
  elsewhere: null,
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
  | { readonly _tag: "Valid"; readonly change: ProfileChange; readonly form: ProfileForm }
  | { readonly _tag: "Invalid"; readonly form: ProfileForm }

export const check = (form: ProfileForm): Checked => {
  const alias = form.draft.alias.trim()
  const maxHeartRateBpm = Number(form.draft.maxHeartRateBpm.trim() || Number.NaN)
  const faults = { ...aliasFault(alias), ...maxFault(maxHeartRateBpm) }
  if (Object.keys(faults).length > 0) return { _tag: "Invalid", form: { ...form, faults } }
  const { heartRateVisible } = form.draft
  const { version } = form.elsewhere ?? form.saved
  return {
    _tag: "Valid",
    change: { alias, heartRateVisible, maxHeartRateBpm, version },
    form: { ...form, phase: "saving", faults: {}, problem: null },
  }
}

export const saved = (profile: Profile): ProfileForm => ({ ...begin(profile), phase: "saved" })

/** Someone changed the profile elsewhere; `now` is what it says there. */
export const conflicted = (form: ProfileForm, now: Profile): ProfileForm => {
  const settled = { ...form, saved: now, phase: "editing" as const }
  // Both chose the same: there is nothing to decide.
  return isChanged(settled) ? { ...settled, elsewhere: now } : saved(now)
}

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
