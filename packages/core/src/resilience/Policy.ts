/**
 * All guards of a call in one line, in the one order that is right.
 *
 * From the outside in: fallback, retry, bulkhead, breaker, timeout, call. So
 * - the timeout is for each attempt, and the retry's total time for all of them;
 * - the breaker sees every attempt, and a late one as a timeout; calls that wait for a place do not hold its probes;
 * - a refusal (an open breaker, a full bulkhead) is not tried again, and the fallback stands in for it;
 * - the retry's budget and the breaker's count belong to the policy: make one for each dependency, not for each call.
 *
 * A rate limit is about who calls, not about what is called; it stands around all of this: `limiter.limit(asks)`.
 *
 * @example
 * const strava = yield* Policy.forUser("strava", { bulkhead })
 * const activities = yield* strava.run(fetchActivities)
 * const answer = yield* strava.runOr(fetchActivities, () => Effect.succeed([])) // says whether it is degraded
 */
import { Config, type ConfigError, Context, Effect, Layer } from "effect"
import * as AdaptiveTimeout from "../kernel/resilience/AdaptiveTimeout.ts"
import * as BoundedMap from "../kernel/resilience/BoundedMap.ts"
import * as RetryKernel from "../kernel/resilience/Retry.ts"
import type { Answer } from "./Answer.ts"
import * as BreakerCell from "./BreakerCell.ts"
import * as CircuitBreaker from "./CircuitBreaker.ts"
import * as Configured from "./Configured.ts"
import type { BreakerOpen, FallbackFailed, TimeoutExceeded } from "./Errors.ts"
import * as Fallback from "./Fallback.ts"
import * as Retry from "./Retry.ts"
import { plan, type RetryOptions } from "./RetryOptions.ts"
import * as Timeout from "./Timeout.ts"

/** Anything that runs an effect when there is a place, such as `concurrency/Bulkhead`. `B` is how it refuses. */
export interface BulkheadLike<B> {
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | B, R>
}

export interface PolicyOptions<B = never> {
  /** False for a single attempt. */
  readonly retry?: RetryOptions | false
  readonly bulkhead?: BulkheadLike<B>
  /** A breaker that others use too, settings for one of its own, or false for none. */
  readonly breaker?: CircuitBreaker.CircuitBreaker | BreakerCell.BreakerOptions | false
  readonly timeout?: Partial<AdaptiveTimeout.TimeoutSettings> | false
}

export interface Policy<B = never> {
  readonly name: string
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | B | BreakerOpen | TimeoutExceeded, R>
  /** As `run`; when it fails with what may pass by itself, `substitute` stands in, and the answer says so. */
  readonly runOr: <A, E, R, C, F, R2>(
    effect: Effect.Effect<A, E, R>,
    substitute: (error: E | B | BreakerOpen | TimeoutExceeded) => Effect.Effect<C, F, R2>,
  ) => Effect.Effect<
    Answer<A, C>,
    E | B | BreakerOpen | TimeoutExceeded | FallbackFailed<E | B | BreakerOpen | TimeoutExceeded, F>,
    R | R2
  >
  /** Undefined when the policy has none. */
  readonly breaker: CircuitBreaker.CircuitBreaker | undefined
}

/** Somebody waits: 5 attempts within 30 s. */
export const forUser = <B = never>(name: string, options: PolicyOptions<B> = {}): Effect.Effect<Policy<B>> =>
  make(name, withRetry(RetryKernel.user, options))

/** Nobody waits: 10 attempts within 5 min. */
export const forSystem = <B = never>(name: string, options: PolicyOptions<B> = {}): Effect.Effect<Policy<B>> =>
  make(name, withRetry(RetryKernel.system, options))

const withRetry = <B>(preset: RetryKernel.RetrySettings, options: PolicyOptions<B>): PolicyOptions<B> => ({
  ...options,
  retry: options.retry === false ? false : { ...preset, ...options.retry },
})

