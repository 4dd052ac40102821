/**
 * When did a strap's clock show this? An estimate from the moments at which both clocks were looked at.
 *
 * A strap's clock runs off by up to 8 s an hour, and says nothing of the wall. Each offload looks at both clocks; two
 * such looks give its rate, one only its offset. The result is a label: what is a copy of what is told by the log's own
 * numbers, so a better estimate later changes nothing that is stored.
 *
 *     const atMillis = wallOf(anchors, record.strapMillis)
 *
 * Pure. Times are milliseconds.
 */

/** Both clocks at one moment. */
export interface ClockLook {
  readonly strapMillis: number
  /** Since the epoch. */
  readonly wallMillis: number
}

/** The oldest look that still fits and the newest, as far as there are any. */
export type Anchors = readonly [] | readonly [ClockLook] | readonly [ClockLook, ClockLook]

/** A crystal is off by parts in a thousand; more than this is a clock that was set, ours or the strap's. */
const GREATEST_DRIFT = 0.01

/** Looks so near to each other say more of the radio's delay than of a drift. */
const LEAST_SPAN_MILLIS = 60_000

/** The looks to keep after one more: the earliest and the newest. A clock that was set begins anew with the look. */
export const addLook = (anchors: Anchors, look: ClockLook): Anchors => {
  const [first, last = first] = anchors
  if (first === undefined || last === undefined) return [look]
  const [earliest, newest] =
    look.strapMillis < first.strapMillis ? [look, last] : [first, look.strapMillis < last.strapMillis ? last : look]
  const span = newest.strapMillis - earliest.strapMillis
  if (span < LEAST_SPAN_MILLIS) return [newest]
  return Math.abs(rateBetween(earliest, newest) - 1) <= GREATEST_DRIFT ? [earliest, newest] : [look]
}

/** Wall time per strap time: 1 when nothing better is known. */
export const rateOf = ([first, last]: Anchors): number =>
  first === undefined || last === undefined ? 1 : rateBetween(first, last)

/** The label of what happened at `strapMillis`, whole milliseconds since the epoch; undefined before any look. */
export const wallOf = (anchors: Anchors, strapMillis: number): number | undefined => {
  const newest = anchors[1] ?? anchors[0]
  if (newest === undefined) return undefined
  return Math.round(newest.wallMillis + (strapMillis - newest.strapMillis) * rateOf(anchors))
}

const rateBetween = (first: ClockLook, last: ClockLook): number =>
  (last.wallMillis - first.wallMillis) / (last.strapMillis - first.strapMillis)
