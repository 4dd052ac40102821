/**
 * Windows of a fixed length: tumbling ones stand side by side, sliding ones overlap.
 *
 * They are aligned to the epoch (or to `offsetMillis` after it), never to the first event, so that two processes, or
 * one before and after its restart, mean the same windows.
 *
 * @example
 * const event = { atMillis: 61_500 }
 * TimeWindows.tumbling(TimeWindows.MINUTE)(event)      // [{ startMillis: 60_000, endMillis: 120_000 }]
 * TimeWindows.sliding(60_000, 20_000)(event).length    // 3
 */
import type { Span } from "./WindowPane.ts"

/** The four lengths that Paceline has everywhere, in milliseconds. */
export const SECOND = 1_000
export const MINUTE = 60_000
export const FIVE_MINUTES = 300_000
export const HOUR = 3_600_000

/** The windows that an event belongs to, by their start. */
export type SpansOf = (event: { readonly atMillis: number }) => ReadonlyArray<Span>

/** @throws RangeError when the size is not a whole number of milliseconds from 1. */
export const tumbling = (sizeMillis: number, offsetMillis = 0): SpansOf => sliding(sizeMillis, sizeMillis, offsetMillis)

/**
 * A window of `sizeMillis` begins every `everyMillis`; an instant is in `sizeMillis / everyMillis` of them.
 *
 * @throws RangeError when a length is not a whole number from 1, or `everyMillis` is greater than the size: an instant
 * between two windows would be in none.
 */
export const sliding = (sizeMillis: number, everyMillis: number, offsetMillis = 0): SpansOf => {
  requireWhole("sizeMillis", sizeMillis, 1)
  requireWhole("everyMillis", everyMillis, 1)
  requireWhole("offsetMillis", offsetMillis, Number.MIN_SAFE_INTEGER)
  if (everyMillis > sizeMillis) throw new RangeError(`Windows of ${sizeMillis} ms every ${everyMillis} ms leave gaps`)
  return ({ atMillis }) => {
    const spans: Array<Span> = []
    const last = lastStart(atMillis, everyMillis, offsetMillis)
    for (let start = last; start + sizeMillis > atMillis; start -= everyMillis)
      spans.unshift({ startMillis: start, endMillis: start + sizeMillis })
    return spans
  }
}

/** The newest start that is not after the instant. The remainder is exact where a quotient would be rounded. */
const lastStart = (atMillis: number, everyMillis: number, offsetMillis: number): number => {
  const past = (atMillis - offsetMillis) % everyMillis
  return atMillis - (past < 0 ? past + everyMillis : past)
}

const requireWhole = (name: string, value: number, least: number): void => {
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`${name} must be a whole number from ${least}, not ${value}`)
}
