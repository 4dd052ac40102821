/**
 * Gives every heart beat of a FIT file its time.
 *
 * FIT writes the intervals between beats (`hrv` messages) without times: they "shall be synchronized by checking
 * successive RR intervals as they occur between other timestamped messages" (developer.garmin.com/fit/file-types/activity).
 * So beats follow each other by the sum of their intervals, which is exact from beat to beat, and the chain
 * begins at the timestamp of the record before it. Records tick in whole seconds and beats get lost, so the chain
 * may run off a little. When it is further than `TOLERANCE_MILLIS` from the record before a message (a pause,
 * a lost strap), it begins anew there.
 */

/** How far a chain of beats may run off the records before it begins anew. */
export const TOLERANCE_MILLIS = 3_000

/** The intervals of one `hrv` message, and the time of the record before it. */
export interface BeatGroup {
  readonly recordAtMs: number
  /** Milliseconds from beat to beat, whole numbers above zero. */
  readonly intervalsMs: ReadonlyArray<number>
}

/** For each interval of all groups, in order, the time of the beat that ends it, milliseconds since the epoch. */
export const beatTimes = (groups: ReadonlyArray<BeatGroup>): Array<number> => {
  const times: Array<number> = []
  let beatAtMs: number | null = null
  for (const { recordAtMs, intervalsMs } of groups) {
    // The beats of a message lie between its record and the next.
    if (beatAtMs === null || Math.abs(beatAtMs - recordAtMs) > TOLERANCE_MILLIS) beatAtMs = recordAtMs
    for (const interval of intervalsMs) {
      beatAtMs += interval
      times.push(beatAtMs)
    }
  }
  return times
}
