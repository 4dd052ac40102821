/** The two assertions of the driver suite, because hosts with a SQLite need not have `node:assert`. */

export const ok: (holds: boolean, otherwise: string) => asserts holds = (holds, otherwise) => {
  if (!holds) throw new Error(otherwise)
}

/**
 * Fails unless the two are the same: numbers, texts, truths and null by `Object.is`, byte arrays, lists and plain
 * objects by what they hold.
 */
export const same = (actual: unknown, expected: unknown, context = ""): void =>
  ok(alike(actual, expected), `${context === "" ? "" : `${context}: `}got ${shown(actual)}, not ${shown(expected)}`)

const alike = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (a instanceof Uint8Array !== b instanceof Uint8Array || Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && alike(Reflect.get(a, key), Reflect.get(b, key)))
  )
}

const shown = (value: unknown): string => {
  if (value instanceof Uint8Array) return `${value.length} bytes [${value.slice(0, 16).join(" ")} …]`
  return typeof value === "object" ? JSON.stringify(value) : String(value)
}
