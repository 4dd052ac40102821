/**
 * Where something stands in the buffer's line. Openings of the buffer are counted, and chunks within an opening; the
 * two make one whole number that orders everything: `opened * 2^32 + n`. It is the key of the tables.
 */

/** Where a reader stands: at a chunk or a gap, in the order of delivery. */
export interface Position {
  /** Which opening of the buffer the incarnation belongs to; older ones go first. */
  readonly opened: number
  readonly n: number
}

/** The most numbers of one opening: at a flush a second they last 136 years. */
const NUMBERS = 2 ** 32

export const keyOf = (opened: number, n: number): number => opened * NUMBERS + n

export const positionOf = (key: number): Position => ({ opened: Math.floor(key / NUMBERS), n: key % NUMBERS })

/** The keys of all chunks and gaps of an opening lie between these. */
export const firstKeyOf = (opened: number): number => keyOf(opened, 0)
export const lastKeyOf = (opened: number): number => keyOf(opened, NUMBERS - 1)
