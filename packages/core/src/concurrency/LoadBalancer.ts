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
import { type Config, type Context, Effect, Layer } from "effect"
import * as Dispatch from "../kernel/Dispatch.ts"

/** There is no target to call. */
export class NoTarget extends Error {
  readonly _tag = "NoTarget"
  override readonly name = "NoTarget"
  readonly balancer: string
  constructor(balancer: string) {
    super(`The load balancer "${balancer}" has no target`)
    this.balancer = balancer
  }
}

export interface LoadBalancerOptions<T> {
  /** Named in errors. */
  readonly name: string
  /** By id. */
  readonly targets: Readonly<Record<string, T>>
  /** Default least busy. */
  readonly dispatch?: Dispatch.Strategy
}

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
}

interface Target<T> extends Dispatch.Worker {
  readonly value: T
}

export const make = <T>(options: LoadBalancerOptions<T>): Effect.Effect<LoadBalancer<T>> =>
  Effect.sync(() => {
    const dispatch = Dispatch.make<Target<T>>(options.dispatch ?? "least-busy")
    const noTarget = new NoTarget(options.name)
    const remove = (id: string): void => {
      const target = dispatch.active.find((known) => known.id === id)
      if (target !== undefined) Dispatch.remove(dispatch, target)
    }
    const add = (id: string, value: T): void => {
      remove(id)
      Dispatch.add(dispatch, { id, value, load: 0 })
    }
    for (const [id, value] of Object.entries(options.targets)) add(id, value)

    return {
      use: <A, E, R>(call: (target: T) => Effect.Effect<A, E, R>, key?: string) =>
        Effect.uninterruptibleMask((restore): Effect.Effect<A, E | NoTarget, R> => {
          const target = Dispatch.pick(dispatch, key)
          if (target === undefined) return Effect.fail(noTarget)
          target.load++
          const called = restore(Effect.suspend(() => call(target.value)))
          return Effect.onExit(called, () => Effect.sync(() => target.load--))
        }),
      add: (id, target) => Effect.sync(() => add(id, target)),
      remove: (id) => Effect.sync(() => remove(id)),
      loads: Effect.sync(() => Object.fromEntries(dispatch.active.map(({ id, load }) => [id, load]))),
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
