/**
 * Answers "did this happen more than `limit` times in the last so many milliseconds?", exactly and in O(1).
 *
 * It keeps the times of the newest `limit + 1` events in a ring. The limit is passed exactly when the ring is
 * full and its oldest time still lies within the window.
 */

export interface RecentEvents {
  readonly windowMillis: number
  /** Times in milliseconds; -Infinity where nothing happened yet. */
  readonly ring: Array<number>
  next: number
}

/** @param limit how many events within the window are still allowed; a whole number from 0 */
export const make = (limit: number, windowMillis: number): RecentEvents => {
  if (!Number.isSafeInteger(limit) || limit < 0) throw new RangeError(`limit must be a whole number, not ${limit}`)
  return { windowMillis, ring: new Array<number>(limit + 1).fill(Number.NEGATIVE_INFINITY), next: 0 }
}

/**
 * Notes one event. True when, with it, more than the limit lie in the window ending now. On a clock that went back, what
 * lies as far ahead counts as what lies behind.
 */
export const exceededBy = (events: RecentEvents, nowMillis: number): boolean => {
  events.ring[events.next] = nowMillis
  events.next = events.next + 1 === events.ring.length ? 0 : events.next + 1
  const oldest = events.ring[events.next] ?? Number.NEGATIVE_INFINITY
  return Math.abs(nowMillis - oldest) < events.windowMillis
}

export const clear = (events: RecentEvents): void => {
  events.ring.fill(Number.NEGATIVE_INFINITY)
  events.next = 0
}

/** The times that are known, oldest first. */
export const snapshot = (events: RecentEvents): ReadonlyArray<number> =>
  [...events.ring.slice(events.next), ...events.ring.slice(0, events.next)].filter(Number.isFinite)

export const restore = (limit: number, windowMillis: number, times: ReadonlyArray<number>): RecentEvents => {
  const events = make(limit, windowMillis)
  for (const time of times) exceededBy(events, time)
  return events
}
