/**
 * Keeps callers within their limits: a user's and an address's together, or none.
 *
 * `ask` only answers; `limit` fails with `RateLimited` instead of running the effect; `wait` lets a call wait for its
 * turn, and gives the turn back when the wait is interrupted. The limits are kernels' (`RateLimiter.limits` has the
 * mission's), what was used is in the `RateLimitStore`.
 *
 * @example
 * const limiter = yield* RateLimiter.RateLimiter
 * yield* save.pipe(
 *   limiter.limit([{ limit: limits.user.social, key: userId }, { limit: limits.address.all, key: address }]),
 * )
 */
import { type Config, type ConfigError, Context, Effect, Layer } from "effect"
import type { Verdict } from "../kernel/resilience/RateLimiter.ts"
import * as Configured from "./Configured.ts"
import { countedBy } from "./Counted.ts"
import { RateLimited } from "./Errors.ts"
import type { Ask } from "./MemoryLimits.ts"
import { layerMemory, RateLimitStore, type RateLimitStoreError } from "./RateLimitStore.ts"

export { limits } from "../kernel/resilience/RateLimiter.ts"

type Limited = RateLimited | RateLimitStoreError

export interface RateLimiterService {
  /** Takes all or nothing, now. */
  readonly ask: (asks: ReadonlyArray<Ask>) => Effect.Effect<Verdict, RateLimitStoreError>
  /** Runs the effect when the limits allow. */
  readonly limit: (
    asks: ReadonlyArray<Ask>,
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Limited, R>
  /** Waits for the limits, at most so many milliseconds, and then runs the effect. */
  readonly wait: (
    asks: ReadonlyArray<Ask>,
    maxWaitMillis: number,
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Limited, R>
  /** Gives back what a call took that was not made. */
  readonly refund: (asks: ReadonlyArray<Ask>) => Effect.Effect<void, RateLimitStoreError>
}

/** By limit, never by user: a tagged series stays for ever. */
const refused = countedBy(
  { name: "paceline_rate_limit_refusals_total", description: "Calls refused by rate limits, by limit" },
  "limit",
)

const counting = (verdict: Verdict): Verdict => {
  if (!verdict.allowed) refused(verdict.limit)
  return verdict
}

export const make: Effect.Effect<RateLimiterService, never, RateLimitStore> = Effect.map(RateLimitStore, (store) => {
  const ask = (asks: ReadonlyArray<Ask>, maxWaitMillis: number): Effect.Effect<Verdict, RateLimitStoreError> =>
    Effect.map(store.take(asks, maxWaitMillis), counting)
  const take = (asks: ReadonlyArray<Ask>, maxWaitMillis: number): Effect.Effect<number, Limited> =>
    Effect.flatMap(
      ask(asks, maxWaitMillis),
      (verdict): Effect.Effect<number, RateLimited> =>
        verdict.allowed
          ? Effect.succeed(verdict.waitMillis)
          : Effect.fail(new RateLimited(verdict.limit, verdict.retryAfterMillis)),
    )
  return {
    ask: (asks) => ask(asks, 0),
    limit: (asks) => (effect) => Effect.zipRight(take(asks, 0), effect),
    wait: (asks, maxWaitMillis) => (effect) =>
      Effect.zipRight(
        // The turn is taken and the wait begun in one piece, so that no interruption falls between.
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(take(asks, maxWaitMillis), (waitMillis) =>
            waitMillis === 0
              ? Effect.void
              : // A turn that cannot be given back only drains later: no reason to die of it.
                Effect.onInterrupt(restore(Effect.sleep(waitMillis)), () => Effect.ignoreLogged(store.refund(asks))),
          ),
        ),
        effect,
      ),
    refund: store.refund,
  }
})

export class RateLimiter extends Context.Tag("@paceline/core/resilience/RateLimiter")<
  RateLimiter,
  RateLimiterService
>() {}

/** Over the store that the program provides. */
export const layer: Layer.Layer<RateLimiter, never, RateLimitStore> = Layer.effect(RateLimiter, make)

/** Over limits kept in this process. */
export const layerInMemory = (options?: { readonly maxKeys?: number }): Layer.Layer<RateLimiter> =>
  Layer.provide(layer, layerMemory(options))

/** `RATE_LIMIT_MAX_KEYS`. */
export const config = Configured.rateLimit

/** Over limits kept in this process, at most `RATE_LIMIT_MAX_KEYS` for each limit. */
export const layerConfig = (
  read: Config.Config<{ readonly maxKeys: number }> = config,
): Layer.Layer<RateLimiter, ConfigError.ConfigError> => Layer.unwrapEffect(Effect.map(read, layerInMemory))
