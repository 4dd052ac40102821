import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as CalendarWindows from "./CalendarWindows.ts"
import type { Span, WindowEvent } from "./WindowPane.ts"
import * as ZoneOffset from "./ZoneOffset.ts"

const HOUR = 3_600_000
const DAY = 24 * HOUR

const at = (iso: string): number => {
  const millis = Date.parse(iso)
  if (Number.isNaN(millis)) throw new Error(`not a date: ${iso}`)
  return millis
}
const spanOf = (unit: CalendarWindows.CalendarUnit, zone: string, iso: string): Span =>
  CalendarWindows.spanOf(unit, zone, at(iso), ZoneOffset.offsetMinutes)
const day = (zone: string, iso: string): Span => spanOf({ unit: "day" }, zone, iso)
const hours = (span: Span): number => (span.endMillis - span.startMillis) / HOUR
const iso = (span: Span): ReadonlyArray<string> =>
  [span.startMillis, span.endMillis].map((millis) => new Date(millis).toISOString().replace(":00.000Z", "Z"))

/** What a wall calendar in the zone shows, by another way through Intl than the kernel's: "2026-03-29". */
const calendars = new Map<string, Intl.DateTimeFormat>()
const dateIn = (zone: string, millis: number): string => {
  const calendar =
    calendars.get(zone) ??
    new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" })
  calendars.set(zone, calendar)
  return calendar.format(millis)
}

