/**
 * Fallbacks for promises: the last good answer, or a substitute, and the outcome says which.
 *
 * @example
 * const weather = cachedFallback<Forecast>({ maxAgeMillis: 3_600_000 })
 * const answer = await weather.execute(city, (call) => fetchForecast(city, call.signal))
 */
import * as LastGood from "../../kernel/resilience/LastGood.ts"
import { type Answer, fresh } from "../Answer.ts"
import { FallbackFailed } from "../Errors.ts"
import { type CachedOptions, type FallbackOptions, standsInFor } from "../FallbackOptions.ts"
import { callOf, type Operation, type Parent } from "./Call.ts"

/** Puts `make`'s value in the place of a failed answer; rejects with `FallbackFailed` when that fails too. */
export const withSubstitute = async <A, B>(
  operation: Operation<A>,
  make: (error: unknown) => PromiseLike<B> | B,
  parent?: Parent,
  options: FallbackOptions = {},
): Promise<Answer<A, B>> => {
  const call = callOf(parent)
  try {
    return fresh(await operation(call))
  } catch (error) {
    if (call.aborted || !standsInFor(error, options.kindOf)) throw error
    try {
      return { _tag: "Degraded", from: "substitute", value: await make(error), error }
    } catch (fallbackError) {
      throw new FallbackFailed(error, fallbackError)
    }
  }
}

export interface PromiseCachedFallback<A> {
  /** Rejects with the operation's own error when nothing is known that is young enough. */
  readonly execute: (key: string, operation: Operation<A>, parent?: Parent) => Promise<Answer<A>>
}

export const cachedFallback = <A>(options: CachedOptions = {}): PromiseCachedFallback<A> => {
  const known = LastGood.make<A>(options.maxKeys ?? 1_000, options.maxAgeMillis ?? 3_600_000)
  return {
    execute: async (key, operation, parent) => {
      const call = callOf(parent)
      try {
        const value = await operation(call)
        LastGood.remember(known, key, value, Date.now())
        return fresh(value)
      } catch (error) {
        if (call.aborted || !standsInFor(error, options.kindOf)) throw error
        const last = LastGood.recall(known, key, Date.now())
        if (last === undefined) throw error
        return { _tag: "Degraded", from: "cache", ...last, error }
      }
    },
  }
}
