/**
 * How far event time has come, over all partitions that feed a stream.
 *
 * Events arrive out of order, and each partition at its own pace. The watermark is the promise that no event earlier
 * than it is awaited any more: the least of the partitions' newest event times, less the disorder that is allowed. It
 * never goes back. A partition that has been silent for `idleAfterMillis` does not hold it; when all are silent, it
 * stands where the furthest of them came to. A partition that wakes up again holds the watermark where it is until it
 * has caught up; it cannot pull it back.
 *
 * Silence is measured on the clock of the process that reads, and told by the caller with each call. Downtime is not
 * silence: call `resume` after a restart. A partition whose backlog is not being read is not silent either: a reader
 * that pauses one calls `awake` for it. The state is plain JSON, to be stored with the offsets that it stands for.
 *
 * @example
 * let state = Watermark.make(["telemetry/0", "telemetry/1"], now)
 * state = Watermark.observe(state, "telemetry/0", event.atMillis, now, { disorderMillis: 2_000, idleAfterMillis: 30_000 })
 * state.millis // null until both partitions have spoken, or one is silent for 30 s
 */

export interface PartitionMark {
  readonly partition: string
  /** The newest event time seen; null before the first event. */
  readonly newestMillis: number | null
  /** When the partition was last heard of, by the reader's clock. */
  readonly heardAtMillis: number
}

export interface WatermarkState {
  readonly partitions: ReadonlyArray<PartitionMark>
  /** No event earlier than this is awaited; null while nothing can be said. */
  readonly millis: number | null
}

export interface WatermarkOptions {
  /** How much later than a newer one an event of the same partition may come and still be on time. */
  readonly disorderMillis: number
  /** A partition silent for so long does not hold the watermark. Never, if not given. */
  readonly idleAfterMillis?: number
  /**
   * An event moves its partition at most so far beyond the reader's clock, so that one device whose clock runs ahead
   * does not make everybody else late. Unbounded, if not given.
   */
  readonly maxAheadMillis?: number
}

/** Knows `partitions` before their first event, so that those which have not spoken yet are waited for. */
export const make = (partitions: ReadonlyArray<string>, nowMillis: number): WatermarkState => ({
  partitions: partitions.map((partition) => ({ partition, newestMillis: null, heardAtMillis: nowMillis })),
  millis: null,
})

/** An event of `partition` happened at `atMillis`. A partition not known before joins. */
export const observe = (
  state: WatermarkState,
  partition: string,
  atMillis: number,
  nowMillis: number,
  options: WatermarkOptions,
): WatermarkState => {
  const reached = Math.min(atMillis, nowMillis + (options.maxAheadMillis ?? Number.POSITIVE_INFINITY))
  return advance(heard(state, partition, reached, nowMillis), nowMillis, options)
}

/** Only time has passed: partitions may have become idle. */
export const advance = (state: WatermarkState, nowMillis: number, options: WatermarkOptions): WatermarkState => {
  const partitions = withoutFuture(state.partitions, nowMillis)
  const reached = reachedBy(partitions, nowMillis, options.idleAfterMillis ?? Number.POSITIVE_INFINITY)
  const next = reached === null ? null : reached - options.disorderMillis
  return { partitions, millis: next === null ? state.millis : Math.max(next, state.millis ?? next) }
}

/** The partition is there, though no event came: it joined, or its reader paused it and has not forgotten it. */
export const awake = (state: WatermarkState, partition: string, nowMillis: number): WatermarkState =>
  heard(state, partition, null, nowMillis)

/** The partition is read by another from now on, and holds nothing here. */
export const leave = (state: WatermarkState, partition: string): WatermarkState => ({
  ...state,
  partitions: state.partitions.filter((mark) => mark.partition !== partition),
})

/** After a restart: nobody was silent while nobody listened. */
export const resume = (state: WatermarkState, nowMillis: number): WatermarkState => ({
  ...state,
  partitions: state.partitions.map((mark) => ({ ...mark, heardAtMillis: nowMillis })),
})

const heard = (state: WatermarkState, partition: string, reached: number | null, nowMillis: number): WatermarkState => {
  const before = state.partitions.find((mark) => mark.partition === partition)
  const newestMillis =
    reached === null ? (before?.newestMillis ?? null) : Math.max(reached, before?.newestMillis ?? reached)
  const mark: PartitionMark = { partition, newestMillis, heardAtMillis: nowMillis }
  return {
    ...state,
    partitions:
      before === undefined
        ? [...state.partitions, mark]
        : state.partitions.map((other) => (other.partition === partition ? mark : other)),
  }
}

/** A clock that was set back would make a silent partition look awake for as long: nobody was heard in the future. */
const withoutFuture = (marks: ReadonlyArray<PartitionMark>, nowMillis: number): ReadonlyArray<PartitionMark> =>
  marks.some((mark) => mark.heardAtMillis > nowMillis)
    ? marks.map((mark) => (mark.heardAtMillis > nowMillis ? { ...mark, heardAtMillis: nowMillis } : mark))
    : marks

/** The event time that all awake partitions have come to, or the furthest of all when none is awake. */
const reachedBy = (marks: ReadonlyArray<PartitionMark>, nowMillis: number, idleAfterMillis: number): number | null => {
  let least: number | null = null
  let greatest: number | null = null
  let someAwake = false
  for (const { newestMillis, heardAtMillis } of marks) {
    const awake = nowMillis - heardAtMillis < idleAfterMillis
    if (awake && newestMillis === null) return null
    if (newestMillis === null) continue
    greatest = Math.max(newestMillis, greatest ?? newestMillis)
    if (!awake) continue
    someAwake = true
    least = Math.min(newestMillis, least ?? newestMillis)
  }
  return someAwake ? least : greatest
}
