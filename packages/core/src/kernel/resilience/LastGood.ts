/**
 * Remembers the last good answer of each key, to stand in for one that cannot be had now.
 *
 * Bounded in number and in age: an answer older than `maxAgeMillis` does not stand in.
 */
import * as BoundedMap from "./BoundedMap.ts"
import * as Snapshot from "./Snapshot.ts"

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

/** What `snapshot` gives, in the order in which answers will be forgotten: plain JSON, if the values are. */
export type LastGoodSnapshot<A> = ReadonlyArray<{
  readonly key: string
  readonly value: A
  readonly atMillis: number
  /** Asked for since it was last passed over. */
  readonly used: boolean
}>

export const snapshot = <A>(known: LastGood<A>): LastGoodSnapshot<A> =>
  [...known.answers.entries].map(([key, { value, used }]) => ({ key, ...value, used }))

/** @param isValue whether a value is one of these answers, as it came back from JSON */
export const readSnapshot = <A>(
  json: unknown,
  isValue: (value: unknown) => value is A,
): LastGoodSnapshot<A> | Snapshot.InvalidSnapshot =>
  Snapshot.read(json, (from) =>
    from.list((answer) => ({
      key: answer.field("key").string(),
      value: answer.field("value").such(isValue, "an answer"),
      atMillis: answer.field("atMillis").number(),
      used: answer.field("used").oneOf(true, false),
    })),
  )

/** Answers to go on with. Of more than `maxKeys` the last ones stay. */
export const restore = <A>(maxKeys: number, maxAgeMillis: number, from: LastGoodSnapshot<A>): LastGood<A> => {
  const known = make<A>(maxKeys, maxAgeMillis)
  for (const { key, value, atMillis, used } of from.slice(-maxKeys)) {
    remember(known, key, value, atMillis)
    if (used) BoundedMap.get(known.answers, key)
  }
  return known
}
