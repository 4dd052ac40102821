/**
 * Spreads calls over several servers of the same kind, for promises: in turn, to the least busy, or by key always to
 * the same one, until that is taken away.
 *
 * @example
 * const replicas = PromiseLoadBalancer.make({ name: "replicas", targets: { a: poolA, b: poolB } })
 * const rows = await replicas.use((pool) => pool.query(sql))
 */
import { type BalancerStats, type LoadBalancerOptions, Targets } from "../Targets.ts"

export { type BalancerEvent, type BalancerStats, type LoadBalancerOptions, NoTarget } from "../Targets.ts"

export interface PromiseLoadBalancer<T> {
  /** Settles as the call does; rejects with `NoTarget` when there is nobody to call. */
  readonly use: <A>(call: (target: T) => A | PromiseLike<A>, key?: string) => Promise<A>
  /** Adds a target, or replaces the one of that id: keys that stuck to the old one move. */
  readonly add: (id: string, target: T) => void
  /** It gets no new call; those that it has are finished. */
  readonly remove: (id: string) => void
  /** Calls in flight, by id. */
  readonly loads: () => Readonly<Record<string, number>>
  readonly stats: () => BalancerStats
}

export const make = <T>(options: LoadBalancerOptions<T>): PromiseLoadBalancer<T> => {
  const targets = new Targets(options)
  return {
    use: async (call, key) => {
      const target = targets.acquire(key)
      if (target === undefined) throw targets.noTarget
      let failed = true
      try {
        const answer = await call(target.value)
        failed = false
        return answer
      } finally {
        targets.release(target, failed)
      }
    },
    add: (id, target) => targets.add(id, target),
    remove: (id) => targets.remove(id),
    loads: () => targets.loads(),
    stats: () => targets.stats(),
  }
}
