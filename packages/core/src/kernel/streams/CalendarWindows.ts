/**
 * Days, weeks and months as an athlete's wall clock has them.
 *
 * A day begins at the first instant at which the clocks of the zone show its date, and ends where the next begins. So
 * the day on which clocks go forward has 23 hours and the one on which they go back 25 (or half an hour less and more,
 * on Lord Howe Island), a day whose midnight does not exist begins when its first minute does, a date that a zone
 * left out has no window, and every instant is in exactly one. Where clocks go back across midnight, the evening that
 * comes a second time belongs to the day that had begun. Months and weeks begin where their first day does; weeks on
 * Mondays (ISO 8601), if no other day is given.
 *
 * The zone's offsets come from a lookup, for instance `ZoneOffset.offsetMinutes`.
 *
 * @example
 * CalendarWindows.spanOf({ unit: "day" }, "Europe/Berlin", Date.UTC(2026, 2, 29, 12), ZoneOffset.offsetMinutes)
 * // 2026-03-28T23:00Z to 2026-03-29T22:00Z: 23 hours
 */
import * as BoundedMap from "../resilience/BoundedMap.ts"
import { contains, type Span, type WindowEvent } from "./WindowPane.ts"
import type { OffsetLookup } from "./ZoneOffset.ts"

/** 1 is Monday, 7 is Sunday, as in ISO 8601. */
export type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7

export type CalendarUnit =
  | { readonly unit: "day" }
  | { readonly unit: "week"; readonly startsOn?: Weekday }
  | { readonly unit: "month" }

/** The day, week or month of `zone` that holds the instant. Throws what the lookup throws. */
export const spanOf = (unit: CalendarUnit, zone: string, atMillis: number, offsets: OffsetLookup): Span => {
  let date = firstDate(unit, atMillis + offsetMillis(offsets, zone, atMillis))
  let startMillis = startOfDate(date, zone, offsets)
  for (;;) {
    date = nextFirstDate(unit, date)
    const endMillis = startOfDate(date, zone, offsets)
    // Clocks that went back across midnight show yesterday's date again: the day that had begun goes on.
    if (atMillis < endMillis) return { startMillis, endMillis }
    startMillis = endMillis
  }
}

/**
 * The calendar windows of events, each in the zone of its own athlete. Keeps the last span of each zone, for most
 * events are in the same one as the event before.
 */
export const calendar = <V>(
  unit: CalendarUnit,
  zoneOf: (event: WindowEvent<V>) => string,
  offsets: OffsetLookup,
): ((event: WindowEvent<V>) => ReadonlyArray<Span>) => {
  const last = BoundedMap.make<string, Span>(600)
  return (event) => {
    const zone = zoneOf(event)
    const known = BoundedMap.get(last, zone)
    if (known !== undefined && contains(known, event.atMillis)) return [known]
    const span = spanOf(unit, zone, event.atMillis, offsets)
    BoundedMap.set(last, zone, span)
    return [span]
  }
}

// A date is the time that UTC's clock shows at its midnight: wall-clock time, not an instant.

const DAY = 86_400_000

/** 1970-01-01 was a Thursday. */
const EPOCH_WEEKDAY = 4

/** The first date of the unit that holds the wall-clock time. */
const firstDate = (unit: CalendarUnit, wallMillis: number): number => {
  const days = Math.floor(wallMillis / DAY)
  switch (unit.unit) {
    case "day":
      return days * DAY
    case "week": {
      const since = (days + EPOCH_WEEKDAY - (unit.startsOn ?? 1)) % 7
      return (days - (since < 0 ? since + 7 : since)) * DAY
    }
    case "month":
      return new Date(days * DAY).setUTCDate(1)
  }
}

const nextFirstDate = (unit: CalendarUnit, date: number): number => {
  switch (unit.unit) {
    case "day":
      return date + DAY
    case "week":
      return date + 7 * DAY
    case "month":
      return new Date(date).setUTCMonth(new Date(date).getUTCMonth() + 1)
  }
}

/**
 * The first instant at which the zone's clocks have reached the date. It is midnight by the offset before or after a
 * change, if either is in force then; if neither, midnight was left out, and the day begins at the change.
 */
const startOfDate = (date: number, zone: string, offsets: OffsetLookup): number => {
  const hasBegun = (atMillis: number): boolean => atMillis + offsetMillis(offsets, zone, atMillis) >= date
  // No zone was ever 16 hours from UTC: a day on either side stands clear of any change at this midnight.
  const one = offsetMillis(offsets, zone, date - DAY)
  const other = offsetMillis(offsets, zone, date + DAY)
  const earliest = date - Math.max(one, other)
  if (hasBegun(earliest)) return earliest
  let before = earliest
  let begun = date - Math.min(one, other)
  if (!hasBegun(begun - 1)) return begun
  while (begun - before > 1) {
    const middle = Math.floor((before + begun) / 2)
    if (hasBegun(middle)) begun = middle
    else before = middle
  }
  return begun
}

const offsetMillis = (offsets: OffsetLookup, zone: string, atMillis: number): number =>
  Math.round(offsets(zone, atMillis) * 60_000)