describe("CalendarWindows", () => {
  it.each([
    ["Europe/Berlin", "2026-03-29T12:00Z", 23, "2026-03-28T23:00Z", "2026-03-29T22:00Z"],
    ["Europe/Berlin", "2026-10-25T12:00Z", 25, "2026-10-24T22:00Z", "2026-10-25T23:00Z"],
    ["Europe/Berlin", "2026-10-26T12:00Z", 24, "2026-10-25T23:00Z", "2026-10-26T23:00Z"],
    ["America/New_York", "2026-03-08T12:00Z", 23, "2026-03-08T05:00Z", "2026-03-09T04:00Z"],
    ["America/New_York", "2026-11-01T12:00Z", 25, "2026-11-01T04:00Z", "2026-11-02T05:00Z"],
  ])("[log 49] days of 23 and 25 hours are right: %s %s has %i", (zone, instant, length, start, end) => {
    expect(iso(day(zone, instant))).toEqual([start, end])
    expect(hours(day(zone, instant))).toBe(length)
  })

  it("[log 49] days of 23 and 25 hours are right, and those of 23.5 and 24.5 on Lord Howe Island", () => {
    expect(iso(day("Australia/Lord_Howe", "2026-10-04T01:00Z"))).toEqual(["2026-10-03T13:30Z", "2026-10-04T13:00Z"])
    expect(hours(day("Australia/Lord_Howe", "2026-10-04T01:00Z"))).toBe(23.5)
    expect(hours(day("Australia/Lord_Howe", "2026-04-05T01:00Z"))).toBe(24.5)
  })

  it("[log 49] a day whose midnight does not exist begins with its first minute", () => {
    expect(iso(day("America/Sao_Paulo", "2018-11-04T12:00Z"))).toEqual(["2018-11-04T03:00Z", "2018-11-05T02:00Z"])
    expect(hours(day("America/Sao_Paulo", "2018-11-04T12:00Z"))).toBe(23)
    expect(hours(day("America/Sao_Paulo", "2018-11-03T12:00Z"))).toBe(24)
    // In February clocks went from midnight back to 23:00: the day before has 25 hours.
    expect(hours(day("America/Sao_Paulo", "2018-02-17T12:00Z"))).toBe(25)
  })

  it("[log 49] an evening that comes again after midnight belongs to the day that had begun", () => {
    // St John's went from 00:01 of the 7th back to 23:01 of the 6th.
    const begun = day("America/St_Johns", "2010-11-07T02:30:30Z")
    expect(dateIn("America/St_Johns", at("2010-11-07T03:00Z"))).toBe("2010-11-06")
    expect(day("America/St_Johns", "2010-11-07T03:00Z")).toEqual(begun)
    expect(iso(begun)).toEqual(["2010-11-07T02:30Z", "2010-11-08T03:30Z"])
    expect(hours(begun)).toBe(25)
  })

  it("[log 49] a date that a zone left out has no window", () => {
    // Samoa went from the 29th to the 31st.
    const before = day("Pacific/Apia", "2011-12-30T09:59Z")
    const after = day("Pacific/Apia", "2011-12-30T10:00Z")
    expect(dateIn("Pacific/Apia", before.endMillis - 1)).toBe("2011-12-29")
    expect(dateIn("Pacific/Apia", after.startMillis)).toBe("2011-12-31")
    expect(before.endMillis).toBe(after.startMillis)
    expect([hours(before), hours(after)]).toEqual([24, 24])
  })

  it("[log 48] a day's first instant is in, its last is out, also where the offset is not a whole hour", () => {
    const span = day("Asia/Kathmandu", "2026-06-15T12:00Z")
    expect(iso(span)).toEqual(["2026-06-14T18:15Z", "2026-06-15T18:15Z"])
    expect(day("Asia/Kathmandu", "2026-06-14T18:15:00.000Z")).toEqual(span)
    expect(day("Asia/Kathmandu", "2026-06-15T18:14:59.999Z")).toEqual(span)
    expect(day("Asia/Kathmandu", "2026-06-15T18:15:00.000Z").startMillis).toBe(span.endMillis)
  })

  it("weeks begin on Monday, or on the day that is given", () => {
    expect(iso(spanOf({ unit: "week" }, "Europe/Berlin", "2026-03-29T12:00Z"))).toEqual([
      "2026-03-22T23:00Z",
      "2026-03-29T22:00Z",
    ])
    expect(iso(spanOf({ unit: "week", startsOn: 7 }, "Europe/Berlin", "2026-03-29T12:00Z"))).toEqual([
      "2026-03-28T23:00Z",
      "2026-04-04T22:00Z",
    ])
    expect(iso(spanOf({ unit: "week" }, "UTC", "1969-12-31T00:00Z"))).toEqual([
      "1969-12-29T00:00Z",
      "1970-01-05T00:00Z",
    ])
  })

  it("months have their own length, with the hour that a change of clocks takes or gives", () => {
    expect(hours(spanOf({ unit: "month" }, "Europe/Berlin", "2026-03-29T12:00Z"))).toBe(31 * 24 - 1)
    expect(hours(spanOf({ unit: "month" }, "Europe/Berlin", "2026-10-31T22:59Z"))).toBe(31 * 24 + 1)
    expect(hours(spanOf({ unit: "month" }, "America/New_York", "2028-02-29T12:00Z"))).toBe(29 * 24)
    expect(iso(spanOf({ unit: "month" }, "UTC", "2026-12-31T23:59Z"))).toEqual([
      "2026-12-01T00:00Z",
      "2027-01-01T00:00Z",
    ])
  })

  const zones = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Tehran",
    "UTC",
  ]

  it("[log 49] days begin where the wall calendar first shows them, whatever the zone, from 1970 to 2037", () => {
    const instants = fc.integer({ min: at("1970-01-03T00:00Z"), max: at("2037-12-28T00:00Z") })
    fc.assert(
      fc.property(fc.constantFrom(...zones), instants, (zone, millis) => {
        const { startMillis, endMillis } = CalendarWindows.spanOf(
          { unit: "day" },
          zone,
          millis,
          ZoneOffset.offsetMinutes,
        )
        const date = dateIn(zone, startMillis)
        expect(startMillis <= millis && millis < endMillis).toBe(true)
        // By the calendar alone: no minute of two days before shows the date, nor any of the window the next.
        for (let t = startMillis - 1; t > startMillis - 2 * DAY; t -= 60_000) expect(dateIn(zone, t) < date).toBe(true)
        for (let t = endMillis - 1; t >= startMillis; t -= 60_000) expect(dateIn(zone, t) <= date).toBe(true)
        expect(dateIn(zone, endMillis) > date).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  /** A zone that nobody has: at each change its clocks move by up to 3 hours; changes are a week apart or more. */
  const inventedZones = fc
    .tuple(
      fc.integer({ min: -720, max: 720 }),
      fc.array(
        fc.record({ afterMinutes: fc.integer({ min: 10_080, max: 40_000 }), by: fc.integer({ min: -180, max: 180 }) }),
        {
          maxLength: 8,
        },
      ),
    )
    .map(([base, changes]): ZoneOffset.OffsetLookup => {
      let from = 0
      let offset = base
      const steps = changes.map(({ afterMinutes, by }) => {
        from += afterMinutes * 60_000
        offset = Math.max(-840, Math.min(840, offset + by))
        return { from, offset }
      })
      return (_, millis) => steps.findLast((step) => step.from <= millis)?.offset ?? base
    })

  it("[log 48] [log 49] windows stand side by side without gap or overlap, in zones nobody has", () => {
    const units = fc.constantFrom<CalendarWindows.CalendarUnit>({ unit: "day" }, { unit: "week" }, { unit: "month" })
    fc.assert(
      fc.property(units, inventedZones, fc.integer({ min: 0, max: 200 * DAY }), (unit, offsets, millis) => {
        const span = (t: number) => CalendarWindows.spanOf(unit, "invented", t, offsets)
        const here = span(millis)
        expect(here.startMillis <= millis && millis < here.endMillis).toBe(true)
        expect(span(here.startMillis)).toEqual(here)
        expect(span(here.endMillis - 1)).toEqual(here)
        expect(span(here.endMillis).startMillis).toBe(here.endMillis)
        expect(span(here.startMillis - 1).endMillis).toBe(here.startMillis)
      }),
      { numRuns: 2_000 },
    )
  })

  it("gives each event the day of its own athlete, in whatever order they come", () => {
    const zoneOf = (event: WindowEvent<string>) => event.value
    const spans = CalendarWindows.calendar({ unit: "day" }, zoneOf, ZoneOffset.offsetMinutes)
    const event = (zone: string, instant: string): WindowEvent<string> => ({
      key: "a",
      partition: "p",
      atMillis: at(instant),
      readAtMillis: 0,
      value: zone,
    })
    for (const instant of ["2026-03-29T21:59Z", "2026-03-29T22:00Z", "2026-03-28T12:00Z", "2026-03-29T04:30Z"])
      for (const zone of zones) expect(spans(event(zone, instant))).toEqual([day(zone, instant)])
  })
})

describe("ZoneOffset", () => {
  it("knows offsets to the second, and which zones there are", () => {
    expect(ZoneOffset.offsetMinutes("Asia/Kathmandu", at("2026-06-15T00:00Z"))).toBe(345)
    expect(ZoneOffset.offsetMinutes("America/St_Johns", at("2026-06-15T00:00Z"))).toBe(-150)
    expect(ZoneOffset.offsetMinutes("UTC", 0)).toBe(0)
    expect(ZoneOffset.offsetMinutes("Africa/Monrovia", 0)).toBe(-44.5)
    expect(ZoneOffset.isZone("Europe/Berlin")).toBe(true)
    expect(ZoneOffset.isZone("Europe/Atlantis")).toBe(false)
    expect(() => ZoneOffset.offsetMinutes("Europe/Atlantis", 0)).toThrow(RangeError)
  })
})
