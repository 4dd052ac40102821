/**
 * A three-way merge, field by field: what I changed and what they changed since we both saw `base`.
 *
 * A field that only one side changed takes that side's value. One that both changed to the same takes it. One that both
 * changed differently is decided by its rule; without a rule, or when the values do not fit the rule, it is in conflict,
 * and a person decides. A field that is absent counts as a value of its own, so that removing one is a change too.
 *
 * @example
 * Merge.threeWay({ alias: "Jo", km: 10 }, { alias: "Joan", km: 12 }, { alias: "Jo", km: 15 }, { km: "sum" })
 * // Merged: { alias: "Joan", km: 17 }
 */
import * as CanonicalJson from "./CanonicalJson.ts"

/** An object of JSON data. */
export type Fields = Readonly<Record<string, unknown>>

export type Rule =
  /** A person decides. What a field without a rule gets. */
  | "ask"
  /** The writer's value stands: it was told of nothing else. */
  | "mine"
  /** What is stored stands. */
  | "theirs"
  /** A number that both sides added to: both additions count. Of whole numbers exactly. */
  | "sum"
  /** The greater of two numbers, or the later of two texts: records, dates. */
  | "max"
  | "min"
  /** A list without order or repetition: what either side added is in, what either side took out is not. */
  | "union"
  /** An object, merged by its own rules. */
  | { readonly fields: Rules }

/** Rules by field. */
export type Rules = { readonly [field: string]: Rule }

/** A field that both sides changed differently. A value that is undefined is not there. */
export interface FieldConflict {
  /** The field, and inside nested ones the way to it. */
  readonly path: ReadonlyArray<string>
  readonly base: unknown
  readonly mine: unknown
  readonly theirs: unknown
}

export interface Merged {
  /** All that could be merged; a field in conflict has their value. */
  readonly value: Fields
  /** Empty when all could be merged. */
  readonly conflicts: ReadonlyArray<FieldConflict>
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const threeWay = (base: Fields, mine: Fields, theirs: Fields, rules: Rules = {}): Merged => {
  const conflicts: Array<FieldConflict> = []
  return { value: merged([], { base, mine, theirs }, rules, conflicts), conflicts }
}

/** The fields whose values differ, with what `base` had, if it is known. */
export const differences = (base: Fields | undefined, mine: Fields, theirs: Fields): ReadonlyArray<FieldConflict> =>
  namesOf(mine, theirs)
    .map((name) => ({ path: [name], base: own(base, name), mine: own(mine, name), theirs: own(theirs, name) }))
    .filter((field) => !CanonicalJson.equal(field.mine, field.theirs))

/** What the three sides say, of a whole or of one field. */
interface Sides<A> {
  readonly base: A
  readonly mine: A
  readonly theirs: A
}

const merged = (
  path: ReadonlyArray<string>,
  { base, mine, theirs }: Sides<Fields>,
  rules: Rules,
  conflicts: Array<FieldConflict>,
): Fields => {
  const entries = namesOf(base, mine, theirs).map((name): [string, unknown] => {
    const sides = { base: own(base, name), mine: own(mine, name), theirs: own(theirs, name) }
    return [name, field([...path, name], sides, Object.hasOwn(rules, name) ? rules[name] : "ask", conflicts)]
  })
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

const field = (
  path: ReadonlyArray<string>,
  sides: Sides<unknown>,
  rule: Rule | undefined,
  conflicts: Array<FieldConflict>,
): unknown => {
  const { base, mine, theirs } = sides
  // Two additions of the same amount are two: only for sums it matters that both sides say the same.
  const same = CanonicalJson.equal(mine, theirs)
  if (CanonicalJson.equal(base, mine) || (same && rule !== "sum")) return theirs
  if (CanonicalJson.equal(base, theirs)) return mine
  const decided = decide(path, sides, rule, conflicts)
  if (decided !== undefined) return decided.value
  if (!same) conflicts.push({ path, ...sides })
  return theirs
}

/** What the rule makes of a field that both changed; undefined when it has no word on such values. */
const decide = (
  path: ReadonlyArray<string>,
  { base, mine, theirs }: Sides<unknown>,
  rule: Rule | undefined,
  conflicts: Array<FieldConflict>,
): { readonly value: unknown } | undefined => {
  if (typeof rule === "object") {
    if (!isFields(mine) || !isFields(theirs)) return undefined
    return { value: merged(path, { base: isFields(base) ? base : {}, mine, theirs }, rule.fields, conflicts) }
  }
  switch (rule) {
    case "mine":
      return { value: mine }
    case "theirs":
      return { value: theirs }
    case "sum": {
      const start = base ?? 0
      const numbers = typeof start === "number" && typeof mine === "number" && typeof theirs === "number"
      return numbers ? { value: theirs + (mine - start) } : undefined
    }
    case "max":
    case "min": {
      const comparable =
        (typeof mine === "number" && typeof theirs === "number") ||
        (typeof mine === "string" && typeof theirs === "string")
      return comparable ? { value: mine > theirs === (rule === "max") ? mine : theirs } : undefined
    }
    case "union": {
      const before = base ?? []
      if (!Array.isArray(before) || !Array.isArray(mine) || !Array.isArray(theirs)) return undefined
      return { value: union(before, mine, theirs) }
    }
    default:
      return undefined
  }
}

/** Theirs without what I took out, then what I added; each once. */
const union = (
  base: ReadonlyArray<unknown>,
  mine: ReadonlyArray<unknown>,
  theirs: ReadonlyArray<unknown>,
): ReadonlyArray<unknown> => {
  const inBase = new Set(base.map(CanonicalJson.text))
  const inMine = new Set(mine.map(CanonicalJson.text))
  const kept = theirs.filter((item) => {
    const text = CanonicalJson.text(item)
    return inMine.has(text) || !inBase.has(text)
  })
  const added = mine.filter((item) => !inBase.has(CanonicalJson.text(item)))
  return [...new Map([...kept, ...added].map((item) => [CanonicalJson.text(item), item])).values()]
}

const own = (fields: Fields | undefined, name: string): unknown =>
  fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined

const namesOf = (...sides: ReadonlyArray<Fields>): ReadonlyArray<string> => [...new Set(sides.flatMap(Object.keys))]
