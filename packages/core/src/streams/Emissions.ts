/**
 * What of a unit's emissions is told.
 *
 * A batch of a thousand events changes a window a thousand times; who upserts rows needs the last of them. So of the
 * updates that follow each other in one unit, with nothing else of the key in between, the last takes the place of the
 * others, and takes over the spans that they replaced.
 */
import { isSame, type Span } from "../kernel/streams/WindowPane.ts"
import type { Emission } from "../kernel/streams/Windows.ts"

/** `latest`: as above. `each`: one for every event. `none`: only what is on time and final. */
export type Updates = "latest" | "each" | "none"

type Update<W> = Extract<Emission<W>, { readonly _tag: "Update" }>

export const told = <W>(emitted: ReadonlyArray<Emission<W>>, updates: Updates): ReadonlyArray<Emission<W>> => {
  if (updates === "each") return emitted
  if (updates === "none") return emitted.filter(({ _tag }) => _tag !== "Update")
  const kept: Array<Emission<W> | undefined> = []
  /** Where the updates of each key lie that a later one may take the place of. */
  const open = new Map<string, Array<number>>()
  for (const emission of emitted) {
    if (emission._tag !== "Update") {
      open.delete(emission.key)
      kept.push(emission)
      continue
    }
    const before = open.get(emission.key) ?? []
    let next = emission
    const others: Array<number> = []
    for (const index of before) {
      const older = kept[index]
      if (older?._tag === "Update" && takesPlaceOf(emission, older)) {
        next = joined(older, next)
        kept[index] = undefined
      } else {
        others.push(index)
      }
    }
    open.set(emission.key, [...others, kept.length])
    kept.push(next)
  }
  return kept.filter((emission) => emission !== undefined)
}

const takesPlaceOf = <W>(newer: Update<W>, older: Update<W>): boolean =>
  isSame(newer, older) || newer.replaces.some((span) => isSame(span, older))

/** The newer one, which also replaces what the older one replaced. */
const joined = <W>(older: Update<W>, newer: Update<W>): Update<W> => {
  const replaces: Array<Span> = [...newer.replaces]
  for (const span of older.replaces) {
    if (!isSame(span, newer) && !replaces.some((other) => isSame(other, span))) replaces.push(span)
  }
  return { ...newer, replaces }
}
