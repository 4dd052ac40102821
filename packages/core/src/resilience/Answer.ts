/** An answer that says whether it is the real one: nobody should take yesterday's for today's by mistake. */

export type Answer<A, B = A> =
  | { readonly _tag: "Fresh"; readonly value: A }
  /** The last good answer, so many milliseconds old. `error` is why. */
  | {
      readonly _tag: "Degraded"
      readonly from: "cache"
      readonly value: A
      readonly ageMillis: number
      readonly error: unknown
    }
  /** What was put in its place. */
  | { readonly _tag: "Degraded"; readonly from: "substitute"; readonly value: B; readonly error: unknown }

export const fresh = <A>(value: A): Answer<A, never> => ({ _tag: "Fresh", value })
