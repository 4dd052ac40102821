/**
 * Decides what a numbered chunk is to a receiver that stores each number once and in order.
 *
 * A sender opens an *incarnation* (a random identity chosen each time its buffer is opened) and numbers
 * its chunks 1, 2, 3 … within it. The receiver keeps, for each (device, incarnation), the greatest number
 * that it has stored: the high-water mark. That number alone tells a redelivery from something new;
 * no clock takes part.
 */

/** The greatest chunk number stored for one (device, incarnation). 0 before the first. */
export type HighWaterMark = number

export type Verdict =
  /** The next in order: store it and move the mark to it. */
  | { readonly _tag: "Accept"; readonly mark: HighWaterMark }
  /** Stored before: acknowledge again, store nothing. */
  | { readonly _tag: "Duplicate"; readonly mark: HighWaterMark }
  /** Numbers between are missing: refuse, and ask for `expected`. */
  | { readonly _tag: "OutOfOrder"; readonly expected: number; readonly provided: number }

export const offer = (mark: HighWaterMark, n: number): Verdict => {
  // Chunks are numbered from 1. To call anything else a duplicate would acknowledge what was never stored.
  if (!Number.isSafeInteger(n) || n < 1) return { _tag: "OutOfOrder", expected: mark + 1, provided: n }
  if (n <= mark) return { _tag: "Duplicate", mark }
  if (n === mark + 1) return { _tag: "Accept", mark: n }
  return { _tag: "OutOfOrder", expected: mark + 1, provided: n }
}

/**
 * The same for numbers `first` to `last` at once, of which nothing will come (a gap). What of them is above the mark
 * is accepted, if nothing is missing below: a gap may have grown since it was last offered.
 */
export const offerRange = (mark: HighWaterMark, first: number, last: number): Verdict => {
  const isRange = Number.isSafeInteger(first) && Number.isSafeInteger(last) && 1 <= first && first <= last
  if (!isRange || first > mark + 1) return { _tag: "OutOfOrder", expected: mark + 1, provided: first }
  return last <= mark ? { _tag: "Duplicate", mark } : { _tag: "Accept", mark: last }
}

export type Resumption =
  /** The sender still holds all that the receiver lacks. */
  | { readonly _tag: "Continue"; readonly mark: HighWaterMark }
  /** The sender no longer has `first` to `last` (the receiver was restored from an older backup): declared, not waited for. */
  | { readonly _tag: "Gap"; readonly mark: HighWaterMark; readonly first: number; readonly last: number }

/** What a connection starts with, when the sender's oldest waiting chunk is `firstWaiting`. */
export const resume = (mark: HighWaterMark, firstWaiting: number): Resumption =>
  firstWaiting > mark + 1
    ? { _tag: "Gap", mark: firstWaiting - 1, first: mark + 1, last: firstWaiting - 1 }
    : { _tag: "Continue", mark }
