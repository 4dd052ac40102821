/**
 * Reads back what a kernel's `snapshot` gave, after it was stored or sent as JSON: all of it, or a refusal in words.
 *
 * A kernel's state is kept with `snapshot(state)`, which is plain JSON. `readSnapshot(json)` takes whatever came back
 * and never throws; `restore(settings, snapshot)` makes a state of it that goes on where the other was. Settings are not
 * part of a snapshot: they are the program's, and what does not fit them any more is left out.
 *
 * @example
 * const stored = RetryBudget.readSnapshot(JSON.parse(text))
 * const budget = Snapshot.isInvalid(stored) ? RetryBudget.make() : RetryBudget.restore(RetryBudget.standard, stored)
 */

/** Why a snapshot cannot be read. */
export interface InvalidSnapshot {
  readonly _tag: "InvalidSnapshot"
  /** Where, such as `window.ring[3]`; empty for the whole. */
  readonly path: string
  /** What should be there. */
  readonly expected: string
}

export const isInvalid = (read: object | InvalidSnapshot): read is InvalidSnapshot =>
  "_tag" in read && read._tag === "InvalidSnapshot"

/** The snapshot that `body` reads from the JSON value, or the first thing that is not as it should be. */
export const read = <S>(json: unknown, body: (part: Part) => S): S | InvalidSnapshot => {
  try {
    return body(new Part(json, ""))
  } catch (error) {
    if (error instanceof Refusal) return { _tag: "InvalidSnapshot", path: error.path, expected: error.message }
    throw error
  }
}

/** Stays inside this file: `read` turns it into its answer. */
class Refusal extends Error {
  readonly path: string

  constructor(path: string, expected: string) {
    super(expected)
    this.path = path
  }
}

/** One value of a snapshot, and where it stands. */
export class Part {
  readonly value: unknown
  readonly path: string

  constructor(value: unknown, path: string) {
    this.value = value
    this.path = path
  }

  refuse(expected: string): never {
    throw new Refusal(this.path, expected)
  }

  /** What an object has under this name; undefined when nothing. */
  field(name: string): Part {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value)) this.refuse("an object")
    const value: unknown = Object.hasOwn(this.value, name) ? Reflect.get(this.value, name) : undefined
    return new Part(value, this.path === "" ? name : `${this.path}.${name}`)
  }

  /** A finite number from `min`. */
  number(min = Number.NEGATIVE_INFINITY): number {
    const { value } = this
    if (typeof value !== "number" || !Number.isFinite(value) || value < min) {
      this.refuse(min === Number.NEGATIVE_INFINITY ? "a number" : `a number from ${min}`)
    }
    return value
  }

  /** A whole number from `min`, 0 if not given, to `max`. */
  whole(min = 0, max = Number.MAX_SAFE_INTEGER): number {
    const { value } = this
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
      this.refuse(max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number, ${min} to ${max}`)
    }
    return value
  }

  string(): string {
    const { value } = this
    return typeof value === "string" ? value : this.refuse("a string")
  }

  such<A>(isOne: (value: unknown) => value is A, expected: string): A {
    return isOne(this.value) ? this.value : this.refuse(expected)
  }

  oneOf<const A extends string | number | boolean>(...allowed: ReadonlyArray<A>): A {
    const found = allowed.find((each) => each === this.value)
    return found === undefined ? this.refuse(allowed.map((each) => JSON.stringify(each)).join(" or ")) : found
  }

  nullOr<A>(body: (part: Part) => A): A | null {
    return this.value === null ? null : body(this)
  }

  list<A>(body: (part: Part) => A): ReadonlyArray<A> {
    if (!Array.isArray(this.value)) this.refuse("a list")
    return this.value.map((each: unknown, i) => body(new Part(each, `${this.path}[${i}]`)))
  }
}
