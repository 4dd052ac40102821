/**
 * Where rate limits keep what was used: the port, and its memory adapter.
 *
 * A store takes all claims of a call in one step or none of them, by `kernel/resilience/RateLimiter`, and keeps four numbers a key
 * and limit. It uses a clock of its own where several processes share it, such as the database's. Every adapter holds
 * `RateLimitStoreSuite`.
 */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import type { Verdict } from "../kernel/resilience/RateLimiter.ts"
import { type Ask, memoryLimits } from "./MemoryLimits.ts"

/** The store could not answer; nothing was taken. */
export class RateLimitStoreError extends Schema.TaggedError<RateLimitStoreError>("paceline/RateLimitStoreError")(
  "RateLimitStoreError",
  { message: Schema.String, cause: Schema.optional(Schema.Defect) },
) {}

export class RateLimitStore extends Context.Tag("@paceline/core/resilience/RateLimitStore")<
  RateLimitStore,
  {
    /** Takes all or nothing, up to `maxWaitMillis` ahead of time (0: only what passes now). */
    readonly take: (asks: ReadonlyArray<Ask>, maxWaitMillis: number) => Effect.Effect<Verdict, RateLimitStoreError>
    /** Gives back what a call took that was not made. */
    readonly refund: (asks: ReadonlyArray<Ask>) => Effect.Effect<void, RateLimitStoreError>
  }
>() {}

/** Limits of this process alone. */
export const layerMemory = (options: { readonly maxKeys?: number } = {}): Layer.Layer<RateLimitStore> =>
  Layer.sync(RateLimitStore, () => {
    const memory = memoryLimits(options.maxKeys)
    return {
      take: (asks, maxWaitMillis) =>
        Effect.withFiberRuntime((fiber) => {
          const clock = Context.unsafeGet(fiber.currentDefaultServices, Clock.Clock)
          return Effect.succeed(memory.take(asks, maxWaitMillis, clock.unsafeCurrentTimeMillis()))
        }),
      refund: (asks) => Effect.sync(() => memory.refund(asks)),
    }
  })
