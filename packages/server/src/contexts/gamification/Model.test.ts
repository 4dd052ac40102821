import { AthleteId, ClassId, SessionId, WorkoutCompleted } from "@paceline/core/contract"
import { EffortPoints } from "@paceline/core/kernel"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Points from "./Model.ts"

const minutes = (n: number) => n * 60_000

describe("Points", () => {
  it("are awarded for the zones of the workout", () => {
    const workout = new WorkoutCompleted({
      sessionId: SessionId.make("s"),
      athleteId: AthleteId.make("anna"),
      classId: ClassId.make("main"),
      startedAtMs: 0,
      endedAtMs: minutes(20),
      zoneMillis: [minutes(3), 0, minutes(10), 0, 270_000, 0],
      heartRateSamples: 1,
      meanHeartRateBpm: 1,
      highestHeartRateBpm: 1,
    })
    expect(Points.award(workout).points).toBe(38)
    expect(Points.explained(Points.award(workout)).explanation).toBe(
      "10:00 min in zone 2 (× 2), 4:30 min in zone 4 (× 4): 38 points",
    )
  })

  it("say so when there were none", () => {
    expect(Points.explain([minutes(9), 0, 0, 0, 0, 0])).toBe("No time in a zone: 0 points")
    expect(Points.explain([0, minutes(1), 0, 0, 0, 0])).toBe("1:00 min in zone 1 (× 1): 1 point")
  })

  it("are explained by times that, read back, give the same points to within the seconds not shown", () => {
    const zone = fc.nat(minutes(90))
    fc.assert(
      fc.property(fc.tuple(zone, zone, zone, zone, zone, zone), (zoneMillis) => {
        const text = Points.explain(zoneMillis)
        const parts = Array.from(text.matchAll(/(\d+):(\d\d) min in zone (\d)/g))
        const read = parts.reduce((sum, [, min, sec, z]) => sum + (Number(min) * 60 + Number(sec)) * Number(z), 0)
        const points = Number(/: (\d+) point/.exec(text)?.[1])
        expect(points).toBe(EffortPoints.points(zoneMillis))
        expect(read / 60).toBeGreaterThan(points - 1)
        expect(read / 60).toBeLessThan(points + 1)
      }),
      { seed: 20260112 },
    )
  })

  it("order a leaderboard the best first, and equals always the same way", () => {
    const standing = (id: string, alias: string, points: number) => ({
      athleteId: AthleteId.make(id),
      alias,
      points,
      workouts: 1,
    })
    const all = [standing("c", "Bo", 5), standing("b", "Bo", 5), standing("a", "Zoe", 9), standing("d", "Al", 5)]
    const order = (list: typeof all) => Points.inOrder(list).map(({ athleteId }) => athleteId)
    expect(order(all)).toEqual(["a", "d", "b", "c"])
    expect(order(all.toReversed())).toEqual(["a", "d", "b", "c"])
  })
})
