/**
 * Says how far the clock that labelled a chunk can be believed. It labels only: whatever comes of it, the chunk is
 * stored as it came, in its order.
 *
 * A bridge reads its wall clock and its monotonic clock together when it appends a chunk, and again when it says hello.
 * The difference of the two does not change while nobody sets the wall clock, so a change between both readings of one
 * boot means that it was set (or that the machine slept, where sleeping stops the monotonic clock). At the hello the
 * receiver compares the wall clock with its own.
 */

/** A wall clock and a monotonic clock, read together, in milliseconds; see `wire/TelemetryFrame`. */
export interface Reading {
  /** Names the run of the monotonic clock. */
  readonly boot: string
  readonly wallMs: number
  readonly monotonicMs: number
}

/** A bridge's hello: its clocks, and the receiver's wall clock when it came. */
export interface Reference {
  readonly reading: Reading
  readonly receivedAtMs: number
}

export type ClockQuality =
  /** It agreed with the receiver's clock. */
  | "ok"
  /** It, or a sample's time, lay in the future. */
  | "ahead"
  /** It lay in the past by more than the tolerance. */
  | "behind"
  /** It was set between the chunk and the hello, or the machine slept. */
  | "stepped"
  /** Nothing is known: an older bridge, or a boot that is over. */
  | "unknown"

/** Clocks may differ by this much: the drift of some weeks, and a slow network. */
export const TOLERANCE_MILLIS = 120_000

/**
 * @param newestSampleMs the time of the newest sample in the chunk; null when it has none
 * @param nowMs the receiver's clock
 */
export const of = (
  appended: Reading | null,
  newestSampleMs: number | null,
  hello: Reference | null,
  nowMs: number,
): ClockQuality => {
  if (newestSampleMs !== null && newestSampleMs > nowMs + TOLERANCE_MILLIS) return "ahead"
  if (appended === null) return "unknown"
  if (appended.wallMs > nowMs + TOLERANCE_MILLIS) return "ahead"
  if (hello === null || hello.reading.boot !== appended.boot) return "unknown"
  const step = hello.reading.wallMs - hello.reading.monotonicMs - (appended.wallMs - appended.monotonicMs)
  if (Math.abs(step) > TOLERANCE_MILLIS) return "stepped"
  const offset = hello.reading.wallMs - hello.receivedAtMs
  if (Math.abs(offset) <= TOLERANCE_MILLIS) return "ok"
  return offset > 0 ? "ahead" : "behind"
}
