/**
 * When a time of the wall clock comes in a zone whose clocks are changed: the policy for the hour that is missing in
 * spring and the one that comes twice in autumn.
 *
 * A rule says which wall-clock times match ("every day at 02:30"); it knows no zones. There are two kinds of rules:
 *
 * - `"once"`, for times of the day ("at 02:30", "every quarter of the hour from two to three"): each matching time of a
 *   day comes exactly once. In autumn it is the first of the two. In spring, what falls into the gap comes as long
 *   after the change as it would have come without it: 02:30 is then 03:30, the same instant as before the change.
 *   (RFC 5545 and `Temporal`'s "compatible" say the same.) If that is an instant that another time has, it is one.
 * - `"each"`, for what goes on all the time ("every quarter of an hour", "every hour at 05"): each instant at which the
 *   clocks show a matching time. In autumn the repeated hour has its own; in spring what the clocks do not show does not
 *   come. So nothing that runs every minute stops for an hour.
 *
 * The zone's offsets come from a lookup, for instance `ZoneOffset.offsetMinutes`. Times are milliseconds; a wall-clock
 * time is given as the instant at which UTC's clocks show it. A zone is taken to change at most once in 26 hours.
 *
 * @example
 * ZonedTimes.next(daily0230, "once", "Europe/Berlin", Date.UTC(2026, 2, 29), ZoneOffset.offsetMinutes)
 * // 2026-03-29T01:30Z, which Berlin's clocks show as 03:30
 */
import type { OffsetLookup } from "../streams/ZoneOffset.ts"

/** The first matching wall-clock time at or after the one given; undefined when none comes any more. */
export type WallTimes = (fromWallMillis: number) => number | undefined

export type Repeat = "once" | "each"

/** The first instant after `afterMillis` at which the rule's time comes; undefined when none does any more. */
export const next = (
  times: WallTimes,
  repeat: Repeat,
  zone: string,
  afterMillis: number,
  offsets: OffsetLookup,
): number | undefined => {
  const offsetAt = (atMillis: number): number => Math.round(offsets(zone, atMillis) * MINUTE)
  let start = afterMillis + 1
  for (;;) {
    const found = repeat === "each" ? shown(times, start, offsetAt) : once(times, start, offsetAt)
    const change = changeWithin(start, found === undefined ? start + LOOK : found, offsetAt)
    // Up to a change the offset is what it was at the start; from there on, look again.
    if (change === undefined || (found !== undefined && found < change)) return found
    start = change
  }
}

type OffsetAt = (atMillis: number) => number

const MINUTE = 60_000
/** Longer than any change: the greatest ever was of 24 hours, where a zone left out a date. */
const LOOK = 26 * 60 * MINUTE

const shown = (times: WallTimes, start: number, offsetAt: OffsetAt): number | undefined => {
  const offset = offsetAt(start)
  const wall = times(start + offset)
  return wall === undefined ? undefined : wall - offset
}

/** As `shown`, but without what is shown a second time, and with what a change just before has left out. */
const once = (times: WallTimes, start: number, offsetAt: OffsetAt): number | undefined => {
  const change = changeWithin(start - LOOK, start, offsetAt)
  if (change === undefined) return shown(times, start, offsetAt)
  const before = offsetAt(change - 1)
  const offset = offsetAt(start)
  const wall = times(Math.max(start + offset, change + before))
  const regular = wall === undefined ? undefined : wall - offset
  // The gap goes from what the clocks would have shown at the change to what they show.
  const missing = times(start + before)
  if (missing === undefined || missing >= change + offset) return regular
  const shifted = missing - before
  return regular === undefined ? shifted : Math.min(regular, shifted)
}

/** The first instant in (from, to] from which another offset is in force. */
const changeWithin = (from: number, to: number, offsetAt: OffsetAt): number | undefined => {
  const offset = offsetAt(from)
  let before = from
  while (before < to) {
    const probe = Math.min(before + LOOK, to)
    if (offsetAt(probe) !== offset) return bisect(before, probe, offset, offsetAt)
    before = probe
  }
  return undefined
}

const bisect = (from: number, to: number, offset: number, offsetAt: OffsetAt): number => {
  let before = from
  let after = to
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (offsetAt(middle) === offset) before = middle
    else after = middle
  }
  return after
}
