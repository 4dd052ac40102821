import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as SameActivity from "./SameActivity.ts"
import * as Trace from "./Trace.ts"

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const T = 1_700_000_000_000

/** A heart rate that nobody has twice: intervals of changing length, by a seed. */
const heart = (seed: number) => (atMs: number) =>
  140 + 25 * Math.sin(atMs / 97_000 + seed) + 12 * Math.sin(atMs / 31_000 + seed * 7) + 8 * Math.cos(atMs / 411_000)

/** As one device records it: from `startMin` for `minutes`, by a clock that is `skewMs` ahead. */
const recording = (
  id: string,
  startMin: number,
  minutes: number,
  { seed = 1, skewMs = 0, sport = null }: { seed?: number; skewMs?: number; sport?: string | null } = {},
): SameActivity.Recording => {
  const true0 = T + startMin * MINUTE
  const times = Array.from({ length: minutes * 60 }, (_, i) => true0 + i * 1000)
  const at = times.map((atMs) => atMs + skewMs)
  const heartRate = Trace.of(at, times.map(heart(seed)))
  const [startedAtMs, endedAtMs] = [true0 + skewMs, true0 + minutes * MINUTE + skewMs]
  return { id, startedAtMs, endedAtMs, sport, heartRate, speed: null }
}

const bare = (one: SameActivity.Recording): SameActivity.Recording => ({ ...one, heartRate: null })

describe("two recordings", () => {
  test("that overlap are the same activity, and the verdict says for how long", () => {
    const verdict = SameActivity.compare(bare(recording("a", 0, 45)), bare(recording("b", 1, 45)))
    expect(verdict).toMatchObject({ same: true, why: "overlap", shiftMillis: 0 })
    expect(verdict.reason).toBe("they overlap for 44:00 of 45:00 min (98 %)")
  })

  test("of which one is a part of the other are the same: a phone that was stopped and started again", () => {
    const verdict = SameActivity.compare(bare(recording("watch", 0, 60)), bare(recording("phone", 25, 20)))
    expect(verdict).toMatchObject({ same: true, why: "within", confidence: 1 })
  })

  test("of which one is longer than any activity are two, or it would have all others within it", () => {
    const watch = bare(recording("watch", 0, 60))
    const forever = { ...watch, id: "forever", startedAtMs: 0 }
    expect(SameActivity.compare(watch, forever)).toEqual({
      same: false,
      why: "length",
      reason: "one is longer than two days",
    })
    const twoDays = { ...watch, id: "long", startedAtMs: watch.endedAtMs - 48 * HOUR }
    expect(SameActivity.compare(watch, twoDays)).toMatchObject({ same: true, why: "overlap" })
    expect(SameActivity.compare(watch, { ...twoDays, startedAtMs: twoDays.startedAtMs - 1 }).same).toBe(false)
  })

  test("that follow each other, or only touch, are two", () => {
    const first = bare(recording("a", 0, 45))
    expect(SameActivity.compare(first, bare(recording("b", 45, 45)))).toMatchObject({ same: false, why: "apart" })
    const touching = SameActivity.compare(first, bare(recording("b", 30, 45)))
    expect(touching).toEqual({ same: false, why: "apart", reason: "they overlap for 15:00 min only" })
    const later = SameActivity.compare(first, bare(recording("b", 105, 45)))
    expect(later.reason).toBe("60:00 min lie between them")
  })

  test("of sports that cannot be meant by each other are two; words of one family, and unknown ones, are none's hindrance", () => {
    const of = (a: string | null, b: string | null) =>
      SameActivity.compare(bare(recording("a", 0, 45, { sport: a })), bare(recording("b", 0, 45, { sport: b })))
    expect(of("running", "cycling")).toEqual({
      same: false,
      why: "sport",
      reason: "one is running, the other cycling",
    })
    for (const [a, b] of [
      ["running", "treadmill"],
      ["Ride", "indoor_cycling"],
      ["training", "rowing"],
      [null, "swim"],
    ] as const) {
      expect(of(a, b).same).toBe(true)
    }
  })

  test("with a clock that is minutes off are found by their heart rates, also where the times hardly overlap", () => {
    const verdict = SameActivity.compare(recording("a", 0, 12), recording("b", 0, 12, { skewMs: 8 * MINUTE }))
    expect(verdict).toMatchObject({ same: true, why: "clock", shiftMillis: -8 * MINUTE })
    expect(verdict.same && verdict.confidence).toBeLessThan(0.75)
    expect(verdict.reason).toMatch(/heart rate of both agrees \(100 %\) when one clock is moved by 8:00 min/)
    const without = SameActivity.compare(
      bare(recording("a", 0, 12)),
      bare(recording("b", 0, 12, { skewMs: 8 * MINUTE })),
    )
    expect(without.same).toBe(false)
  })

  test("that overlap are laid over each other by their heart rates", () => {
    const verdict = SameActivity.compare(recording("a", 0, 45), recording("b", 0, 45, { skewMs: 2 * MINUTE }))
    expect(verdict).toMatchObject({ same: true, why: "overlap", shiftMillis: -2 * MINUTE })
  })

  test.each([1, -2, 5.5, 12, -13.5])(
    "whose zones are %d h apart are the same only if the heart rates agree",
    (hours) => {
      const skewMs = hours * HOUR + 90_000
      const verdict = SameActivity.compare(recording("a", 0, 45), recording("b", 1, 44, { skewMs }))
      expect(verdict).toMatchObject({ same: true, why: "zone", shiftMillis: -skewMs })
      expect(verdict.reason).toContain(`moved by ${Math.abs(hours)} h`)
      expect(SameActivity.compare(recording("a", 0, 45), recording("b", 1, 44, { skewMs, seed: 4 })).same).toBe(false)
    },
  )

  test("that are alike but no time zone apart are two: the same training plan twice a day", () => {
    const skewMs = 3 * HOUR + 13 * MINUTE
    expect(SameActivity.compare(recording("a", 0, 45), recording("b", 0, 45, { skewMs })).same).toBe(false)
  })

  test("of an even heart rate prove nothing by it", () => {
    const even = (id: string, skewMs: number) => {
      const one = recording(id, 0, 45, { skewMs })
      return { ...one, heartRate: one.heartRate && { ...one.heartRate, means: one.heartRate.means.map(() => 120) } }
    }
    expect(SameActivity.compare(even("a", 0), even("b", HOUR)).same).toBe(false)
  })

  test("are judged the same whichever is asked first, and each is itself", () => {
    const any = fc
      .record({
        id: fc.constantFrom("a", "b", "c"),
        start: fc.integer({ min: 0, max: 120 }),
        minutes: fc.integer({ min: 0, max: 60 }),
        skew: fc.constantFrom(0, 2 * MINUTE, HOUR),
        seed: fc.constantFrom(1, 2),
      })
      .map(({ id, minutes, seed, skew, start }) => recording(id, start, minutes, { seed, skewMs: skew }))
    fc.assert(
      fc.property(any, any, (a, b) => {
        const [one, other] = [SameActivity.compare(a, b), SameActivity.compare(b, a)]
        if (a.id === b.id && a.startedAtMs === b.startedAtMs) return
        expect({ ...one, shiftMillis: null }).toEqual({ ...other, shiftMillis: null })
        if (one.same && other.same) expect(one.shiftMillis + other.shiftMillis).toBe(0)
        if (a.endedAtMs > a.startedAtMs) expect(SameActivity.compare(a, { ...a, id: "z" }).same).toBe(true)
      }),
      { seed: 20261120, numRuns: 150 },
    )
  })
})
