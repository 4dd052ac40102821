/**
 * Stands in for an answer that cannot be had: with the last good one, or with a substitute. The outcome says so.
 *
 * It stands in for what may pass by itself, for timeouts and for refusals of breakers, limits and bulkheads. An error
 * that is the caller's own (validation, permission, logic) stays what it is, and there is no fallback on an interruption.
 * A fallback that fails is reported with both errors.
 *
 * @example
 * const weather = yield* Fallback.makeCached<Forecast>("weather", { maxAgeMillis: 3_600_000 })
 * const answer = yield* weather.run(city)(fetchForecast(city))
 * if (answer._tag === "Degraded") showAsOld(answer.value)
 */
import { Cause, type Config, type ConfigError, type Context, Effect, Exit, Layer } from "effect"
import * as LastGood from "../kernel/resilience/LastGood.ts"
import { type Answer, fresh } from "./Answer.ts"
import * as Configured from "./Configured.ts"
import { countedBy } from "./Counted.ts"
import { FallbackFailed } from "./Errors.ts"
import { type CachedOptions, type FallbackOptions, standsInFor } from "./FallbackOptions.ts"
import * as FiberClock from "./FiberClock.ts"

const count = countedBy(
  { name: "paceline_degraded_answers_total", description: "Answers that a fallback gave, by where from" },
  "from",
)

/** Puts `substitute` in the place of a failed answer. */
export const substitute =
  <E, B, F, R2>(make: (error: E) => Effect.Effect<B, F, R2>, options: FallbackOptions = {}) =>
  <A, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Answer<A, B>, E | FallbackFailed<E, F>, R | R2> =>
    Effect.matchCauseEffect(effect, {
      onSuccess: (value): Exit.Exit<Answer<A, B>> => Exit.succeed(fresh(value)),
      onFailure: (cause): Effect.Effect<Answer<A, B>, E | FallbackFailed<E, F>, R2> => {
        const failure = Cause.failureOrCause(cause)
        if (failure._tag === "Right" || Cause.isInterrupted(cause)) return Exit.failCause(cause)
        const error = failure.left
        if (!standsInFor(error, options.kindOf)) return Exit.failCause(cause)
        return Effect.mapBoth(make(error), {
          onSuccess: (value): Answer<A, B> => {
            count("substitute")
            return { _tag: "Degraded", from: "substitute", value, error }
          },
          onFailure: (fallbackError) => {
            count("failed")
            return new FallbackFailed(error, fallbackError)
          },
        })
      },
    })

/** Remembers good answers, and gives the last one of the key when there is none to be had. */
export interface CachedFallback<A> {
  readonly name: string
  /** Fails with the call's own error when nothing is known that is young enough. */
  readonly run: (key: string) => <E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<Answer<A>, E, R>
}

export const makeCached = <A>(name: string, options: CachedOptions = {}): Effect.Effect<CachedFallback<A>> =>
  Effect.sync(() => {
    const known = LastGood.make<A>(options.maxKeys ?? 1_000, options.maxAgeMillis ?? 3_600_000)
    return {
      name,
      run:
        (key) =>
        <E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Answer<A>, E, R> =>
          Effect.withFiberRuntime((fiber) =>
            Effect.matchCauseEffect(effect, {
              onSuccess: (value): Exit.Exit<Answer<A>> => {
                LastGood.remember(known, key, value, FiberClock.nowMillis(fiber))
                return Exit.succeed(fresh(value))
              },
              onFailure: (cause): Exit.Exit<Answer<A>, E> => {
                const failure = Cause.failureOrCause(cause)
                if (failure._tag === "Right" || Cause.isInterrupted(cause)) return Exit.failCause(cause)
                if (!standsInFor(failure.left, options.kindOf)) return Exit.failCause(cause)
                const last = LastGood.recall(known, key, FiberClock.nowMillis(fiber))
                if (last === undefined) return Exit.failCause(cause)
                count("cache")
                return Exit.succeed({ _tag: "Degraded", from: "cache", ...last, error: failure.left })
              },
            }),
          ),
    }
  })

/** Provides a cached fallback under a tag of your own. */
export const layer = <I, A>(
  tag: Context.Tag<I, CachedFallback<A>>,
  name: string,
  options?: CachedOptions,
): Layer.Layer<I> => Layer.effect(tag, makeCached<A>(name, options))

/** `FALLBACK_MAX_AGE_MILLIS` and `FALLBACK_MAX_KEYS`. */
export const config = Configured.fallback

/** As `layer`, with settings from the configuration. */
export const layerConfig = <I, A>(
  tag: Context.Tag<I, CachedFallback<A>>,
  name: string,
  read: Config.Config<CachedOptions> = config,
): Layer.Layer<I, ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(read, (options) => layer(tag, name, options)))
