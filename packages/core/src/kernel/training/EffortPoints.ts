/**
 * Effort points: a minute in zone z earns z points.
 *
 * The state is only sums of whole milliseconds, so that the same samples in the same order always give
 * the same points, in one go or in pieces, today or when the log is replayed.
 *
 * A sample holds until the next one, but no longer than `HOLD_MILLIS`: time without contact earns nothing.
 * A sample that is older than one already counted changes nothing.
 */
import * as HeartRateZone from "./HeartRateZone.ts"

/** How long a heart-rate sample speaks for when no other follows, in milliseconds. */
export const HOLD_MILLIS = 5_000

/** Milliseconds spent below zone 1 and in zones 1 to 5. */
export type ZoneMillis = readonly [number, number, number, number, number, number]

export interface Effort {
  readonly zoneMillis: ZoneMillis
  /** The sample that still holds, if any. */
  readonly last: { readonly atMs: number; readonly zone: HeartRateZone.HeartRateZone } | null
}

export const empty: Effort = { zoneMillis: [0, 0, 0, 0, 0, 0], last: null }

/** Adds one sample. `atMs` is milliseconds since the epoch, `heartRateBpm` beats a minute. */
export const add = (effort: Effort, atMs: number, heartRateBpm: number, maxHeartRateBpm: number): Effort => {
  const { last } = effort
  if (last !== null && atMs <= last.atMs) return effort
  const next = { atMs, zone: HeartRateZone.of(heartRateBpm, maxHeartRateBpm) }
  if (last === null) return { zoneMillis: effort.zoneMillis, last: next }
  const [z0, z1, z2, z3, z4, z5] = effort.zoneMillis
  const sums: [number, number, number, number, number, number] = [z0, z1, z2, z3, z4, z5]
  sums[last.zone] += Math.min(atMs - last.atMs, HOLD_MILLIS)
  return { zoneMillis: sums, last: next }
}

/** Whole points earned: the minutes of each zone times its number, added up, rounded down. */
export const points = (zoneMillis: ZoneMillis): number =>
  Math.floor(zoneMillis.reduce((sum, millis, zone) => sum + millis * zone, 0) / 60_000)
