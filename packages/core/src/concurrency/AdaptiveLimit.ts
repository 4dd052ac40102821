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
import { Cause, Config, type Context, Effect, Exit, Layer } from "effect"
import * as Kernel from "../kernel/concurrency/AdaptiveLimit.ts"
import type { Priority } from "../kernel/concurrency/PriorityQueue.ts"
import { AdaptiveGate, type AdaptiveLimitOptions, type AdaptiveLimitStats } from "./AdaptiveGate.ts"
import { AdaptiveGates, type KeyedAdaptiveLimitOptions, type KeyedAdaptiveLimitStats } from "./AdaptiveGates.ts"
import { boundsOfBulkhead } from "./BulkheadBounds.ts"
import type { BulkheadFull, BulkheadWaitExceeded } from "./BulkheadGate.ts"
import { type Bound, checked } from "./CheckedConfig.ts"
import { throughGate } from "./GatedFiber.ts"
import { Timers } from "./Timers.ts"

export type { AdaptiveLimitOptions, AdaptiveLimitStats } from "./AdaptiveGate.ts"
export type { KeyedAdaptiveLimitOptions, KeyedAdaptiveLimitStats } from "./AdaptiveGates.ts"

export interface AdaptiveLimit {
  readonly run: <A, E, R>(
    self: Effect.Effect<A, E, R>,
    priority?: Priority,
  ) => Effect.Effect<A, E | BulkheadFull | BulkheadWaitExceeded, R>
  readonly stats: Effect.Effect<AdaptiveLimitStats>
  /** What it knows of the other side, as plain data: give it as `learnt` to one that is to go on from there. */
  readonly learnt: Effect.Effect<Kernel.AdaptiveLimit>
}

export const make = (options: AdaptiveLimitOptions): Effect.Effect<AdaptiveLimit, never, Timers> =>
  Effect.map(Timers, (timers) => {
    const adaptive = new AdaptiveGate(options, timers)
    return {
      run: (self, priority = "middle") => throughAdaptive(() => adaptive, self, priority),
      stats: Effect.sync(() => adaptive.stats()),
      learnt: Effect.sync(() => adaptive.learnt),
    }
  })

/** A limit for each key, such as a dependency. Made when it is first used; what it learnt is kept within bounds. */
export interface KeyedAdaptiveLimit {
  readonly run: <A, E, R>(
    key: string,
    self: Effect.Effect<A, E, R>,
    priority?: Priority,
  ) => Effect.Effect<A, E | BulkheadFull | BulkheadWaitExceeded, R>
  readonly stats: Effect.Effect<KeyedAdaptiveLimitStats>
  readonly statsOf: (key: string) => Effect.Effect<AdaptiveLimitStats>
}

/** Errors and events name the limit as `name/key`. */
export const keyed = (options: KeyedAdaptiveLimitOptions): Effect.Effect<KeyedAdaptiveLimit, never, Timers> =>
  Effect.map(Timers, (timers) => {
    const gates = new AdaptiveGates(options, timers)
    return {
      run: (key, self, priority = "middle") => throughAdaptive(() => gates.get(key), self, priority),
      stats: Effect.sync(() => gates.stats()),
      statsOf: (key) => Effect.sync(() => gates.statsOf(key)),
    }
  })

/** Runs the effect when the gate lets it, and tells the gate how long it took. */
const throughAdaptive = <A, E, R>(adaptiveOf: () => AdaptiveGate, self: Effect.Effect<A, E, R>, priority: Priority) =>
  Effect.suspend(() => {
    let adaptive: AdaptiveGate | undefined
    const measured = Effect.suspend(() => {
      if (adaptive === undefined) return self
      const { failed, succeeded } = adaptive.begin()
      return Effect.onExit(self, (exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit)) succeeded()
          // Who failed may have interrupted others on its way: that says nothing against its failure.
          else if (!Cause.isInterruptedOnly(exit.cause)) failed(Cause.squash(exit.cause))
        }),
      )
    })
    return throughGate(
      () => {
        adaptive = adaptiveOf()
        return adaptive.gate
      },
      measured,
      priority,
    )
  })

/** Provides an adaptive limit under a tag of your own. */
export const layer = <I>(
  tag: Context.Tag<I, AdaptiveLimit>,
  options: AdaptiveLimitOptions,
): Layer.Layer<I, never, Timers> => Layer.effect(tag, make(options))

/** As `layer`, with the options read from configuration. */
export const layerConfig = <I>(tag: Context.Tag<I, AdaptiveLimit>, options: Config.Config.Wrap<AdaptiveLimitOptions>) =>
  Layer.effect(tag, Effect.flatMap(checked(Config.unwrap(options), "adaptive limit", boundsOf), make))

const boundsOf = (options: AdaptiveLimitOptions): ReadonlyArray<Bound> => {
  const { backoff, initial, max, min, probeEvery, smoothing, tolerance } = { ...Kernel.standard, ...options.settings }
  return [
    ...boundsOfBulkhead(options),
    { setting: "settings.min", value: min, from: 1 },
    { setting: "settings.max", value: max, from: min },
    { setting: "settings.initial", value: initial, from: 1 },
    { setting: "settings.tolerance", value: tolerance, from: 1 },
    { setting: "settings.smoothing", value: smoothing, from: 0, to: 1, exclusive: "from" },
    { setting: "settings.probeEvery", value: probeEvery, from: 1 },
    { setting: "settings.backoff", value: backoff, from: 0, to: 1, exclusive: "both" },
  ]
}
