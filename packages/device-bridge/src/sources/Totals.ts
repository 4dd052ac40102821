/**
 * Distances and energies that a machine counts up, made into totals that begin at 0 and never fall.
 *
 * A treadmill counts metres since it was switched on, a foot pod since it left the factory; counts wrap, and start
 * again from 0 when the machine is reset. What was covered before stays:
 *
 *     const { state, total } = addTotal(before, packet.totalDistanceMetres, 2 ** 24)
 *
 * Pure.
 */

export interface TotalState {
  readonly last: number
  readonly total: number
}

/** Beyond this share of the range, a count that fell has wrapped; before, the machine was reset. */
const NEAR_THE_WRAP = 0.9

/** The total after `count`; `wrapsAt` is the first value that the wire cannot say, in the unit of `count`. */
export const addTotal = (state: TotalState | undefined, count: number, wrapsAt: number): TotalState => {
  if (state === undefined) return { last: count, total: 0 }
  const { last, total } = state
  if (count >= last) return { last: count, total: total + count - last }
  const wrapped = last > NEAR_THE_WRAP * wrapsAt && count < (1 - NEAR_THE_WRAP) * wrapsAt
  return { last: count, total: total + count + (wrapped ? wrapsAt - last : 0) }
}
