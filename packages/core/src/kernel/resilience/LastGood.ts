/**
 * Remembers the last good answer of each key, to stand in for one that cannot be had now.
 *
 * Bounded in number and in age: an answer older than `maxAgeMillis` does not stand in.
 */
import * as BoundedMap from "./BoundedMap.ts"

interface Known<A> {
  readonly value: A
  readonly atMillis: number
}

export interface LastGood<A> {
  readonly maxAgeMillis: number
  readonly answers: BoundedMap.BoundedMap<string, Known<A>>
}

/** @throws RangeError when `maxKeys` is not a whole number from 1 */
export const make = <A>(maxKeys: number, maxAgeMillis: number): LastGood<A> => ({
  maxAgeMillis,
  answers: BoundedMap.make(maxKeys),
})

export const remember = <A>(known: LastGood<A>, key: string, value: A, nowMillis: number): void =>
  BoundedMap.set(known.answers, key, { value, atMillis: nowMillis })

export interface Recalled<A> {
  readonly value: A
  /** How old the answer is, in milliseconds; 0 on a clock that went back. */
  readonly ageMillis: number
}

/** Undefined when nothing is known, or nothing young enough. */
export const recall = <A>(known: LastGood<A>, key: string, nowMillis: number): Recalled<A> | undefined => {
  const found = BoundedMap.get(known.answers, key)
  if (found === undefined) return undefined
  const ageMillis = Math.max(0, nowMillis - found.atMillis)
  return ageMillis > known.maxAgeMillis ? undefined : { value: found.value, ageMillis }
}
