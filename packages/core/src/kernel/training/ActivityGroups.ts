/**
 * Which recordings of an athlete belong together, each group being one activity.
 *
 * It is a function of the set: the order in which recordings arrive changes nothing, and one that comes late may join two
 * groups or part none. What a person decided goes before what was recognised: two that were taken apart are never in one
 * group, whatever lies between them, and two that were put together are, unless that would join what was taken apart.
 *
 * The surest links are made first; each that would bring together what was taken apart is left out.
 *
 * @example
 * ActivityGroups.of([watch, phone, other], [{ a: "watch", b: "other", apart: true }])
 */
import { compare, type Recording } from "./SameActivity.ts"

/** What a person decided about two recordings. At most one decision a pair. */
export interface Decision {
  readonly a: string
  readonly b: string
  readonly apart: boolean
}

/** Why two are the same activity. */
export interface Link {
  readonly a: string
  readonly b: string
  readonly confidence: number
  readonly reason: string
}

export interface Group {
  /** Sorted; one alone, or more. */
  readonly members: ReadonlyArray<string>
  /** The links that hold it together: one fewer than members. */
  readonly links: ReadonlyArray<Link>
}

/** The groups in the order of their first members. */
export const of = (
  recordings: ReadonlyArray<Recording>,
  decisions: ReadonlyArray<Decision> = [],
): ReadonlyArray<Group> => {
  const groups = new Map<string, { readonly members: Set<string>; readonly links: Array<Link> }>()
  for (const { id } of recordings) groups.set(id, { members: new Set([id]), links: [] })
  const apart = new Set(decisions.filter((one) => one.apart).map(({ a, b }) => pairOf(a, b)))
  for (const link of linksOf(recordings, decisions).toSorted(surestFirst)) {
    const [one, other] = [groups.get(link.a), groups.get(link.b)]
    if (one === undefined || other === undefined || one === other) continue
    if (isParted(one.members, other.members, apart)) continue
    one.links.push(...other.links, link)
    for (const id of other.members) {
      one.members.add(id)
      groups.set(id, one)
    }
  }
  return Array.from(new Set(groups.values()), ({ links, members }) => ({
    members: [...members].toSorted(byText),
    links: links.toSorted((x, y) => byText(x.a, y.a) || byText(x.b, y.b)),
  })).toSorted((x, y) => byText(x.members[0] ?? "", y.members[0] ?? ""))
}

const linksOf = (recordings: ReadonlyArray<Recording>, decisions: ReadonlyArray<Decision>): ReadonlyArray<Link> => {
  const decided = new Map(decisions.map((decision) => [pairOf(decision.a, decision.b), decision]))
  const links: Array<Link> = []
  const sorted = recordings.toSorted((x, y) => byText(x.id, y.id))
  for (const [i, one] of sorted.entries()) {
    for (const other of sorted.slice(i + 1)) {
      const [a, b] = [one.id, other.id]
      const decision = decided.get(pairOf(a, b))
      if (decision !== undefined) {
        if (!decision.apart) links.push({ a, b, confidence: BY_HAND, reason: "put together by hand" })
        continue
      }
      const verdict = compare(one, other)
      if (verdict.same) links.push({ a, b, confidence: verdict.confidence, reason: verdict.reason })
    }
  }
  return links
}

/** Surer than anything recognised. */
const BY_HAND = 2

const surestFirst = (x: Link, y: Link): number => y.confidence - x.confidence || byText(x.a, y.a) || byText(x.b, y.b)

const isParted = (one: ReadonlySet<string>, other: ReadonlySet<string>, apart: ReadonlySet<string>): boolean => {
  for (const a of one) for (const b of other) if (apart.has(pairOf(a, b))) return true
  return false
}

const pairOf = (a: string, b: string): string => JSON.stringify(a < b ? [a, b] : [b, a])

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
