import { describe, expect, it } from "@effect/vitest"
import { Cron, Either } from "effect"
import * as ZoneOffset from "../streams/ZoneOffset.ts"
import * as ZonedTimes from "./ZonedTimes.ts"

/** The wall-clock times of a cron expression: in UTC nothing is missing and nothing comes twice. */
const wall = (expression: string): ZonedTimes.WallTimes => {
  const cron = Either.getOrThrow(Cron.parse(expression, "UTC"))
  return (from) => Cron.next(cron, new Date(from - 1)).getTime()
}

const times = (expression: string, repeat: ZonedTimes.Repeat, zone: string, after: string, count: number) => {
  const found: Array<string> = []
  let at = Date.parse(after)
  for (let i = 0; i < count; i++) {
    const next = ZonedTimes.next(wall(expression), repeat, zone, at, ZoneOffset.offsetMinutes)
    at = next!
    found.push(new Date(at).toISOString().slice(5, 16))
  }
  return found
}

describe("ZonedTimes", () => {
  it("[log 35] in spring, a time that is missing comes as long after the change as it would have without it", () => {
    // Berlin's clocks go from 02:00 to 03:00 at 01:00Z on 29 March.
    expect(times("30 2 * * *", "once", "Europe/Berlin", "2026-03-27T12:00Z", 3)).toEqual([
      "03-28T01:30",
      "03-29T01:30",
      "03-30T00:30",
    ])
    expect(times("*/15 2 * * *", "once", "Europe/Berlin", "2026-03-28T12:00Z", 5)).toEqual([
      "03-29T01:00",
      "03-29T01:15",
      "03-29T01:30",
      "03-29T01:45",
      "03-30T00:00",
    ])
    // New York: at 07:00Z on 8 March.
    expect(times("30 2 * * *", "once", "America/New_York", "2026-03-07T12:00Z", 2)).toEqual([
      "03-08T07:30",
      "03-09T06:30",
    ])
    // Lord Howe goes forward by half an hour only, from 02:00 to 02:30 at 15:30Z on 3 October.
    expect(times("15 2 * * *", "once", "Australia/Lord_Howe", "2026-10-02T20:00Z", 2)).toEqual([
      "10-03T15:45",
      "10-04T15:15",
    ])
  })

  it("[log 35] in spring, a time that is missing and one that is there at the same instant are one", () => {
    expect(times("30 2,3 * * *", "once", "Europe/Berlin", "2026-03-28T12:00Z", 3)).toEqual([
      "03-29T01:30",
      "03-30T00:30",
      "03-30T01:30",
    ])
    // The one that is there may come before the one that is missing.
    expect(times("45 2 * * *", "once", "Europe/Berlin", "2026-03-29T01:10Z", 1)).toEqual(["03-29T01:45"])
  })

  it("[log 35] in autumn, a time of the day that comes twice is taken the first time only", () => {
    expect(times("30 2 * * *", "once", "Europe/Berlin", "2026-10-23T12:00Z", 3)).toEqual([
      "10-24T00:30",
      "10-25T00:30",
      "10-26T01:30",
    ])
    expect(times("30 1 * * *", "once", "America/New_York", "2026-10-31T12:00Z", 2)).toEqual([
      "11-01T05:30",
      "11-02T06:30",
    ])
    expect(times("45 1 * * *", "once", "Australia/Lord_Howe", "2026-04-03T20:00Z", 2)).toEqual([
      "04-04T14:45",
      "04-05T15:15",
    ])
    // Asked in the middle of the hour that comes twice, it does not go back.
    expect(times("30 2 * * *", "once", "Europe/Berlin", "2026-10-25T01:05Z", 1)).toEqual(["10-26T01:30"])
  })

  it("[log 35] what goes on all the time goes on through the hour that comes twice, and through the one that is missing", () => {
    expect(times("*/30 * * * *", "each", "Europe/Berlin", "2026-10-24T23:59Z", 5)).toEqual([
      "10-25T00:00",
      "10-25T00:30",
      "10-25T01:00",
      "10-25T01:30",
      "10-25T02:00",
    ])
    expect(times("*/30 * * * *", "each", "Europe/Berlin", "2026-03-29T00:01Z", 3)).toEqual([
      "03-29T00:30",
      "03-29T01:00",
      "03-29T01:30",
    ])
    expect(times("*/15 * * * *", "each", "Australia/Lord_Howe", "2026-04-04T14:40Z", 5)).toEqual([
      "04-04T14:45",
      "04-04T15:00",
      "04-04T15:15",
      "04-04T15:30",
      "04-04T15:45",
    ])
    expect(times("0 * * * *", "each", "America/New_York", "2026-11-01T03:59Z", 4)).toEqual([
      "11-01T04:00",
      "11-01T05:00",
      "11-01T06:00",
      "11-01T07:00",
    ])
  })

  it("finds what comes once in four years, and in a zone that left out a date", () => {
    expect(times("0 6 29 2 *", "once", "Europe/Berlin", "2025-01-01T00:00Z", 1)).toEqual(["02-29T05:00"])
    // Samoa had no 30 December 2011: what was due then comes a day later by the clocks, at the same instant.
    expect(times("0 12 30 12 *", "once", "Pacific/Apia", "2011-12-30T00:00Z", 1)).toEqual(["12-30T22:00"])
  })

  it("[log 35] gives every matching time of each day once, over two years, in zones that change", () => {
    for (const zone of [
      "Europe/Berlin",
      "America/New_York",
      "Australia/Lord_Howe",
      "Asia/Kolkata",
      "Africa/Casablanca",
    ]) {
      let at = Date.parse("2025-12-31T00:00Z")
      const end = Date.parse("2027-12-31T00:00Z")
      const perDay = new Map<string, number>()
      while (at < end) {
        at = ZonedTimes.next(wall("30 1,2 * * *"), "once", zone, at, ZoneOffset.offsetMinutes)!
        const offset = ZoneOffset.offsetMinutes(zone, at) * 60_000
        const day = new Date(at + offset).toISOString().slice(0, 10)
        perDay.set(day, (perDay.get(day) ?? 0) + 1)
      }
      const days = [...perDay].slice(1, -1)
      expect(days.length).toBeGreaterThan(725)
      expect(days.filter(([, count]) => count !== 2)).toEqual([])
    }
  })
})
