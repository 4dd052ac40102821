/**
 * Counts calls, failures and slow calls over the last N calls or the last so many milliseconds, in O(1).
 *
 * A window of calls is a ring of outcomes: the newest replaces the oldest, and the sums move by the
 * difference. A window of time is a ring of buckets with their sums: as time moves on, every bucket that it
 * passed is cleared, however long nobody called, so nothing old stands beside something new. A call counts
 * while its bucket is one of the newest `buckets`; a window of 30 s in 30 buckets therefore looks back between
 * 29 and 30 s. A clock that goes back counts into the newest bucket; one that goes back by more than the window starts
 * it anew, so that nothing stands still until the clock has caught up.
 *
 * Windows are changed in place: they stand on the path of every call.
 *
 * @example
 * const window = SlidingWindow.make({ kind: "time", millis: 30_000, buckets: 30 })
 * SlidingWindow.record(window, now, true, false)
 * window.failures / window.calls
 */
import * as Snapshot from "./Snapshot.ts"

export type WindowShape =
  /** The last `calls` calls. */
  | { readonly kind: "count"; readonly calls: number }
  /** The last `millis` milliseconds, in `buckets` steps. */
  | { readonly kind: "time"; readonly millis: number; readonly buckets: number }

/** The sums that both kinds keep up to date. */
interface Sums {
  calls: number
  failures: number
  slow: number
}

export interface CountWindow extends Sums {
  readonly kind: "count"
  /** One outcome a slot: 0 nothing yet, otherwise RECORDED plus FAILED and SLOW. */
  readonly ring: Uint8Array
  next: number
}

export interface TimeWindow extends Sums {
  readonly kind: "time"
  readonly bucketMillis: number
  /** Calls, failures and slow calls of each bucket, side by side. */
  readonly ring: Float64Array
  readonly buckets: number
  /** The newest bucket's number since the epoch of the clock; -Infinity before the first call. */
  newest: number
  /** Where the newest bucket stands in the ring. */
  position: number
}

export type SlidingWindow = CountWindow | TimeWindow

const RECORDED = 1
const FAILED = 2
const SLOW = 4

/** @throws RangeError when the shape has no room: sizes must be whole and at least 1. */
export const make = (shape: WindowShape): SlidingWindow => {
  if (shape.kind === "count") {
    requireWhole("calls", shape.calls)
    return { kind: "count", calls: 0, failures: 0, slow: 0, ring: new Uint8Array(shape.calls), next: 0 }
  }
  requireWhole("buckets", shape.buckets)
  if (!(shape.millis >= shape.buckets)) throw new RangeError("A bucket must be at least one millisecond long")
  return {
    kind: "time",
    calls: 0,
    failures: 0,
    slow: 0,
    bucketMillis: shape.millis / shape.buckets,
    ring: new Float64Array(shape.buckets * 3),
    buckets: shape.buckets,
    newest: Number.NEGATIVE_INFINITY,
    position: 0,
  }
}

const requireWhole = (name: string, value: number): void => {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`${name} must be a whole number from 1, not ${value}`)
}

/** Counts one call that ended at `nowMillis`. */
export const record = (window: SlidingWindow, nowMillis: number, failed: boolean, slow: boolean): void => {
  if (window.kind === "time") {
    moveTo(window, nowMillis)
    add(window, window.position * 3, failed, slow)
  } else {
    replace(window, RECORDED + (failed ? FAILED : 0) + (slow ? SLOW : 0))
  }
}

const add = (window: TimeWindow, at: number, failed: boolean, slow: boolean): void => {
  const ring = window.ring
  ring[at] = (ring[at] ?? 0) + 1
  window.calls++
  if (failed) {
    ring[at + 1] = (ring[at + 1] ?? 0) + 1
    window.failures++
  }
  if (slow) {
    ring[at + 2] = (ring[at + 2] ?? 0) + 1
    window.slow++
  }
}

/** Without branches, so that a failure costs what a success costs. */
const replace = (window: CountWindow, outcome: number): void => {
  const old = window.ring[window.next] ?? 0
  window.calls += (outcome & RECORDED) - (old & RECORDED)
  window.failures += ((outcome & FAILED) - (old & FAILED)) >> 1
  window.slow += ((outcome & SLOW) - (old & SLOW)) >> 2
  window.ring[window.next] = outcome
  window.next = window.next + 1 === window.ring.length ? 0 : window.next + 1
}

