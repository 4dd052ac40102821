import type { Profile, ProfileChoices } from "@paceline/client-sdk"
import { AthleteId } from "@paceline/core/contract"
import { HeartRateZone } from "@paceline/core/kernel"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as ProfileConflict from "./ProfileConflict.ts"
import * as Form from "./ProfileForm.ts"

const profile: Profile = {
  athleteId: AthleteId.make("ann"),
  alias: "Ann",
  heartRateVisible: true,
  maxHeartRateBpm: 188,
  version: 4,
}

const valid = (form: Form.ProfileForm) => {
  const checked = Form.check(form)
  if (checked._tag === "Invalid") throw new Error(JSON.stringify(checked.form.faults))
  return checked
}

const faultsOf = (change: Partial<Form.Draft>) => Form.check(Form.edit(Form.begin(profile), change)).form.faults

describe("the form", () => {
  it("sends what was chosen, from the version that was read", () => {
    const form = Form.edit(Form.begin(profile), { alias: "  Anna ", heartRateVisible: false, maxHeartRateBpm: "190" })
    expect(Form.isChanged(form)).toBe(true)
    const { choices, form: saving, seen } = valid(form)
    expect(choices).toEqual({ alias: "Anna", heartRateVisible: false, maxHeartRateBpm: 190 })
    expect(seen).toBe(profile)
    expect(saving.phase).toBe("saving")
  })

  it("is unchanged when only spaces differ, or when all was changed back", () => {
    expect(Form.isChanged(Form.edit(Form.begin(profile), { alias: " Ann " }))).toBe(false)
    const there = Form.edit(Form.begin(profile), { heartRateVisible: false })
    expect(Form.isChanged(there)).toBe(true)
    expect(Form.isChanged(Form.edit(there, { heartRateVisible: true }))).toBe(false)
  })

  it.each([
    [{ alias: "   " }, "alias"],
    [{ alias: "x".repeat(25) }, "alias"],
    [{ maxHeartRateBpm: "" }, "maxHeartRateBpm"],
    [{ maxHeartRateBpm: "99" }, "maxHeartRateBpm"],
    [{ maxHeartRateBpm: "241" }, "maxHeartRateBpm"],
    [{ maxHeartRateBpm: "180.5" }, "maxHeartRateBpm"],
    [{ maxHeartRateBpm: "fast" }, "maxHeartRateBpm"],
  ])("finds what is wrong before it is sent: %j", (change, field) => {
    expect(Object.keys(faultsOf(change))).toEqual([field])
  })

  it("accepts the bounds themselves", () => {
    expect(faultsOf({ alias: "x".repeat(24), maxHeartRateBpm: "100" })).toEqual({})
    expect(faultsOf({ maxHeartRateBpm: "240" })).toEqual({})
  })

  it("forgets what was wrong as soon as something is changed", () => {
    const { form } = Form.check(Form.edit(Form.begin(profile), { alias: "" }))
    expect(Form.edit(form, { alias: "A" }).faults).toEqual({})
  })

  it("shows the server's word at the field that it is about, or else for the whole", () => {
    const form = Form.begin(profile)
    const issues = [{ path: "alias", message: "Taken." }]
    expect(Form.failed(form, "Not accepted.", issues)).toMatchObject({ faults: { alias: "Taken." }, problem: null })
    expect(Form.failed(form, "The server is away.")).toMatchObject({ faults: {}, problem: "The server is away." })
  })
})

describe("a profile that was changed elsewhere meanwhile", () => {
  const theirs = { ...profile, alias: "Anna", heartRateVisible: false, version: 6 }
  const mine = { alias: "Annie", heartRateVisible: false, maxHeartRateBpm: 190 }
  const conflicted = () => {
    const form = Form.edit(Form.begin(profile), { alias: "Annie", maxHeartRateBpm: "190" })
    return Form.conflicted(valid(form).form, { fields: ["alias"], mine, theirs })
  }

  it("sends nothing before the athlete has chosen", () => {
    const form = conflicted()
    expect(form).toMatchObject({ phase: "editing", conflict: { fields: ["alias"], picks: {} } })
    expect(Form.check(form)).toEqual({ _tag: "Invalid", form })
  })

  it.each([
    ["mine", "Annie"],
    ["theirs", "Anna"],
  ] as const)("sends what was chosen, %s, from what stands there, and the rest as it was merged", (side, alias) => {
    const { choices, form, seen } = valid(Form.pick(conflicted(), "alias", side))
    expect(choices).toEqual({ alias, heartRateVisible: false, maxHeartRateBpm: 190 })
    expect(seen).toBe(theirs)
    const done = Form.saved(form, { ...theirs, ...choices, version: 7 })
    expect(done).toMatchObject({ phase: "saved", conflict: null, isMerged: false, draft: { alias } })
  })

  it("asks anew when it was changed once more", () => {
    const { form } = valid(Form.pick(conflicted(), "alias", "mine"))
    const again = Form.conflicted(form, { fields: ["alias"], mine, theirs: { ...theirs, alias: "Ann", version: 7 } })
    expect(again.conflict).toMatchObject({ theirs: { alias: "Ann" }, picks: {} })
  })

  it("keeps the choice when saving it fails", () => {
    const { form } = valid(Form.pick(conflicted(), "alias", "mine"))
    expect(Form.failed(form, "The server is away.")).toMatchObject({
      phase: "editing",
      problem: "The server is away.",
      conflict: { picks: { alias: "mine" } },
    })
  })

  it("says so when what was saved has more in it than was changed here", () => {
    const { form } = valid(Form.edit(Form.begin(profile), { alias: "Annie" }))
    expect(Form.saved(form, { ...profile, alias: "Annie", version: 5 }).isMerged).toBe(false)
    expect(Form.saved(form, { ...profile, alias: "Annie", maxHeartRateBpm: 190, version: 6 })).toMatchObject({
      isMerged: true,
      draft: { alias: "Annie", maxHeartRateBpm: "190" },
    })
  })
})

describe("both values of a field", () => {
  it("are told in words", () => {
    const values = (choices: ProfileChoices) =>
      (["alias", "heartRateVisible", "maxHeartRateBpm"] as const).map(
        (field) => `${ProfileConflict.nameOf(field)}: ${ProfileConflict.inWords(field, choices)}`,
      )
    expect(values(profile)).toEqual([
      "Name on the wall: Ann",
      "My heart rate: shown",
      "Highest heart rate: 188 beats a minute",
    ])
    expect(values({ ...profile, heartRateVisible: false })[1]).toBe("My heart rate: hidden")
  })
})

it("the zones begin where the kernel says that they do", () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 240 }), (max) => {
      for (const [index, start] of Form.zoneStarts(max).entries()) {
        expect(HeartRateZone.of(start, max)).toBe(index + 1)
        expect(HeartRateZone.of(start - 1, max)).toBe(index)
      }
    }),
    { seed: 5 },
  )
})
