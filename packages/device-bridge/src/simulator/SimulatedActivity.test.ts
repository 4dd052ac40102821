import { createHash } from "node:crypto"
import { Bundle } from "@paceline/core/wire"
import { describe, expect, test } from "vitest"
import { streamOf } from "../files/Recording.ts"
import { aliases, aliasOf, athleteOf } from "./Athlete.ts"
import { type SimulatedActivity, simulateAthlete } from "./SimulatedActivity.ts"

const CLASS = 60
const HOUR = 3_600

/** A class of sixty for an hour, made once. */
const everybody: ReadonlyArray<SimulatedActivity> = Array.from({ length: CLASS }, (_, i) =>
  simulateAthlete({ seed: 1_000 + i, seconds: HOUR }),
)

const values = (activity: SimulatedActivity, kind: Parameters<typeof streamOf>[1]): ReadonlyArray<number> =>
  streamOf(activity, kind)?.values ?? []

const times = (activity: SimulatedActivity, kind: Parameters<typeof streamOf>[1]): ReadonlyArray<number> =>
  streamOf(activity, kind)?.atMillis ?? []

const mean = (numbers: ReadonlyArray<number>): number => numbers.reduce((sum, x) => sum + x, 0) / numbers.length

const deviation = (numbers: ReadonlyArray<number>): number => {
  const middle = mean(numbers)
  return Math.sqrt(mean(numbers.map((x) => (x - middle) ** 2)))
}

const percentOfMax = ({ athlete }: SimulatedActivity, bpm: number): number => (100 * bpm) / athlete.maxHeartRateBpm

const zoneAt = (activity: SimulatedActivity, second: number): number =>
  Math.max(0, Math.min(5, Math.floor(percentOfMax(activity, values(activity, "heartRate")[second] ?? 0) / 10) - 4))

describe("a simulated activity", () => {
  test("is fixed by its seed, in every engine and for ever", () => {
    const { streams } = simulateAthlete({ seed: 7, seconds: 600, startedAtMs: 1_767_225_600_000 })
    expect(createHash("sha256").update(JSON.stringify(streams)).digest("hex")).toBe(
      "8628fadfe04afd7cdea543878ff6dede87e43dbc5107cd9f1cdef292691a1603",
    )
  })

  test("differs from seed to seed", () => {
    const heartRates = everybody.map((activity) => values(activity, "heartRate").slice(0, 600).join())
    expect(new Set(heartRates).size).toBe(CLASS)
  })

  test("measures everything every second, and every beat", () => {
    const activity = simulateAthlete({ seed: 3, seconds: 90, startedAtMs: 5_000 })
    expect(activity).toMatchObject({ startedAtMs: 5_000, durationMs: 89_000 })
    for (const kind of ["heartRate", "latitude", "longitude", "speed", "power", "cadence", "distance"] as const) {
      expect(times(activity, kind)).toEqual(Array.from({ length: 90 }, (_, second) => 5_000 + 1_000 * second))
      expect(values(activity, kind)).toHaveLength(90)
    }
    expect(values(activity, "rrInterval").length).toBeGreaterThan(80)
  })

  test("of one second is a heart rate and a place", () => {
    const activity = simulateAthlete({ seed: 3, seconds: 1 })
    expect(activity.durationMs).toBe(0)
    expect(values(activity, "heartRate")).toHaveLength(1)
  })

  test("is carried by the telemetry codec in whole counts: small and exact", () => {
    for (const { streams } of everybody.slice(0, 5)) {
      for (const stream of streams) {
        const block = { sensor: "strap", ...stream }
        const bytes = Bundle.encode([block])
        expect(Bundle.decode(bytes)).toStrictEqual([block])
        expect(bytes.length / stream.values.length).toBeLessThan(4)
      }
    }
  })

  test.each([
    { seed: 1.5, seconds: 60 },
    { seed: 1, seconds: 0 },
    { seed: 1, seconds: 1.5 },
    { seed: 1, seconds: Number.POSITIVE_INFINITY },
    { seed: 1, seconds: 60, startedAtMs: Number.NaN },
  ])("refuses %j", (options) => {
    expect(() => simulateAthlete(options)).toThrow(RangeError)
  })
})

