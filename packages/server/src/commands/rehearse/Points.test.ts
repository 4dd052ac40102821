import type { PointsAward, Standing } from "@paceline/core/contract"
import { AthleteId, ClassId, SessionId } from "@paceline/core/contract"
import { EffortPoints } from "@paceline/core/kernel"
import { SensorKind } from "@paceline/core/wire"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { LedgerChunk } from "./Ledger.ts"
import * as Points from "./Points.ts"

const one = (
  sensor: string,
  kind: SensorKind.SensorKind,
  ...samples: ReadonlyArray<readonly [number, number]>
): LedgerChunk["bundle"][number] => ({
  sensor,
  kind,
  atMillis: samples.map(([at]) => at),
  values: samples.map(([, value]) => value),
})

describe("the points that recorded samples are worth", () => {
  it("are the kernel's, one entry for every session that ended, by strap", () => {
    const zones = Points.effort(
      [
        {
          incarnation: "aa",
          n: 1,
          bundle: [one("s", "heartRate", [0, 100], [1000, 150]), one("t", "heartRate", [0, 120])],
        },
        {
          incarnation: "aa",
          n: 2,
          // The mark stands before the samples: it still ends the session after them.
          bundle: [one("s", "activity", [3000, SensorKind.ACTIVITY_ENDED]), one("s", "heartRate", [2000, 190])],
        },
        { incarnation: "bb", n: 1, bundle: [one("s", "heartRate", [9000, 100], [10_000, 100])] },
        { incarnation: "bb", n: 2, bundle: [one("s", "activity", [10_000, SensorKind.ACTIVITY_ENDED])] },
      ],
      () => 200,
    )
    expect([...zones]).toEqual([
      [
        "s",
        [
          [0, 1000, 0, 1000, 0, 0],
          [0, 1000, 0, 0, 0, 0],
        ],
      ],
    ])
  })

  it("are none for a strap that ended without a heart rate", () => {
    const bundle = [one("s", "power", [0, 250]), one("s", "activity", [1000, SensorKind.ACTIVITY_ENDED])]
    expect([...Points.effort([{ incarnation: "aa", n: 1, bundle }], () => 200)]).toEqual([])
  })

  it("do not depend on how the samples were cut into chunks", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 60, max: 200 }), { minLength: 1, maxLength: 50 }),
        fc.nat(),
        (rates, at) => {
          const samples = rates.map((bpm, i) => [i * 700, bpm] as const)
          const end = one("s", "activity", [rates.length * 700, SensorKind.ACTIVITY_ENDED])
          const cut = at % rates.length
          const whole = [{ incarnation: "a", n: 1, bundle: [one("s", "heartRate", ...samples), end] }]
          const pieces = [
            { incarnation: "a", n: 1, bundle: [one("s", "heartRate", ...samples.slice(0, cut))] },
            { incarnation: "b", n: 1, bundle: [one("s", "heartRate", ...samples.slice(cut))] },
            { incarnation: "b", n: 2, bundle: [end] },
          ]
          const zoneMillis = Points.effort(whole, () => 190).get("s")
          expect(Points.effort(pieces, () => 190).get("s")).toEqual(zoneMillis)
          const all = samples.reduce((e, [time, bpm]) => EffortPoints.add(e, time, bpm, 190), EffortPoints.empty)
          expect(zoneMillis).toEqual([all.zoneMillis])
        },
      ),
    )
  })
})

describe("comparing points", () => {
  const [ada, ben] = [AthleteId.make("ada"), AthleteId.make("ben")]
  const wearers = [
    { athleteId: ada, alias: "Ada", sensor: "s", maxHeartRateBpm: 200 },
    { athleteId: ben, alias: "Ben", sensor: "t", maxHeartRateBpm: 180 },
  ]
  /** Ten minutes at 150 beats a minute: zone 3 for Ada, zone 4 for Ben. */
  const rates = Array.from({ length: 601 }, (_, i) => [i * 1000, 150] as const)
  const recorded = ["s", "t"].map((sensor, i) => ({
    incarnation: "a",
    n: i + 1,
    bundle: [one(sensor, "heartRate", ...rates), one(sensor, "activity", [600_000, SensorKind.ACTIVITY_ENDED])],
  }))
  const standing = (athleteId: AthleteId, points: number): Standing => ({ athleteId, alias: "", points, workouts: 1 })
  const award = (zoneMillis: PointsAward["zoneMillis"]): PointsAward => ({
    sessionId: SessionId.make("s1"),
    classId: ClassId.make("c"),
    points: EffortPoints.points(zoneMillis),
    zoneMillis,
    explanation: "",
  })
  const adas = award([0, 0, 0, 600_000, 0, 0])
  const bens = award([0, 0, 0, 0, 600_000, 0])

  it("finds nothing when every point is right", () => {
    const found = Points.compare(recorded, wearers, [standing(ben, 40), standing(ada, 30)], (id) =>
      id === ada ? [adas] : [bens],
    )
    expect(found).toEqual({ expected: 70, awarded: 70, wrong: 0, sessionsWrong: 0, findings: [] })
  })

  it("finds points that one athlete has too many and another too few, though the sum is right", () => {
    const found = Points.compare(recorded, wearers, [standing(ben, 39), standing(ada, 31)], (id) =>
      id === ada ? [adas] : [bens],
    )
    expect(found).toMatchObject({ expected: 70, awarded: 70, wrong: 2, sessionsWrong: 0 })
    expect(found.findings).toEqual(["Ada should have 30 points and has 31", "Ben should have 40 points and has 39"])
  })

  it("finds a millisecond in the wrong zone, a session awarded twice, and one not awarded", () => {
    const right = [standing(ada, 30), standing(ben, 40)]
    const off = award([0, 0, 1, 599_999, 0, 0])
    expect(Points.compare(recorded, wearers, right, (id) => (id === ada ? [off] : [bens])).sessionsWrong).toBe(1)
    expect(Points.compare(recorded, wearers, right, (id) => (id === ada ? [adas, adas] : [bens])).sessionsWrong).toBe(1)
    expect(Points.compare(recorded, wearers, [standing(ada, 30)], (id) => (id === ada ? [adas] : []))).toMatchObject({
      wrong: 40,
      sessionsWrong: 1,
    })
  })
})
