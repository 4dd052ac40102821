import type { Tile } from "@paceline/client-sdk"
import { AthleteId } from "@paceline/core/contract"
import { expect, it } from "vitest"
import { ordered, orderOf } from "./TileOrder.ts"

const tile = (athleteId: string, alias: string, effortPoints: number): Tile => ({
  athleteId: AthleteId.make(athleteId),
  alias,
  heartRateBpm: null,
  percentOfMax: null,
  zone: null,
  heartRateVisible: true,
  effortPoints,
  contact: "live",
  sensedAtMs: null,
})

const tiles = [tile("1", "mara", 5), tile("2", "Rider 10", 9), tile("3", "Élodie", 5), tile("4", "rider 9", 7)]
const ids = (order: string | null) => ordered(tiles, orderOf(order)).map(({ athleteId }) => athleteId)

it("is the order of joining, unless it is asked for otherwise", () => {
  expect(ids(null)).toEqual(["1", "2", "3", "4"])
  expect(ids("rank")).toEqual(["1", "2", "3", "4"])
})

it("by name reads as a person would sort it", () => {
  expect(ids("name")).toEqual(["3", "1", "4", "2"])
})

it("by effort is best first, and equals keep the order of joining", () => {
  expect(ids("effort")).toEqual(["2", "4", "1", "3"])
})
