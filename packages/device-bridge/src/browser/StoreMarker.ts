/**
 * What a page remembers of a store beside the store, in `localStorage`: browsers that run short of space throw away
 * an origin's files and databases, but not that. (A person who clears the site's data clears both, and knows.)
 */
import type { Marker, WaitingRange } from "./Messages.ts"

const keyOf = (store: string): string => `paceline-bridge/${store}`

/** Null when nothing is remembered, or cannot be: a page without `localStorage` notices no eviction. */
export const readMarker = (store: string): Marker | null => {
  try {
    const text = localStorage.getItem(keyOf(store))
    const found: unknown = text === null ? null : JSON.parse(text)
    return isMarker(found) ? found : null
  } catch {
    return null
  }
}

export const writeMarker = (store: string, marker: Marker): void => {
  try {
    localStorage.setItem(keyOf(store), JSON.stringify(marker))
  } catch {
    // It is blocked or full: an eviction before the next marker would not be noticed.
  }
}

const isMarker = (found: unknown): found is Marker =>
  typeof found === "object" &&
  found !== null &&
  typeof Reflect.get(found, "atMs") === "number" &&
  isRanges(Reflect.get(found, "waiting"))

const isRanges = (found: unknown): found is ReadonlyArray<WaitingRange> =>
  Array.isArray(found) &&
  found.every(
    (range) =>
      typeof range === "object" &&
      range !== null &&
      typeof range.incarnation === "string" &&
      typeof range.first === "number" &&
      typeof range.last === "number",
  )
