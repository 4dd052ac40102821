/**
 * Gives a call twice as long as such calls lately took at p95, within bounds, and then interrupts it.
 *
 * A call that is late fails with `TimeoutExceeded`, after its finalisers have run. Inside a retry a timeout is for
 * each attempt; around a retry it is for all of them.
 *
 * @example
 * const timeout = yield* Timeout.make("maps", { maxMillis: 3_000 })
 * yield* timeout.run(lookUp(place))
 */
import { type Config, type ConfigError, Context, Effect, Exit, Layer } from "effect"
import * as Kernel from "../kernel/resilience/AdaptiveTimeout.ts"
import * as BoundedMap from "../kernel/resilience/BoundedMap.ts"
import * as Configured from "./Configured.ts"
import { counted } from "./Counted.ts"
import { TimeoutExceeded } from "./Errors.ts"
import * as FiberClock from "./FiberClock.ts"
import { within } from "./Within.ts"

export interface Timeout {
  readonly name: string
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TimeoutExceeded, R>
  /** What a call that starts now would be given, in milliseconds. */
  readonly timeoutMillis: Effect.Effect<number>
}

const exceeded = {
  name: "paceline_timeouts_total",
  description: "Calls that took longer than they were given, by name",
}

export const make = (name: string, settings?: Partial<Kernel.TimeoutSettings>): Effect.Effect<Timeout> =>
  Effect.sync(() => fromState(name, Kernel.make(settings)))

/** The same time for every call, in milliseconds. */
export const fixed = (name: string, millis: number): Effect.Effect<Timeout> =>
  Effect.sync(() => fromState(name, Kernel.make(Kernel.fixed(millis))))

/**
 * A timeout over what is known already, such as a restored snapshot. `metricName` stands for it in metrics, where one
 * name stands for many keys.
 */
export const fromState = (name: string, state: Kernel.AdaptiveTimeout, metricName: string = name): Timeout => {
  const count = counted(exceeded, { name: metricName })
  return {
    name,
    run: (effect) =>
      Effect.withFiberRuntime((fiber) => {
        const startedAt = FiberClock.nowMillis(fiber)
        const millis = Kernel.timeoutMillis(state, startedAt)
        const limited = within(effect, millis, () => {
          count()
          return new TimeoutExceeded(millis)
        })
        return Effect.onExit(limited, (exit) => {
          const now = FiberClock.nowMillis(fiber)
          // An interrupted call says nothing about how long such calls take; its finalisers' time is not the call's.
          if (!Exit.isInterrupted(exit)) Kernel.record(state, Math.min(now - startedAt, millis), now)
          return Effect.void
        })
      }),
    timeoutMillis: Effect.map(Effect.clock, (clock) => Kernel.timeoutMillis(state, clock.unsafeCurrentTimeMillis())),
  }
}

export interface KeyedOptions extends Partial<Kernel.TimeoutSettings> {
  /** What was not used lately goes first. Default 1,000. */
  readonly maxKeys?: number
}

/** One measure a key, such as a dependency or a route. */
export interface KeyedTimeout {
  readonly get: (key: string) => Timeout
  readonly run: (key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TimeoutExceeded, R>
}

export const makeKeyed = (group: string, options: KeyedOptions = {}): Effect.Effect<KeyedTimeout> =>
  Effect.sync(() => {
    const { maxKeys = 1_000, ...settings } = options
    const map = BoundedMap.make<string, Timeout>(maxKeys)
    const get = (key: string): Timeout =>
      BoundedMap.getOrMake(map, key, () => fromState(key, Kernel.make(settings), group))
    return { get, run: (key) => (effect) => get(key).run(effect) }
  })

/** The timeouts of a program, one a dependency. */
export class Timeouts extends Context.Tag("@paceline/core/resilience/Timeouts")<Timeouts, KeyedTimeout>() {}

export const layer = (options?: KeyedOptions): Layer.Layer<Timeouts> =>
  Layer.effect(Timeouts, makeKeyed("dependencies", options))

/** What of timeouts an operator sets: all of `TimeoutSettings`, such as `TIMEOUT_MAX_MILLIS`, and `TIMEOUT_MAX_KEYS`. */
export const config = Configured.timeout

/** Settings read from the configuration; what is absent has its default. */
export const layerConfig = (
  read: Config.Config<KeyedOptions> = config,
): Layer.Layer<Timeouts, ConfigError.ConfigError> => Layer.unwrapEffect(Effect.map(read, layer))