/** Brings the sums up to `nowMillis`, as reading them after a pause needs; `record` does it by itself. */
export const advance = (window: SlidingWindow, nowMillis: number): void => {
  if (window.kind === "time") moveTo(window, nowMillis)
}

/** Clears every bucket that time has passed; at most one round of the ring. */
const moveTo = (window: TimeWindow, nowMillis: number): void => {
  const bucket = Math.floor(nowMillis / window.bucketMillis)
  if (bucket === window.newest) return
  const passed = bucket - window.newest
  if (passed < 0 && passed > -window.buckets) return
  window.newest = bucket
  if (Math.abs(passed) >= window.buckets) {
    clear(window)
    window.newest = bucket
    return
  }
  for (let i = 0; i < passed; i++) {
    window.position = window.position + 1 === window.buckets ? 0 : window.position + 1
    const at = window.position * 3
    window.calls -= window.ring[at] ?? 0
    window.failures -= window.ring[at + 1] ?? 0
    window.slow -= window.ring[at + 2] ?? 0
    window.ring.fill(0, at, at + 3)
  }
}

/** Forgets everything. */
export const clear = (window: SlidingWindow): void => {
  window.ring.fill(0)
  window.calls = 0
  window.failures = 0
  window.slow = 0
  if (window.kind === "count") {
    window.next = 0
  } else {
    window.position = 0
    window.newest = Number.NEGATIVE_INFINITY
  }
}

/** What `snapshot` gives: plain JSON, oldest first. */
export type WindowSnapshot =
  /** One outcome a call, from 0 to 7. */
  | { readonly kind: "count"; readonly ring: ReadonlyArray<number> }
  /** Calls, failures and slow calls a bucket. `newest` is the newest one's number; null when nothing was recorded. */
  | {
      readonly kind: "time"
      readonly bucketMillis: number
      readonly newest: number | null
      readonly ring: ReadonlyArray<number>
    }

export const snapshot = (window: SlidingWindow): WindowSnapshot => {
  if (window.kind === "count") {
    return { kind: "count", ring: [...window.ring.subarray(window.next), ...window.ring.subarray(0, window.next)] }
  }
  const oldest = ((window.position + 1) % window.buckets) * 3
  return {
    kind: "time",
    bucketMillis: window.bucketMillis,
    newest: Number.isFinite(window.newest) ? window.newest : null,
    ring: [...window.ring.subarray(oldest), ...window.ring.subarray(0, oldest)],
  }
}

/** A window's snapshot from JSON, or why it is none. */
export const readSnapshot = (json: unknown): WindowSnapshot | Snapshot.InvalidSnapshot => Snapshot.read(json, part)

/** The same as a part of a greater one. */
export const part = (from: Snapshot.Part): WindowSnapshot => {
  const kind = from.field("kind").oneOf("count", "time")
  const ring = from.field("ring")
  if (kind === "count") return { kind, ring: ring.list((outcome) => outcome.whole(0, RECORDED + FAILED + SLOW)) }
  const bucketMillis = from.field("bucketMillis").number(1)
  const newest = from.field("newest").nullOr((number) => number.whole(Number.MIN_SAFE_INTEGER))
  const counts = ring.list((count) => count.whole())
  return counts.length % 3 === 0
    ? { kind, bucketMillis, newest, ring: counts }
    : ring.refuse("three numbers for each bucket")
}

/** Reads a snapshot into a fresh window. One of another kind, size or bucket is left out: the window starts empty. */
export const restore = (shape: WindowShape, from: WindowSnapshot): SlidingWindow => {
  const window = make(shape)
  if (from.ring.length !== window.ring.length) return window
  if (window.kind === "count") {
    if (from.kind === "count") for (const outcome of from.ring) if (outcome !== 0) replace(window, outcome)
    return window
  }
  if (from.kind !== "time" || from.bucketMillis !== window.bucketMillis || from.newest === null) return window
  window.ring.set(from.ring)
  window.position = window.buckets - 1
  window.newest = from.newest
  for (let at = 0; at < window.ring.length; at += 3) {
    window.calls += window.ring[at] ?? 0
    window.failures += window.ring[at + 1] ?? 0
    window.slow += window.ring[at + 2] ?? 0
  }
  return window
}
