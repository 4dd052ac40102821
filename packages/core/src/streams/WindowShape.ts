/**
 * Which windows there are: the presets that Paceline has everywhere, and how to make others.
 *
 * A shape carries a fingerprint, which a stream stores beside its windows: panes of one shape mean nothing under another.
 *
 * @example
 * WindowShape.everyMinute
 * WindowShape.sliding({ sizeMillis: 300_000, everyMillis: 60_000 })
 * WindowShape.session({ gapMillis: 30 * 60_000, merge: (earlier, later) => earlier + later })
 * WindowShape.day((ride: Ride) => ride.timeZone) // 23 or 25 hours, where the athlete's clock has it so
 */
import * as CalendarWindows from "../kernel/streams/CalendarWindows.ts"
import * as TimeWindows from "../kernel/streams/TimeWindows.ts"
import type { Span, WindowEvent } from "../kernel/streams/WindowPane.ts"
import type * as Windows from "../kernel/streams/Windows.ts"
import * as ZoneOffset from "../kernel/streams/ZoneOffset.ts"

/** Windows over events `Ev` that gather a `W`. */
export interface WindowShape<Ev, W> {
  /** The same for the same windows, and for no others. */
  readonly fingerprint: string
  readonly kernel: Windows.WindowShape<Ev, W>
}

/** A shape of windows that are known from the event alone. It fits whatever is gathered. */
export interface FixedShape<Ev> {
  readonly fingerprint: string
  readonly kernel: {
    readonly kind: "fixed"
    readonly spansOf: (event: WindowEvent<Ev>) => ReadonlyArray<Span>
  }
}

/**
 * Windows that are known from the event alone, by a function of your own. It must be pure, and aligned by itself: two
 * processes must mean the same windows. Change the fingerprint whenever it means others.
 */
export const fixed = <Ev>(
  fingerprint: string,
  spansOf: (event: WindowEvent<Ev>) => ReadonlyArray<Span>,
): FixedShape<Ev> => ({ fingerprint, kernel: { kind: "fixed", spansOf } })

/**
 * Windows of `sizeMillis` side by side, aligned to the epoch, or to `offsetMillis` after it.
 *
 * @throws RangeError when the size is not a whole number of milliseconds from 1.
 */
export const tumbling = (sizeMillis: number, offsetMillis = 0): FixedShape<unknown> =>
  fixed(`tumbling ${sizeMillis} ms from ${offsetMillis}`, TimeWindows.tumbling(sizeMillis, offsetMillis))

export const everySecond = tumbling(TimeWindows.SECOND)
export const everyMinute = tumbling(TimeWindows.MINUTE)
export const everyFiveMinutes = tumbling(TimeWindows.FIVE_MINUTES)
export const everyHour = tumbling(TimeWindows.HOUR)

/**
 * Windows of `sizeMillis` that begin every `everyMillis`, so that they overlap.
 *
 * @throws RangeError when a length is not a whole number from 1, or windows would leave gaps.
 */
export const sliding = ({
  everyMillis,
  offsetMillis = 0,
  sizeMillis,
}: {
  readonly sizeMillis: number
  readonly everyMillis: number
  readonly offsetMillis?: number
}): FixedShape<unknown> =>
  fixed(
    `sliding ${sizeMillis} ms every ${everyMillis} ms from ${offsetMillis}`,
    TimeWindows.sliding(sizeMillis, everyMillis, offsetMillis),
  )

/**
 * Windows that last as long as a key keeps coming, and end `gapMillis` after its last event.
 *
 * @throws RangeError when the gap is not a whole number of milliseconds from 1.
 */
export const session = <W>({
  gapMillis,
  merge,
}: {
  readonly gapMillis: number
  /** What two sessions have gathered together, when a late event makes them one. */
  readonly merge: (earlier: W, later: W) => W
}): WindowShape<unknown, W> => {
  if (!Number.isSafeInteger(gapMillis) || gapMillis < 1)
    throw new RangeError(`gapMillis must be a whole number from 1, not ${gapMillis}`)
  return { fingerprint: `session ${gapMillis} ms`, kernel: { kind: "session", gapMillis, merge } }
}

/** Days as the athlete's wall clock has them. The zone is an IANA name; an event with one that nobody knows is a dead letter. */
export const day = <Ev>(zoneOf: (event: Ev) => string): FixedShape<Ev> => calendar("day", { unit: "day" }, zoneOf)

/** Weeks of the athlete's calendar, from Monday (1, as in ISO 8601) if not said otherwise. */
export const week = <Ev>(zoneOf: (event: Ev) => string, startsOn: CalendarWindows.Weekday = 1): FixedShape<Ev> =>
  calendar(`week from ${startsOn}`, { unit: "week", startsOn }, zoneOf)

/** Months of the athlete's calendar. */
export const month = <Ev>(zoneOf: (event: Ev) => string): FixedShape<Ev> => calendar("month", { unit: "month" }, zoneOf)

const calendar = <Ev>(fingerprint: string, unit: CalendarWindows.CalendarUnit, zoneOf: (event: Ev) => string) =>
  fixed<Ev>(
    fingerprint,
    CalendarWindows.calendar(unit, ({ value }) => zoneOf(value), ZoneOffset.offsetMinutes),
  )
