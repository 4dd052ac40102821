/**
 * Which beats of a strap's log were heard live already? Live packets carry no numbers, so beats are known by what
 * they are: a heart never makes the same row of intervals twice.
 *
 * What was heard is a part of the log, in order, with holes where packets were lost. So it is walked along: the beat
 * after one that was found is the next of the log when its interval is the same. Where it is not, or after a hole, the
 * place is looked for where the following intervals agree too, and, of several such places, at the one whose time is
 * nearest. Time only chooses between places that look alike; how far the strap's clock is off is learned from the
 * places found before.
 *
 *     const live = heardAmong(log, heard)      // Map: index of the heard beat → index in the log
 *
 * Pure.
 */

import { LOST_AFTER_MILLIS } from "../gatt/index.ts"

export interface TimedBeat {
  readonly rrIntervalSeconds: number
  /** When it ended: of the log by its estimate, of what was heard by its label. */
  readonly atMillis: number
}

/** One log counts 1/1024 s, another milliseconds: nearer than this is the same. */
const SAME_SECONDS = 0.001_5

/** So many intervals in a row that agree are no chance, as far apart as estimates of a strap's clock can be. */
const SURE = 5
const SURE_WITHIN_MILLIS = 15 * 60_000
/**
 * Fewer may be chance: they must also lie where the beat is expected, the more that agree the better. Labels of what
 * was heard run up to 3 s behind where single packets were lost (`LOST_AFTER_MILLIS`).
 */
const NEAR_MILLIS = LOST_AFTER_MILLIS + 500
/** Beats whose distance is not their interval have a hole between them. */
const HOLE_MILLIS = 20

export const heardAmong = (
  log: ReadonlyArray<TimedBeat>,
  heard: ReadonlyArray<TimedBeat>,
): ReadonlyMap<number, number> => {
  // First what is sure wherever the clocks are; then, knowing from it how far they are off, what must also lie near.
  const sure = walk(log, heard, undefined)
  return walk(log, heard, sure)
}

/** `sure`: places that are known, from which the shift between both clocks is taken; undefined while looking for them. */
const walk = (
  log: ReadonlyArray<TimedBeat>,
  heard: ReadonlyArray<TimedBeat>,
  sure: ReadonlyMap<number, number> | undefined,
): ReadonlyMap<number, number> => {
  const found = new Map<number, number>()
  let shift = firstShift(log, heard, sure)
  let next = 0
  let follows = false
  for (const [i, beat] of heard.entries()) {
    const known = sure?.get(i)
    if (known !== undefined) shift = (log[known]?.atMillis ?? 0) - beat.atMillis
    const candidate: TimedBeat | undefined = log[next]
    const goesOn: boolean = follows && candidate !== undefined && !isHole(heard[i - 1], beat) && isSame(candidate, beat)
    const place: number | undefined = goesOn ? next : placeOf(log, heard, i, next, shift, sure !== undefined)
    follows = place !== undefined
    if (place === undefined) continue
    found.set(i, place)
    shift = (log[place]?.atMillis ?? 0) - beat.atMillis
    next = place + 1
  }
  return found
}

/** What is heard before the first sure place has the shift of that one. */
const firstShift = (
  log: ReadonlyArray<TimedBeat>,
  heard: ReadonlyArray<TimedBeat>,
  sure: ReadonlyMap<number, number> | undefined,
): number => {
  const [first] = sure ?? []
  if (first === undefined) return 0
  const [i, place] = first
  return (log[place]?.atMillis ?? 0) - (heard[i]?.atMillis ?? 0)
}

/** Whether beats were lost between two that were heard one after the other. */
export const isHole = (before: TimedBeat | undefined, beat: TimedBeat): boolean =>
  before === undefined || Math.abs(beat.atMillis - before.atMillis - 1_000 * beat.rrIntervalSeconds) > HOLE_MILLIS

const placeOf = (
  log: ReadonlyArray<TimedBeat>,
  heard: ReadonlyArray<TimedBeat>,
  i: number,
  from: number,
  shift: number,
  near: boolean,
): number | undefined => {
  const row = rowFrom(heard, i)
  const expected = (heard[i]?.atMillis ?? 0) + shift
  let best: number | undefined
  let bestLength = 0
  let bestDistance = 0
  for (let place = firstAt(log, expected - SURE_WITHIN_MILLIS, from); place < log.length; place++) {
    const away = (log[place]?.atMillis ?? 0) - expected
    if (away > SURE_WITHIN_MILLIS) break
    const length = Math.min(SURE, agreeing(log, place, row))
    const distance = Math.abs(away)
    if (length === 0 || (length < SURE && !(near && distance <= NEAR_MILLIS))) continue
    if (length < bestLength || (length === bestLength && distance >= bestDistance)) continue
    best = place
    bestLength = length
    bestDistance = distance
  }
  return best
}

/** The beat and those after it up to the next hole. */
const rowFrom = (heard: ReadonlyArray<TimedBeat>, i: number): ReadonlyArray<TimedBeat> => {
  const row: Array<TimedBeat> = []
  for (let k = i; k < heard.length && row.length < SURE; k++) {
    const beat = heard[k]
    if (beat === undefined || (k > i && isHole(heard[k - 1], beat))) break
    row.push(beat)
  }
  return row
}

/** How many intervals of the row are those of the log from `place` on. */
const agreeing = (log: ReadonlyArray<TimedBeat>, place: number, row: ReadonlyArray<TimedBeat>): number => {
  let length = 0
  for (const beat of row) {
    const logged = log[place + length]
    if (logged === undefined || !isSame(logged, beat)) break
    length++
  }
  return length
}

const isSame = (a: TimedBeat, b: TimedBeat): boolean =>
  Math.abs(a.rrIntervalSeconds - b.rrIntervalSeconds) <= SAME_SECONDS

/** The first place from `from` on whose time is not before `moment`. */
const firstAt = (log: ReadonlyArray<TimedBeat>, moment: number, from: number): number => {
  let low = from
  let high = log.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((log[middle]?.atMillis ?? 0) < moment) low = middle + 1
    else high = middle
  }
  return low
}
