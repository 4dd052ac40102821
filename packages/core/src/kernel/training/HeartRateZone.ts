/**
 * Heart-rate zones as a share of the athlete's greatest heart rate.
 *
 * Five zones of ten percent from 50 % on, the usual scheme of group training (for the bands see
 * ACSM's Guidelines for Exercise Testing and Prescription). Below 50 % there is no zone (0).
 */

export type HeartRateZone = 0 | 1 | 2 | 3 | 4 | 5

/** `heartRateBpm` as a whole percent of `maxHeartRateBpm`, rounded down, never below 0. */
export const percentOfMax = (heartRateBpm: number, maxHeartRateBpm: number): number =>
  maxHeartRateBpm > 0 && heartRateBpm > 0 ? Math.floor((heartRateBpm * 100) / maxHeartRateBpm) : 0

/** 50–59 % is 1, 60–69 % is 2, 70–79 % is 3, 80–89 % is 4, 90 % and above is 5. */
export const ofPercent = (percent: number): HeartRateZone => {
  if (percent >= 90) return 5
  if (percent >= 80) return 4
  if (percent >= 70) return 3
  if (percent >= 60) return 2
  if (percent >= 50) return 1
  return 0
}

export const of = (heartRateBpm: number, maxHeartRateBpm: number): HeartRateZone =>
  ofPercent(percentOfMax(heartRateBpm, maxHeartRateBpm))
