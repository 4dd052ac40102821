/**
 * Limits how many calls run at once to what the other side can serve, found from how long they take: it sheds load
 * early, before queues build up.
 *
 * Each call that succeeds tells its latency to the kernel; the limit follows. A call that was interrupted or failed
 * measured nothing and is dropped; but a failure that means overload (a time-out, a refusal) cuts the limit at once.
 * The limit is a bulkhead's: what does not fit waits or is refused as there.
 *
 * @example
 * const search = yield* AdaptiveLimit.make({ name: "search", queue: 20, maxWaitMillis: 200 })
 * yield* search.run(query(text)) // fails with BulkheadFull when search is slow
 */
import { Cause, Config, type Context, Effect, Exit, Layer, Option } from "effect"
import type { Priority } from "../kernel/concurrency/PriorityQueue.ts"
import { AdaptiveGate, type AdaptiveLimitOptions, type AdaptiveLimitStats } from "./AdaptiveGate.ts"
import type { BulkheadFull, BulkheadWaitExceeded } from "./BulkheadGate.ts"
import { throughGate } from "./GatedFiber.ts"
import { Timers } from "./Timers.ts"

export type { AdaptiveLimitOptions, AdaptiveLimitStats } from "./AdaptiveGate.ts"

export interface AdaptiveLimit {
  readonly run: <A, E, R>(
    self: Effect.Effect<A, E, R>,
    priority?: Priority,
  ) => Effect.Effect<A, E | BulkheadFull | BulkheadWaitExceeded, R>
  readonly stats: Effect.Effect<AdaptiveLimitStats>
}

export const make = (options: AdaptiveLimitOptions): Effect.Effect<AdaptiveLimit, never, Timers> =>
  Effect.map(Timers, (timers) => {
    const adaptive = new AdaptiveGate(options, timers)

    const measured = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        const begun = adaptive.begin()
        return Effect.onExit(self, (exit) =>
          Effect.sync(() => {
            if (Exit.isSuccess(exit)) adaptive.succeeded(begun)
            else if (!Cause.isInterrupted(exit.cause)) {
              adaptive.failed(Option.getOrUndefined(Cause.failureOption(exit.cause)))
            }
          }),
        )
      })

    return {
      run: (self, priority = "middle") => throughGate(adaptive.gate, measured(self), priority),
      stats: Effect.sync(() => adaptive.stats()),
    }
  })

/** Provides an adaptive limit under a tag of your own. */
export const layer = <I>(
  tag: Context.Tag<I, AdaptiveLimit>,
  options: AdaptiveLimitOptions,
): Layer.Layer<I, never, Timers> => Layer.effect(tag, make(options))

/** As `layer`, with the options read from configuration. */
export const layerConfig = <I>(tag: Context.Tag<I, AdaptiveLimit>, options: Config.Config.Wrap<AdaptiveLimitOptions>) =>
  Layer.effect(tag, Effect.flatMap(Config.unwrap(options), make))
