import { AthleteId, ClassId } from "@paceline/core/contract"
import { Contact } from "@paceline/core/kernel"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Athlete } from "./Model.ts"
import * as Tile from "./Tile.ts"

const athlete: Athlete = {
  athleteId: AthleteId.make("anna"),
  alias: "Anna",
  heartRateVisible: true,
  maxHeartRateBpm: 200,
}
const classId = ClassId.make("main")
const reading = (heartRateBpm: number, sensedAtMs = 77) => ({
  athleteId: athlete.athleteId,
  classId,
  heartRateBpm,
  sensedAtMs,
})
const tileOf = (state: Tile.TileState, nowMs: number) => Tile.tileOf(state, nowMs, Contact.standard)
const fresh = Tile.empty(athlete, classId, 0)

describe("Tile", () => {
  it("shows heart rate, percent of the maximum and zone of the newest reading", () => {
    expect(tileOf(Tile.withReading(fresh, reading(164), 0), 1_000)).toEqual({
      athleteId: "anna",
      alias: "Anna",
      heartRateBpm: 164,
      percentOfMax: 82,
      zone: 4,
      heartRateVisible: true,
      effortPoints: 0,
      contact: "live",
      sensedAtMs: 77,
    })
  })

  it("grows stale, then lost, by the age of its reading; a lost tile shows no heart rate", () => {
    const state = Tile.withReading(fresh, reading(164), 0)
    const at = (nowMs: number) => tileOf(state, nowMs)
    expect([at(4_000), at(4_001), at(12_000), at(12_001)].map(({ contact }) => contact)).toEqual([
      "live",
      "stale",
      "stale",
      "lost",
    ])
    expect(at(12_000).heartRateBpm).toBe(164)
    expect(at(12_001)).toMatchObject({ heartRateBpm: null, percentOfMax: null, zone: null, sensedAtMs: 77 })
  })

  it("keeps a heart rate that its athlete does not show, whatever happens", () => {
    const hidden = { ...athlete, heartRateVisible: false }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 260 }), fc.nat(20_000), fc.boolean(), (bpm, nowMs, open) => {
        const session = { open, effortPoints: 31, maxHeartRateBpm: 200 }
        const state = Tile.withReading(Tile.withSession(Tile.empty(hidden, classId, 0), session, 0), reading(bpm), 0)
        expect(tileOf(state, nowMs)).toMatchObject({
          heartRateBpm: null,
          percentOfMax: null,
          zone: null,
          effortPoints: 31,
        })
      }),
      { seed: 20260112 },
    )
  })

  it("stays finished under further readings, and is live again when a new session begins", () => {
    const ended = { open: false, effortPoints: 40, maxHeartRateBpm: 200 }
    const finished = Tile.withReading(Tile.withSession(fresh, ended, 0), reading(120), 100)
    expect(tileOf(finished, 100)).toMatchObject({ contact: "finished", heartRateBpm: null, effortPoints: 40 })
    const again = Tile.withSession(finished, { open: true, effortPoints: 0, maxHeartRateBpm: 200 }, 200)
    expect(tileOf(Tile.withReading(again, reading(121), 200), 300)).toMatchObject({
      contact: "live",
      heartRateBpm: 121,
      effortPoints: 0,
    })
  })

  it("measures an open session's zones against the maximum it began with", () => {
    const open = { open: true, effortPoints: 1, maxHeartRateBpm: 200 }
    const state = Tile.withReading(Tile.withSession(fresh, open, 0), reading(160), 0)
    const changed = Tile.withAthlete(state, { ...athlete, alias: "Anka", maxHeartRateBpm: 160 })
    expect(tileOf(changed, 0)).toMatchObject({ alias: "Anka", percentOfMax: 80, zone: 4 })
    expect(
      tileOf(Tile.withAthlete(Tile.withReading(fresh, reading(160), 0), { ...athlete, maxHeartRateBpm: 160 }), 0),
    ).toMatchObject({ percentOfMax: 100, zone: 5 })
  })

  it("shows a strap that says 0 as in contact, without a heart rate", () => {
    expect(tileOf(Tile.withReading(fresh, reading(0), 0), 0)).toMatchObject({ contact: "live", heartRateBpm: null })
  })

  it("shows of several recordings at once what the best has come to, never their sum, and begins anew after all ended", () => {
    const figures = (open: boolean, effortPoints: number, startedAtMs = 1_000) => ({
      open,
      effortPoints,
      maxHeartRateBpm: 200,
      startedAtMs,
      lastAtMs: startedAtMs + 8_000,
    })
    const strap = Tile.withRecording(Tile.noRound, "strap", figures(true, 12))
    const both = Tile.withRecording(strap, "watch", figures(true, 15))
    expect(Tile.best(both)).toMatchObject({ open: true, effortPoints: 15 })
    const one = Tile.withRecording(both, "watch", figures(false, 15))
    expect(Tile.best(one)).toMatchObject({ open: true, effortPoints: 15 })
    const over = Tile.withRecording(one, "strap", figures(false, 14))
    expect(Tile.best(over)).toMatchObject({ open: false, effortPoints: 15 })
    expect(Tile.best(Tile.withRecording(over, "next", figures(true, 0, 9_001)))).toMatchObject({
      open: true,
      effortPoints: 0,
    })
  })

  it("leaves out a recording that was over before the round began, and takes in one of its time that comes late", () => {
    const open = { open: true, effortPoints: 12, maxHeartRateBpm: 200, startedAtMs: 5_000, lastAtMs: 9_000 }
    const late = { open: false, effortPoints: 84, maxHeartRateBpm: 200, startedAtMs: 1_000, lastAtMs: 4_999 }
    const now = Tile.withRecording(Tile.noRound, "strap", open)
    expect(Tile.withRecording(now, "watch", late)).toBe(now)
    const over = Tile.withRecording(now, "strap", { ...open, open: false })
    expect(Tile.withRecording(over, "watch", late)).toBe(over)
    const ofItsTime = { ...late, lastAtMs: 5_000 }
    expect(Tile.best(Tile.withRecording(now, "watch", ofItsTime))).toMatchObject({ effortPoints: 84, open: true })
    expect(Tile.best(Tile.withRecording(over, "watch", { ...ofItsTime, effortPoints: 3 }))).toMatchObject({
      effortPoints: 12,
      open: false,
    })
    expect(Tile.best(Tile.withRecording(Tile.noRound, "watch", late))).toMatchObject({ effortPoints: 84 })
  })
})
