/**
 * A bulkhead for fibers: calls to one part of a system can use up only their own places, never another's.
 *
 * At most `limit` run, a bounded number waits, and each no longer than `maxWaitMillis`. As the queue fills, low
 * priority is refused first. Who was let in is never pushed out again.
 *
 * @example
 * const checkIn = yield* Bulkhead.make({ name: "check-in", limit: 20, queue: 100, maxWaitMillis: 1_000 })
 * const suggestions = yield* Bulkhead.make({ name: "recommendations", limit: 4, queue: 10 })
 * yield* suggestions.run(recommend(athlete), "low") // burns alone
 */
import { Config, type Context, Effect, Layer } from "effect"
import type { Priority } from "../kernel/concurrency/PriorityQueue.ts"
import { boundsOfBulkhead } from "./BulkheadBounds.ts"
import {
  type BulkheadFull,
  BulkheadGate,
  type BulkheadOptions,
  type BulkheadStats,
  type BulkheadWaitExceeded,
} from "./BulkheadGate.ts"
import { BulkheadGates, type KeyedBulkheadStats } from "./BulkheadGates.ts"
import { checked } from "./CheckedConfig.ts"
import { throughGate } from "./GatedFiber.ts"
import { Timers } from "./Timers.ts"

export {
  type BulkheadEvent,
  BulkheadFull,
  type BulkheadOptions,
  type BulkheadStats,
  BulkheadWaitExceeded,
} from "./BulkheadGate.ts"
export type { KeyedBulkheadStats } from "./BulkheadGates.ts"

export interface Bulkhead {
  /** Runs the effect when there is a place. Default priority middle. */
  readonly run: <A, E, R>(
    self: Effect.Effect<A, E, R>,
    priority?: Priority,
  ) => Effect.Effect<A, E | BulkheadFull | BulkheadWaitExceeded, R>
  /** Changes how many may run. Who waits goes on waiting. */
  readonly resize: (limit: number) => Effect.Effect<void>
  readonly stats: Effect.Effect<BulkheadStats>
}

/** The longest wait is kept on the wheel of `Timers`. */
export const make = (options: BulkheadOptions): Effect.Effect<Bulkhead, never, Timers> =>
  Effect.map(Timers, (timers) => over(new BulkheadGate(options, timers)))

/** A bulkhead for each key (a dependency, a tenant), made when it is first used and kept only while it is in use. */
export interface KeyedBulkhead<K> {
  readonly run: <A, E, R>(
    key: K,
    self: Effect.Effect<A, E, R>,
    priority?: Priority,
  ) => Effect.Effect<A, E | BulkheadFull | BulkheadWaitExceeded, R>
  /** How many keys are in use, and what runs and waits over all of them. */
  readonly stats: Effect.Effect<KeyedBulkheadStats>
}

/** Errors and events name the bulkhead as `name/key`. */
export const keyed = <K extends string | number>(
  options: BulkheadOptions,
): Effect.Effect<KeyedBulkhead<K>, never, Timers> =>
  Effect.map(Timers, (timers) => {
    const gates = new BulkheadGates<K>(options, timers)
    return {
      run: (key, self, priority = "middle") => throughGate(() => gates.get(key), self, priority),
      stats: Effect.sync(() => gates.stats()),
    }
  })

/** Provides a bulkhead under a tag of your own. */
export const layer = <I>(tag: Context.Tag<I, Bulkhead>, options: BulkheadOptions): Layer.Layer<I, never, Timers> =>
  Layer.effect(tag, make(options))

/** As `layer`, with the options read from configuration. */
export const layerConfig = <I>(tag: Context.Tag<I, Bulkhead>, options: Config.Config.Wrap<BulkheadOptions>) =>
  Layer.effect(tag, Effect.flatMap(checked(Config.unwrap(options), "bulkhead", boundsOfBulkhead), make))

const over = (gate: BulkheadGate): Bulkhead => ({
  run: (self, priority = "middle") => throughGate(() => gate, self, priority),
  resize: (limit) => Effect.sync(() => gate.resize(limit)),
  stats: Effect.sync(() => gate.stats()),
})