describe("the heart", () => {
  test("stays between rest and maximum", () => {
    for (const activity of everybody) {
      const heartRates = values(activity, "heartRate")
      expect(Math.min(...heartRates)).toBeGreaterThanOrEqual(activity.athlete.restingHeartRateBpm)
      expect(Math.max(...heartRates)).toBeLessThanOrEqual(activity.athlete.maxHeartRateBpm + 2)
    }
  })

  test("follows the load up faster than it recovers", () => {
    for (const { athlete } of everybody) expect(athlete.riseSeconds).toBeLessThan(athlete.fallSeconds)
    // After a hard interval the heart is still high when the legs are already easy.
    const intervals = everybody.filter(({ workout }) => workout === "intervals")
    expect(intervals.length).toBeGreaterThan(5)
    for (const activity of intervals) {
      const power = values(activity, "power")
      const heartRates = values(activity, "heartRate")
      const hard = 0.8 * activity.athlete.thresholdWatts * activity.athlete.ambition
      const ends = power.flatMap((watts, second) =>
        second > 1_000 && second < 3_000 && watts < hard && (power[second - 1] ?? 0) >= hard ? [second] : [],
      )
      expect(ends.length).toBeGreaterThan(0)
      for (const end of ends) {
        const before = heartRates[end] ?? 0
        expect(heartRates[end + 8] ?? 0).toBeGreaterThan(before - 14)
        expect(heartRates[end + 120] ?? 0).toBeLessThan(before - 10)
      }
    }
  })

  test("drifts upwards while the legs do the same", () => {
    const tempo = everybody.filter(({ workout }) => workout === "tempo")
    expect(tempo.length).toBeGreaterThan(5)
    for (const activity of tempo) {
      const beatsPerWatt = (from: number, to: number) =>
        mean(values(activity, "heartRate").slice(from, to)) / mean(values(activity, "power").slice(from, to))
      expect(beatsPerWatt(2_160, 3_240)).toBeGreaterThan(beatsPerWatt(540, 1_620))
    }
  })

  test("[bridge 34] beats are apart by exactly their RR intervals", () => {
    for (const activity of everybody) {
      const atMillis = times(activity, "rrInterval")
      const intervals = values(activity, "rrInterval")
      let sum = 0
      expect(atMillis).toEqual(intervals.map((interval) => (sum += Math.round(interval * 1_000))))
      expect(Math.min(...intervals)).toBeGreaterThan(0.25)
      expect(Math.max(...intervals)).toBeLessThan(1.6)
    }
  })

  test("the heart rate is that of the last beats: it and the RR intervals never contradict each other", () => {
    for (const activity of everybody.slice(0, 10)) {
      const atMillis = times(activity, "rrInterval")
      const intervals = values(activity, "rrInterval")
      for (const [second, shown] of values(activity, "heartRate").entries()) {
        const heard = atMillis.findLastIndex((atMs) => atMs <= second * 1_000) + 1
        const last = intervals.slice(Math.max(0, heard - 8), heard)
        if (last.length > 0) expect(Math.abs(60 / mean(last) - shown)).toBeLessThanOrEqual(0.51)
      }
    }
  })

  test("varies less from beat to beat the harder it works", () => {
    const spreads = everybody.flatMap((activity) => {
      const atMillis = times(activity, "rrInterval")
      const intervals = values(activity, "rrInterval")
      const shown = values(activity, "heartRate")
      return intervals.slice(1).map((interval, i) => ({
        step: interval - (intervals[i] ?? 0),
        percent: percentOfMax(activity, shown[Math.floor((atMillis[i] ?? 0) / 1_000)] ?? 0),
      }))
    })
    const spreadBetween = (low: number, high: number) =>
      deviation(spreads.filter(({ percent }) => percent >= low && percent < high).map(({ step }) => step))
    expect(spreadBetween(40, 55)).toBeGreaterThan(2 * spreadBetween(70, 80))
    expect(spreadBetween(70, 80)).toBeGreaterThan(1.3 * spreadBetween(90, 101))
    expect(spreadBetween(90, 101)).toBeLessThan(0.008)
  })
})

