/**
 * When a batch is due: as soon as enough records wait, or when the first of them has waited long enough.
 *
 * A batch that fires takes all that waits, up to the greatest size, so that a consumer that fell behind catches up in
 * larger batches. How long the first has waited is measured by the caller's steady clock from when it was first seen,
 * never by the time that a record carries.
 *
 * @example
 * Batcher.decide(Batcher.standard, { waiting: 1_000, firstSeenAtMillis: 0 }, 5) // { _tag: "Fire", size: 1000 }
 * Batcher.decide(Batcher.standard, { waiting: 1, firstSeenAtMillis: 0 }, 5) // { _tag: "Wait", untilMillis: 30000 }
 */

export interface BatchSettings {
  /** So many that wait make a batch. */
  readonly size: number
  /** One alone makes a batch after so many milliseconds. */
  readonly lingerMillis: number
  /** No batch is larger. */
  readonly maxSize: number
  /** A batch that takes longer is cancelled and tried again, milliseconds. */
  readonly timeoutMillis: number
  /** So many batches of one consumer at once. */
  readonly atOnce: number
}

/** 1000 records or 30 s, never above 5000, 60 s, 10 at once. */
export const standard: BatchSettings = {
  size: 1_000,
  lingerMillis: 30_000,
  maxSize: 5_000,
  timeoutMillis: 60_000,
  atOnce: 10,
}

export interface Waiting {
  /** How many records wait, as far as they are known. */
  readonly waiting: number
  /** When the first of them was seen, by a steady clock. */
  readonly firstSeenAtMillis: number
}

export type Decision =
  | { readonly _tag: "Fire"; readonly size: number }
  | { readonly _tag: "Wait"; readonly untilMillis: number }
  | { readonly _tag: "Idle" }

/**
 * The settings, checked.
 *
 * @throws RangeError when a size is not a whole number from 1, the size is above the greatest, or a time is negative.
 */
export const settings = (given: Partial<BatchSettings>): BatchSettings => {
  const all = { ...standard, ...given }
  for (const field of ["size", "maxSize", "atOnce"] as const) {
    if (!Number.isSafeInteger(all[field]) || all[field] < 1) {
      throw new RangeError(`${field} must be a whole number from 1, not ${all[field]}`)
    }
  }
  if (all.size > all.maxSize) throw new RangeError(`size (${all.size}) must not be above maxSize (${all.maxSize})`)
  if (!(all.lingerMillis >= 0)) throw new RangeError(`lingerMillis must not be negative, not ${all.lingerMillis}`)
  if (!(all.timeoutMillis > 0)) throw new RangeError(`timeoutMillis must be above 0, not ${all.timeoutMillis}`)
  return all
}

export const decide = (
  settings: BatchSettings,
  { firstSeenAtMillis, waiting }: Waiting,
  nowMillis: number,
): Decision => {
  if (waiting === 0) return { _tag: "Idle" }
  const untilMillis = firstSeenAtMillis + settings.lingerMillis
  if (waiting >= settings.size || nowMillis >= untilMillis) {
    return { _tag: "Fire", size: Math.min(waiting, settings.maxSize) }
  }
  return { _tag: "Wait", untilMillis }
}
