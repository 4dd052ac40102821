/**
 * One text for all that is the same JSON data: members sorted, no white space, numbers as JavaScript writes them
 * (RFC 8785). What stands for requests and states in comparisons.
 *
 * @example
 * CanonicalJson.text({ b: 1, a: [undefined, new Date(0)] }) // {"a":[null,"1970-01-01T00:00:00.000Z"],"b":1}
 */

/** What JSON can hold. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [member: string]: Json }

/** The canonical text of what `JSON.stringify` makes of the value. Throws `TypeError` when that is nothing. */
export const text = (value: unknown): string => {
  const plain = JSON.stringify(value)
  if (plain === undefined) throw new TypeError(`${typeof value} is not JSON data`)
  return written(JSON.parse(plain))
}

const written = (value: Json): string => {
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  if (isList(value)) return `[${value.map(written).join(",")}]`
  // The order of UTF-16 code units, which is that of `<` on strings.
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${written(member)}`).join(",")}}`
}

/** `Array.isArray` does not tell TypeScript of read-only lists. */
const isList = (value: Json): value is ReadonlyArray<Json> => Array.isArray(value)

/** Whether two values are the same JSON data; the order of members does not count. `undefined` equals itself only. */
export const equal = (one: unknown, other: unknown): boolean => {
  if (one === other) return true
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false
  if (Array.isArray(one) || Array.isArray(other)) {
    return (
      Array.isArray(one) &&
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((item, i) => equal(item, other[i]))
    )
  }
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && equal(Reflect.get(one, name), Reflect.get(other, name)))
  )
}