describe("the ride", () => {
  test("covers the distance that its speed says", () => {
    for (const activity of everybody.slice(0, 10)) {
      const speed = values(activity, "speed")
      const distance = values(activity, "distance")
      const travelled = speed.reduce((sum, metresPerSecond) => sum + metresPerSecond, 0)
      expect(Math.abs((distance.at(-1) ?? 0) - travelled)).toBeLessThan(0.001 * HOUR)
      expect(distance.every((metres, i) => i === 0 || metres >= (distance[i - 1] ?? 0))).toBe(true)
    }
  })

  test("moves on the map as fast as its speed says, around and around", () => {
    for (const activity of everybody.slice(0, 10)) {
      const latitude = values(activity, "latitude")
      const longitude = values(activity, "longitude")
      const speed = values(activity, "speed")
      const onMap = latitude.map((degrees, i) => {
        const north = (degrees - (latitude[i - 1] ?? degrees)) * 111_320
        const east = ((longitude[i] ?? 0) - (longitude[i - 1] ?? longitude[i] ?? 0)) * 111_320 * 0.6092
        return Math.sqrt(north * north + east * east)
      })
      // Only a corner, cut within one second, is shorter than the way around it.
      for (const [i, metres] of onMap.entries()) if (i > 0) expect(metres).toBeLessThan((speed[i] ?? 0) + 0.1)
      expect(mean(onMap.slice(1))).toBeGreaterThan(0.97 * mean(speed.slice(1)))
      expect(Math.max(...latitude) - Math.min(...latitude)).toBeLessThan(0.01)
    }
  })

  test("is one that people ride: 15 to 45 km/h, at a cadence of 55 to 110", () => {
    for (const activity of everybody) {
      expect(mean(values(activity, "speed")) * 3.6).toBeGreaterThan(15)
      expect(mean(values(activity, "speed")) * 3.6).toBeLessThan(45)
      expect(values(activity, "cadence").every((rpm) => rpm === 0 || (rpm >= 55 && rpm <= 110))).toBe(true)
    }
  })
})

describe("a class of sixty", () => {
  test("has people of all kinds, each with a name of their own", () => {
    expect(new Set(everybody.map(({ athlete }) => athlete.alias)).size).toBe(CLASS)
    const thresholds = everybody.map(({ athlete }) => athlete.thresholdWatts / athlete.weightKilograms)
    expect(Math.max(...thresholds) / Math.min(...thresholds)).toBeGreaterThan(1.8)
    expect(new Set(everybody.map(({ workout }) => workout)).size).toBe(4)
    for (const { athlete } of everybody) {
      expect(athlete.restingHeartRateBpm).toBeGreaterThanOrEqual(40)
      expect(athlete.maxHeartRateBpm).toBeGreaterThanOrEqual(150)
      expect(athlete.maxHeartRateBpm).toBeLessThanOrEqual(208)
    }
  })

  test("looks alive: at any minute of the main part they are in three zones or more, and each visits several", () => {
    for (let second = 600; second < 3_000; second += 60) {
      expect(new Set(everybody.map((activity) => zoneAt(activity, second))).size).toBeGreaterThanOrEqual(3)
    }
    for (const activity of everybody) {
      const visited = new Set(Array.from({ length: HOUR }, (_, second) => zoneAt(activity, second)))
      expect(visited.size).toBeGreaterThanOrEqual(4)
    }
  })

  test("begins in different places: some came by bicycle", () => {
    expect(new Set(everybody.map((activity) => zoneAt(activity, 0))).size).toBeGreaterThanOrEqual(2)
  })

  test("who trains does not depend on how long", () => {
    expect(simulateAthlete({ seed: 5, seconds: 60 }).athlete).toEqual(
      simulateAthlete({ seed: 5, seconds: 600 }).athlete,
    )
    expect(athleteOf(5)).toEqual(simulateAthlete({ seed: 5, seconds: 60 }).athlete)
  })

  test("has aliases for any number of people, and any seed", () => {
    expect(new Set(aliases).size).toBe(aliases.length)
    expect(new Set(Array.from({ length: 500 }, (_, i) => aliasOf(i))).size).toBe(500)
    expect(aliasOf(aliases.length)).toBe(`${aliases[0]} 2`)
    for (const seed of [-1, -68, 0, Number.MAX_SAFE_INTEGER]) expect(aliases).toContain(athleteOf(seed).alias)
  })
})
