/**
 * The last N events of each key, by their own time: the window that slides by count.
 *
 * The newest N stay, in order of time; events of one instant in the order in which they came. An event that is older
 * than all of a full window goes to the side, for it is not among the last. No watermark takes part: there is nothing
 * to wait for. The state is plain JSON if the values are, to be stored with the offset in one transaction.
 *
 * @example
 * const { state, emitted } = LastN.step(LastN.empty, events, { count: 30 })
 * emitted.at(-1)?.events // the last 30 of that key, oldest first
 */
import type { WindowEvent } from "./WindowPane.ts"

export interface LastNOptions {
  /** N, a whole number from 1. */
  readonly count: number
  /**
   * A key that was silent for so long, by event time against the newest event of all, is forgotten, so that state does
   * not grow with every key that ever was. Never, if not given.
   */
  readonly forgetAfterMillis?: number
}

export interface Kept<V> {
  readonly atMillis: number
  readonly value: V
}

export interface LastNState<V> {
  readonly keys: ReadonlyArray<{ readonly key: string; readonly events: ReadonlyArray<Kept<V>> }>
  /** The newest event time of all keys; null before the first event. */
  readonly newestMillis: number | null
}

export interface LastNStep<V> {
  readonly state: LastNState<V>
  /** A key's window after each event that changed it, oldest first. */
  readonly emitted: ReadonlyArray<{ readonly key: string; readonly events: ReadonlyArray<Kept<V>> }>
  readonly side: ReadonlyArray<{ readonly event: WindowEvent<V>; readonly reason: "late" | "no-time" }>
}

export const empty: LastNState<never> = { keys: [], newestMillis: null }

/**
 * Takes events in the order of the log.
 *
 * @throws RangeError when `count` is not a whole number from 1.
 */
export const step = <V>(
  state: LastNState<V>,
  events: ReadonlyArray<WindowEvent<V>>,
  options: LastNOptions,
): LastNStep<V> => {
  const { count, forgetAfterMillis = Number.POSITIVE_INFINITY } = options
  if (!Number.isSafeInteger(count) || count < 1)
    throw new RangeError(`count must be a whole number from 1, not ${count}`)
  const keys = new Map(state.keys.map(({ key, events: kept }) => [key, kept]))
  const emitted: Array<{ readonly key: string; readonly events: ReadonlyArray<Kept<V>> }> = []
  const side: Array<{ readonly event: WindowEvent<V>; readonly reason: "late" | "no-time" }> = []
  let newest = state.newestMillis ?? Number.NEGATIVE_INFINITY
  const isRemembered = (window: ReadonlyArray<Kept<V>>): boolean =>
    newest - (window.at(-1)?.atMillis ?? newest) < forgetAfterMillis
  for (const event of events) {
    const { key, atMillis, value } = event
    const reason = Number.isFinite(atMillis) ? "late" : "no-time"
    if (reason === "late") newest = Math.max(newest, atMillis)
    const window = keys.get(key) ?? []
    const known = isRemembered(window) ? window : []
    const next = reason === "no-time" ? undefined : inserted(known, { atMillis, value }, count)
    if (next === undefined) {
      side.push({ event, reason })
      continue
    }
    keys.set(key, next)
    emitted.push({ key, events: next })
  }
  const kept = [...keys].filter(([, window]) => isRemembered(window))
  return {
    state: {
      keys: kept.map(([key, window]) => ({ key, events: window })),
      newestMillis: Number.isFinite(newest) ? newest : null,
    },
    emitted,
    side,
  }
}

/** The window with one event more; undefined when it is older than all of a full one. */
const inserted = <V>(
  window: ReadonlyArray<Kept<V>>,
  event: Kept<V>,
  count: number,
): ReadonlyArray<Kept<V>> | undefined => {
  const before = window.findLastIndex((other) => other.atMillis <= event.atMillis) + 1
  if (before === 0 && window.length >= count) return undefined
  const next = [...window.slice(0, before), event, ...window.slice(before)]
  return next.length > count ? next.slice(next.length - count) : next
}
