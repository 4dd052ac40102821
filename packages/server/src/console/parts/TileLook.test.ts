import type { Tile } from "@paceline/client-sdk"
import { AthleteId } from "@paceline/core/contract"
import { expect, it } from "vitest"
import { aliasFit, lookOf } from "./TileLook.ts"

const tile = (change: Partial<Tile>): Tile => ({
  athleteId: AthleteId.make("ann"),
  alias: "Ann",
  heartRateBpm: 140,
  percentOfMax: 75,
  zone: 3,
  heartRateVisible: true,
  effortPoints: 12,
  contact: "live",
  sensedAtMs: 1,
  ...change,
})

const hidden = { heartRateVisible: false, heartRateBpm: null, percentOfMax: null, zone: null } as const
const unread = { heartRateBpm: null, percentOfMax: null, zone: null, sensedAtMs: null } as const

it.each([
  ["a fresh reading shows its zone", {}, "zone"],
  ["zone 0 is a zone", { zone: 0 }, "zone"],
  ["an older reading is stale", { contact: "stale" }, "stale"],
  ["without contact there is no number to believe", { contact: "lost" }, "lost"],
  ["a workout that ended is finished, whatever else is true", { ...hidden, contact: "finished" }, "finished"],
  ["who hides the heart rate is private", hidden, "private"],
  ["who hides the heart rate and is not heard has no signal", { ...hidden, contact: "lost" }, "lost"],
  ["before the first reading the tile waits", { ...unread, contact: "lost" }, "waiting"],
  ["also for who hides the heart rate", { ...hidden, sensedAtMs: null }, "waiting"],
] as const)("%s", (_title, change, look) => {
  expect(lookOf(tile(change))).toBe(look)
})

it("an alias is measured by its letters, not by its code units, and stands in two lines when it is long", () => {
  expect(aliasFit("🚴🚴🚴🚴🚴🚴🚴🚴🚴")).toEqual({ letters: 9, lines: 1 })
  expect(aliasFit("Maximiliana")).toEqual({ letters: 11, lines: 1 })
  expect(aliasFit("Maximiliana von Trapp").lines).toBe(2)
  expect(aliasFit("")).toEqual({ letters: 1, lines: 1 })
})
