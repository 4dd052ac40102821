import type { Profile } from "@paceline/client-sdk"
import { AthleteId } from "@paceline/core/contract"
import { HeartRateZone } from "@paceline/core/kernel"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
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
    const { change, form: saving } = valid(form)
    expect(change).toEqual({ alias: "Anna", heartRateVisible: false, maxHeartRateBpm: 190, version: 4 })
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
  const now = { ...profile, alias: "Anna", version: 6 }

  it("overwrites nothing: what was chosen here stays, what stands there is shown", () => {
    const mine = Form.edit(Form.begin(profile), { alias: "Annie" })
    const form = Form.conflicted(valid(mine).form, now)
    expect(form).toMatchObject({ draft: { alias: "Annie" }, elsewhere: now, phase: "editing" })
    expect(valid(form).change).toMatchObject({ alias: "Annie", version: 6 })
  })

  it("is no conflict when both chose the same", () => {
    const mine = Form.edit(Form.begin(profile), { alias: "Anna" })
    expect(Form.conflicted(valid(mine).form, now)).toEqual(Form.saved(now))
  })

  it("can be taken as it is", () => {
    const form = Form.begin(now)
    expect(form.draft.alias).toBe("Anna")
    expect(Form.isChanged(form)).toBe(false)
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
