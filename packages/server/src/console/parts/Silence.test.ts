import type { Tile } from "@paceline/client-sdk"
import { AthleteId } from "@paceline/core/contract"
import { expect, it } from "vitest"
import * as Silence from "./Silence.ts"

const tile = (sensedAtMs: number | null, contact: Tile["contact"] = "live"): Tile => ({
  athleteId: AthleteId.make("ann"),
  alias: "Ann",
  heartRateBpm: 140,
  percentOfMax: 75,
  zone: 3,
  heartRateVisible: true,
  effortPoints: 12,
  contact,
  sensedAtMs,
})

const sinceAfter = (...seen: ReadonlyArray<readonly [sensedAtMs: number | null, now: number]>) => {
  let silence = Silence.none
  for (const [sensedAtMs, now] of seen) silence = Silence.heard(silence, [tile(sensedAtMs)], now)
  return silence.get("ann")?.sinceMs
}

it("a reading that was there before the screen looked says its own age", () => {
  expect(sinceAfter([1_000, 61_000])).toBe(1_000)
})

it("a reading that arrives is dated by this screen's clock, whatever the bridge's clock says", () => {
  expect(sinceAfter([1_000, 61_000], [99_000_000, 62_000])).toBe(62_000)
  expect(sinceAfter([1_000, 61_000], [5, 62_000])).toBe(62_000)
})

it("the age grows while the reading stays the same", () => {
  expect(sinceAfter([1_000, 61_000], [2_000, 62_000], [2_000, 70_000])).toBe(62_000)
})

it("no reading is from the future, and none at all has no age", () => {
  expect(sinceAfter([99_000, 61_000])).toBe(61_000)
  expect(sinceAfter([null, 61_000])).toBeNull()
  expect(sinceAfter([null, 61_000], [60_500, 61_500])).toBe(61_500)
})

it("a reading that was missed, and is old already when the screen hears of it, says its own age", () => {
  const before = Silence.heard(Silence.none, [tile(1_000)], 1_000)
  const missed = Silence.heard(before, [tile(30_000, "lost")], 60_000)
  expect(missed.get("ann")?.sinceMs).toBe(30_000)
})

it("who left is forgotten", () => {
  expect(Silence.heard(Silence.heard(Silence.none, [tile(1)], 2), [], 3).size).toBe(0)
})
