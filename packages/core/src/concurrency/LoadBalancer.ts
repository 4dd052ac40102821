/**
 * Spreads calls over several servers of the same kind: in turn, to the least busy, or by key always to the same one.
 *
 * A target that is taken away gets no new call; those that it has are finished. A sticky key moves only when its
 * target is taken away.
 *
 * @example
 * const replicas = yield* LoadBalancer.make({ name: "replicas", targets: { a: poolA, b: poolB }, dispatch: "least-busy" })
 * yield* replicas.use((pool) => pool.query(sql))
 */
import { Cause, type Config, type Context, Effect, Exit, Layer } from "effect"
import { type BalancerStats, type LoadBalancerOptions, type NoTarget, Targets } from "./Targets.ts"

export { type BalancerEvent, type BalancerStats, type LoadBalancerOptions, NoTarget } from "./Targets.ts"

export interface LoadBalancer<T> {
  readonly use: <A, E, R>(
    call: (target: T) => Effect.Effect<A, E, R>,
    key?: string,
  ) => Effect.Effect<A, E | NoTarget, R>
  /** Adds a target, or replaces the one of that id: keys that stuck to the old one move. */
  readonly add: (id: string, target: T) => Effect.Effect<void>
  readonly remove: (id: string) => Effect.Effect<void>
  /** Calls in flight, by id. */
  readonly loads: Effect.Effect<Readonly<Record<string, number>>>
  readonly stats: Effect.Effect<BalancerStats>
}

export const make = <T>(options: LoadBalancerOptions<T>): Effect.Effect<LoadBalancer<T>> =>
  Effect.sync(() => {
    const targets = new Targets(options)
    return {
      use: <A, E, R>(call: (target: T) => Effect.Effect<A, E, R>, key?: string) =>
        Effect.uninterruptibleMask((restore): Effect.Effect<A, E | NoTarget, R> => {
          const target = targets.acquire(key)
          if (target === undefined) return Effect.fail(targets.noTarget)
          const called = restore(Effect.suspend(() => call(target.value)))
          return Effect.onExit(called, (exit) =>
            Effect.sync(() => targets.release(target, Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause))),
          )
        }),
      add: (id, target) => Effect.sync(() => targets.add(id, target)),
      remove: (id) => Effect.sync(() => targets.remove(id)),
      loads: Effect.sync(() => targets.loads()),
      stats: Effect.sync(() => targets.stats()),
    }
  })

/** Provides a load balancer under a tag of your own. */
export const layer = <I, T>(tag: Context.Tag<I, LoadBalancer<T>>, options: LoadBalancerOptions<T>): Layer.Layer<I> =>
  Layer.effect(tag, make(options))

/**
 * As `layer`, with the options read from configuration, such as the addresses of the targets.
 *
 * @example
 * const addresses = Config.hashMap(Config.url(), "REPLICAS")
 * LoadBalancer.layerConfig(
 *   Replicas,
 *   Config.map(addresses, (urls) => ({ name: "replicas", targets: Object.fromEntries(urls) })),
 * )
 */
export const layerConfig = <I, T>(
  tag: Context.Tag<I, LoadBalancer<T>>,
  options: Config.Config<LoadBalancerOptions<T>>,
) => Layer.effect(tag, Effect.flatMap(options, make<T>))
