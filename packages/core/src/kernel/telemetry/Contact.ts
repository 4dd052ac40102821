/**
 * Says truthfully how fresh a reading is: `live`, then `stale`, then `lost`.
 *
 * The age is measured on the receiver's own clock, from arrival: a sensor's clock may drift or jump.
 */

export type Contact = "live" | "stale" | "lost"

export interface ContactLimits {
  /** A reading older than this is stale. */
  readonly staleAfterMillis: number
  /** A reading older than this means that contact is lost. */
  readonly lostAfterMillis: number
}

export const standard: ContactLimits = { staleAfterMillis: 4_000, lostAfterMillis: 12_000 }

export const of = (ageMillis: number, limits: ContactLimits = standard): Contact => {
  // Asked this way round, an age that is no number is never taken for a fresh one.
  if (ageMillis <= limits.staleAfterMillis) return "live"
  return ageMillis <= limits.lostAfterMillis ? "stale" : "lost"
}
