import { SensorName } from "@paceline/core/contract"
import { describe, expect, it } from "vitest"
import { dayOf, lengthOf, localeOf, pointsOf, sourcesOf, summaryOf } from "./ActivityWords.ts"

/** A moment in the zone of this machine, whatever that is. */
const at = (year: number, month: number, day: number, hour: number) => new Date(year, month - 1, day, hour).getTime()

describe("the day", () => {
  const now = at(2026, 11, 20, 9)
  it.each([
    [at(2026, 11, 20, 0), "Today"],
    [at(2026, 11, 19, 23), "Yesterday"],
    [at(2026, 11, 19, 0), "Yesterday"],
    [at(2026, 11, 18, 23), "Wed 18 Nov"],
    [at(2025, 11, 20, 9), "Thu 20 Nov 2025"],
  ])("of %i is %s", (atMs, day) => {
    expect(dayOf(atMs, now, "en-GB").replaceAll(",", "")).toBe(day)
  })

  it("before the first of March is the last of February", () => {
    expect(dayOf(at(2026, 2, 28, 12), at(2026, 3, 1, 12), "en-GB")).toBe("Yesterday")
  })

  it("is written in English, as its reader writes it", () => {
    expect([localeOf("en-US"), localeOf("de-DE"), localeOf("")]).toEqual(["en-US", "en-GB", "en-GB"])
  })
})

it.each([
  [45_400, "45 s"],
  [60_000, "1 min"],
  [47 * 60_000 + 10_000, "47 min"],
  [59 * 60_000 + 40_000, "1 h"],
  [125 * 60_000, "2 h 05 min"],
  [80 * 3_600_000, "80 h"],
  [-5, "0 s"],
])("%i ms are %s", (millis, words) => {
  expect(lengthOf(millis)).toBe(words)
})

it.each([
  [["watch", "phone"], "watch and phone"],
  [["strap", "watch", "file"], "strap, watch and file"],
  [["watch", "watch"], "2 watches"],
  [["strap", "phone", "phone", "unknown"], "strap, 2 phones and another device"],
  [[], ""],
] as const)("sources %j are %j", (sources, words) => {
  const recordings = sources.map((source, i) => ({ source, deviceId: null, sensor: SensorName.make(`sensor-${i}`) }))
  expect(sourcesOf(recordings)).toBe(words)
})

it("a watch that was stopped and started again is one watch", () => {
  const watch = { source: "watch", deviceId: null, sensor: SensorName.make("watch") } as const
  expect(sourcesOf([{ ...watch, source: "strap" }, watch, watch])).toBe("strap and watch")
})

it("one point is one point", () => {
  expect([0, 1, 2].map(pointsOf)).toEqual(["0 points", "1 point", "2 points"])
})

it("the summary says what the picture shows, and where it shows nothing", () => {
  const all = { atMs: 0, samples: 9, min: 98.2, mean: 141.6, max: 176 }
  const whole = "Over 47 min your heart beat 98 to 176 times a minute, 142 on average."
  expect(summaryOf(all, [], 47 * 60_000)).toBe(whole)
  expect(summaryOf(all, [{ fromMs: 0, toMs: 200_000 }], 47 * 60_000)).toBe(
    `${whole} For 3:20 nothing was heard, in one place: there the line is broken.`,
  )
})
