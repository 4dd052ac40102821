/**
 * What becomes of the times at which a schedule should have run and did not, because nothing was there to run it.
 *
 * A run that is late by no more than the grace is not missed: it is run, whatever the policy. Of those that are missed:
 * - `"skip"`: none is made up for.
 * - `"one"`: the last of all that have come is run, once, for all of them. The usual.
 * - `"all"`: each is run, in order, with its own nominal time.
 *
 * Times are milliseconds since the epoch.
 *
 * @example
 * MissedRuns.due("one", firstDue, now, nextAfter) // { run: [the last that has come], next: …, skipped: 41 }
 */

export type Missed = "skip" | "one" | "all"

export interface Due {
  /** The nominal times to be run now, in order. */
  readonly run: ReadonlyArray<number>
  /** The first nominal time after those that were decided on; undefined when there is none any more. Not after now when
   * more are to be run than fit. */
  readonly next: number | undefined
  /** How many were passed over; no more than `COUNT_UP_TO` are counted. */
  readonly skipped: number
}

/** Late by so much is not missed. */
export const GRACE_MILLIS = 60_000

/** So many are decided on at once. */
export const AT_ONCE = 100

export const COUNT_UP_TO = 10_000

/**
 * Decides on the nominal times from `first` to `now`.
 *
 * @param nextAfter the first nominal time after an instant
 */
export const due = (
  missed: Missed,
  first: number,
  now: number,
  nextAfter: (afterMillis: number) => number | undefined,
): Due => {
  if (first > now) return { run: [], next: first, skipped: 0 }
  return missed === "all" ? all(first, now, nextAfter) : last(missed, first, now, nextAfter)
}

const all = (first: number, now: number, nextAfter: (afterMillis: number) => number | undefined): Due => {
  const run: Array<number> = []
  let next: number | undefined = first
  while (next !== undefined && next <= now && run.length < AT_ONCE) {
    run.push(next)
    next = nextAfter(next)
  }
  return { run, next, skipped: 0 }
}

const last = (
  missed: "skip" | "one",
  first: number,
  now: number,
  nextAfter: (afterMillis: number) => number | undefined,
): Due => {
  const newest = newestUntil(first, now, nextAfter)
  const runs = missed === "one" || now - newest <= GRACE_MILLIS
  const before = countBetween(first, newest, nextAfter)
  return { run: runs ? [newest] : [], next: nextAfter(now), skipped: runs ? before : before + 1 }
}

/** The newest nominal time from `first` to `now`. Looks back in growing steps, for there may be millions. */
const newestUntil = (first: number, now: number, nextAfter: (afterMillis: number) => number | undefined): number => {
  for (let back = GRACE_MILLIS; ; back *= 8) {
    const from = now - back
    let found = from <= first ? first : nextAfter(from)
    if (found === undefined || found > now) continue
    for (;;) {
      const next = nextAfter(found)
      if (next === undefined || next > now) return found
      found = next
    }
  }
}

/** How many there are from `first` up to, and without, `end`. */
const countBetween = (first: number, end: number, nextAfter: (afterMillis: number) => number | undefined): number => {
  let count = 0
  for (let at: number | undefined = first; at !== undefined && at < end && count < COUNT_UP_TO; at = nextAfter(at))
    count++
  return count
}
