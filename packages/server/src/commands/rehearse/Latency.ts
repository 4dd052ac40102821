/**
 * How long a heartbeat takes from the bridge to someone watching the wall.
 *
 * Only readings that were sensed and received while everybody was connected are counted: not what waited in a
 * cut, and nothing in the first second after a reconnect, when old readings may still be on their way.
 */

/** After a reconnect, so long, in milliseconds, nothing is counted. */
const SETTLE_MILLIS = 1000

export interface Moment {
  /** When the bridge had the reading and when the watcher had it, milliseconds since the epoch on one clock. */
  readonly sensedAtMs: number
  readonly receivedAtMs: number
  /** Since when bridge and server, and server and watcher, are connected; null while they are not. */
  readonly bridgeSinceMs: number | null
  readonly wallSinceMs: number | null
}

/** The latency in milliseconds, or null when the reading does not count. */
export const latencyOf = ({ sensedAtMs, receivedAtMs, bridgeSinceMs, wallSinceMs }: Moment): number | null => {
  if (bridgeSinceMs === null || wallSinceMs === null) return null
  const settled = Math.max(bridgeSinceMs, wallSinceMs) + SETTLE_MILLIS
  return sensedAtMs >= settled ? receivedAtMs - sensedAtMs : null
}

/**
 * The value that `share` (0 to 1) of all values do not exceed, by nearest rank; null when there is none.
 *
 * @example
 * percentile([10, 20, 30, 40], 0.5) // 20
 */
export const percentile = (values: ReadonlyArray<number>, share: number): number | null => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}