/** `metricName` stands for it in metrics, where one name stands for many keys. */
export const make = <B = never>(
  name: string,
  options: PolicyOptions<B> = {},
  metricName: string = name,
): Effect.Effect<Policy<B>> =>
  Effect.map(Effect.clock, (clock) => {
    const breaker = breakerOf(name, options.breaker ?? {}, clock.unsafeCurrentTimeMillis(), metricName)
    const timeout =
      options.timeout === false ? undefined : Timeout.fromState(name, AdaptiveTimeout.make(options.timeout), metricName)
    const retry =
      options.retry === false
        ? undefined
        : Retry.fromPlan(plan({ ...options.retry, ...(breaker === undefined ? {} : { breaker }) }))
    const run: Policy<B>["run"] = (effect) => {
      const timed = timeout === undefined ? effect : timeout.run(effect)
      const guarded = breaker === undefined ? timed : breaker.run(timed)
      const placed = options.bulkhead === undefined ? guarded : options.bulkhead.run(guarded)
      return retry === undefined ? placed : retry.run(placed)
    }
    return { name, run, runOr: (effect, substitute) => Fallback.substitute(substitute)(run(effect)), breaker }
  })

const breakerOf = (
  name: string,
  given: CircuitBreaker.CircuitBreaker | BreakerCell.BreakerOptions | false,
  nowMillis: number,
  metricName: string,
): CircuitBreaker.CircuitBreaker | undefined => {
  if (given === false) return undefined
  return "run" in given ? given : CircuitBreaker.fromCell(BreakerCell.make(name, { nowMillis, ...given }), metricName)
}

/** One policy a dependency, made when first used. */
export interface KeyedPolicy<B = never> {
  readonly get: (key: string) => Effect.Effect<Policy<B>>
  readonly run: (
    key: string,
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | B | BreakerOpen | TimeoutExceeded, R>
}

export interface KeyedOptions<B = never> extends PolicyOptions<B> {
  /** What was not used lately goes first, those with open breakers last. Default 1,000. */
  readonly maxKeys?: number
  /** Whether somebody waits. Default true. */
  readonly forUser?: boolean
  /** What stands for all of them in metrics, where a series for each key would never go. Default `dependencies`. */
  readonly group?: string
}

export const makeKeyed = <B = never>(options: KeyedOptions<B> = {}): Effect.Effect<KeyedPolicy<B>> =>
  Effect.sync(() => {
    const { maxKeys = 1_000, forUser: waits = true, group = "dependencies", ...given } = options
    const policy = withRetry(waits ? RetryKernel.user : RetryKernel.system, given)
    const worthKeeping = (kept: Policy<B>): boolean => kept.breaker !== undefined && !kept.breaker.cell.state.free
    const policies = BoundedMap.make<string, Policy<B>>(maxKeys, worthKeeping)
    const get = (key: string): Effect.Effect<Policy<B>> =>
      Effect.suspend(() => {
        const found = BoundedMap.get(policies, key)
        if (found !== undefined) return Effect.succeed(found)
        return Effect.map(make(key, policy, group), (made) => {
          BoundedMap.set(policies, key, made)
          return made
        })
      })
    return { get, run: (key) => (effect) => Effect.flatMap(get(key), (found) => found.run(effect)) }
  })

/** The policies of a program, one a dependency. */
export class Policies extends Context.Tag("@paceline/core/resilience/Policies")<Policies, KeyedPolicy>() {}

export const layer = (options?: KeyedOptions): Layer.Layer<Policies> => Layer.effect(Policies, makeKeyed(options))

/** With the settings of breakers, retries and timeouts from the configuration, and `POLICY_MAX_KEYS`. */
export const layerConfig = (
  options: Pick<KeyedOptions, "forUser" | "group" | "bulkhead"> = {},
): Layer.Layer<Policies, ConfigError.ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(
      Config.all({
        breaker: Configured.breaker,
        retries: Configured.retries,
        timeout: Configured.timeout,
        policy: Configured.policy,
      }),
      ({ breaker, retries, timeout, policy }) =>
        layer({
          ...options,
          ...policy,
          breaker,
          timeout,
          retry: Configured.retryOptions(retries, options.forUser ?? true),
        }),
    ),
  )
