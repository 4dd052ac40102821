/**
 * Which rank the next free places go to: the highest first, and none is passed over for ever.
 *
 * A rank that has something waiting grows older each time that another goes before it. The second of the line is
 * passed over four times in a row, the third sixteen times, and so on; then it is its turn. So high work hardly
 * notices the low, and of twenty places under full load three or four go to the middle and one to the low. Age is
 * counted in turns and not in time: it holds at any speed, and no clock can disturb it.
 *
 * Ranks are named by their place in the line: 0 is the highest. Who asks says which may have something waiting; a rank
 * whose turn comes and that turns out to have nothing has lost nothing but its age.
 *
 * @example
 * FairRanks.allot(FairRanks.fresh(3), [true, true, true], 10) // { places: [8, 2, 0], … }
 */

/** How often each rank was passed over since its last turn. */
export type Ages = ReadonlyArray<number>

export const fresh = (ranks: number): Ages => new Array<number>(ranks).fill(0)

/** How often a rank is passed over before its turn has come. The first in line is only ever passed over for others' turns. */
const patience = (rank: number): number => 4 ** rank

export interface Allotment {
  /** How many places each rank gets. */
  readonly places: ReadonlyArray<number>
  readonly ages: Ages
}

/** Gives `places` away among the ranks that may have something waiting. None of them: no places. */
export const allot = (ages: Ages, waiting: ReadonlyArray<boolean>, places: number): Allotment => {
  const aged = [...ages]
  const given = fresh(ages.length).slice()
  for (let place = 0; place < places; place++) {
    const turn = turnOf(aged, waiting)
    if (turn === undefined) break
    given[turn] = (given[turn] ?? 0) + 1
    for (let rank = 0; rank < aged.length; rank++) {
      if (rank === turn) aged[rank] = 0
      else if (waiting[rank] === true) aged[rank] = (aged[rank] ?? 0) + 1
    }
  }
  return { places: given, ages: aged }
}

/** The lowest of those whose patience is over; else the highest. */
const turnOf = (ages: Ages, waiting: ReadonlyArray<boolean>): number | undefined => {
  for (let rank = ages.length - 1; rank > 0; rank--) {
    if (waiting[rank] === true && (ages[rank] ?? 0) >= patience(rank)) return rank
  }
  const highest = waiting.indexOf(true)
  return highest === -1 ? undefined : highest
}
