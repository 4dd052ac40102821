/**
 * A map that never holds more than `capacity` entries: what was not asked for lately goes first.
 *
 * Each entry has a second chance (the CLOCK algorithm, F. Corbató 1968): when room is needed, entries are looked at
 * from the oldest; one that was used since the last look goes to the back, the first that was not goes away. A read
 * therefore costs a lookup and one assignment.
 */

interface Entry<V> {
  value: V
  used: boolean
}

export interface BoundedMap<K, V> {
  readonly capacity: number
  readonly entries: Map<K, Entry<V>>
  /** Entries worth keeping longer, such as open breakers, get the chance of used ones. */
  readonly keep: ((value: V) => boolean) | undefined
}

export const make = <K, V>(capacity: number, keep?: (value: V) => boolean): BoundedMap<K, V> => {
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new RangeError(`capacity must be a whole number from 1, not ${capacity}`)
  }
  return { capacity, entries: new Map(), keep }
}

export const get = <K, V>(map: BoundedMap<K, V>, key: K): V | undefined => {
  const entry = map.entries.get(key)
  if (entry === undefined) return undefined
  entry.used = true
  return entry.value
}

/** Sets an entry, making room first. */
export const set = <K, V>(map: BoundedMap<K, V>, key: K, value: V): void => {
  const entry = map.entries.get(key)
  if (entry !== undefined) {
    entry.value = value
    entry.used = true
    return
  }
  if (map.entries.size >= map.capacity) evictOne(map)
  map.entries.set(key, { value, used: false })
}

/** The entry, made now if there is none. */
export const getOrMake = <K, V>(map: BoundedMap<K, V>, key: K, create: () => V): V => {
  const found = get(map, key)
  if (found !== undefined) return found
  const value = create()
  set(map, key, value)
  return value
}

/** One round at most: in the second everybody has lost the mark, and the oldest goes. */
const evictOne = <K, V>(map: BoundedMap<K, V>): void => {
  let looks = map.entries.size
  for (const [key, entry] of map.entries) {
    map.entries.delete(key)
    const chance = entry.used || (map.keep?.(entry.value) ?? false)
    if (!chance || looks-- <= 0) return
    entry.used = false
    map.entries.set(key, entry)
  }
}
