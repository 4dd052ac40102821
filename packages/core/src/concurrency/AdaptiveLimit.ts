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
import * as Kernel from "../kernel/AdaptiveLimit.ts"
import * as Fault from "../kernel/Fault.ts"
import type { Priority } from "../kernel/PriorityQueue.ts"
import { type BulkheadFull, BulkheadGate, type BulkheadOptions, type BulkheadWaitExceeded } from "./BulkheadGate.ts"
import { throughGate } from "./GatedFiber.ts"
import { Timers } from "./Timers.ts"

export interface AdaptiveLimitOptions extends Omit<BulkheadOptions, "limit"> {
  /** What differs from `Kernel.standard`: begins with 20, between 1 and 200. */
  readonly settings?: Partial<Kernel.Settings>
  /** Which failures say that the other side is overloaded. Default: time-outs. */
  readonly isOverload?: (error: unknown) => boolean
  /** Called when the limit has changed. */
  readonly onLimit?: (limit: number) => void
}

export interface AdaptiveLimit {
  readonly run: <A, E, R>(
    self: Effect.Effect<A, E, R>,
    priority?: Priority,
  ) => Effect.Effect<A, E | BulkheadFull | BulkheadWaitExceeded, R>
  readonly stats: Effect.Effect<AdaptiveLimitStats>
}

export interface AdaptiveLimitStats {
  readonly limit: number
  readonly running: number
  readonly waiting: number
  /** The latency at little load, in milliseconds. */
  readonly normalMillis: number
}

export const make = (options: AdaptiveLimitOptions): Effect.Effect<AdaptiveLimit, never, Timers> =>
  Effect.map(Timers, (timers) => {
    const settings: Kernel.Settings = { ...Kernel.standard, ...options.settings }
    const isOverload = options.isOverload ?? ((error) => Fault.kindOf(error) === "timeout")
    let state = Kernel.make(settings)
    let limit = Kernel.current(settings, state)
    const gate = new BulkheadGate({ ...options, limit }, timers)

    const move = (next: Kernel.AdaptiveLimit): void => {
      state = next
      const moved = Kernel.current(settings, state)
      if (moved === limit) return
      limit = moved
      gate.resize(limit)
      options.onLimit?.(limit)
    }

    const measured = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        const startedAt = timers.now()
        const inFlight = gate.running
        return Effect.onExit(self, (exit) =>
          Effect.sync(() => {
            if (Exit.isFailure(exit)) {
              if (Cause.isInterrupted(exit.cause)) return
              const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
              if (isOverload(error)) move(Kernel.overload(settings, state))
              return
            }
            move(Kernel.sample(settings, state, { latencyMillis: timers.now() - startedAt, inFlight }))
          }),
        )
      })

    return {
      run: (self, priority = "middle") => throughGate(gate, measured(self), priority),
      stats: Effect.sync(() => ({ ...gate.stats(), normalMillis: state.normalMillis })),
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
