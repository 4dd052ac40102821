/** The laps that are ridden, the same each time, and the plain sum that a leaderboard has to agree with. */
import type { Standing } from "./standings.ts"

export interface Lap {
  readonly rider: string
  readonly metres: number
  readonly points: number
}

/** A lap, and the identity under which its sender sends it, however often. */
export interface LapGiven {
  readonly id: string
  readonly lap: Lap
}

const RIDERS = 40

/** A small generator (mulberry32), so that every run shows the same race. */
const randoms = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let bits = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
  return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
}

export const laps = (count: number): ReadonlyArray<LapGiven> => {
  const random = randoms(7)
  return Array.from({ length: count }, (_, n) => {
    const rider = `rider-${String(1 + Math.floor(random() * RIDERS)).padStart(2, "0")}`
    const metres = 400 + Math.floor(random() * 1_600)
    return { id: `lap-${n}`, lap: { rider, metres, points: Math.floor(metres / 100) } }
  })
}

/** The standings, best first, by adding everything up. */
export const sumOf = (given: ReadonlyArray<LapGiven>): ReadonlyArray<Standing> => {
  const totals = new Map<string, Standing>()
  for (const { lap } of given) {
    const before = totals.get(lap.rider) ?? { rider: lap.rider, points: 0, metres: 0, laps: 0 }
    totals.set(lap.rider, {
      rider: lap.rider,
      points: before.points + lap.points,
      metres: before.metres + lap.metres,
      laps: before.laps + 1,
    })
  }
  return [...totals.values()].sort((a, b) => b.points - a.points || a.rider.localeCompare(b.rider))
}
