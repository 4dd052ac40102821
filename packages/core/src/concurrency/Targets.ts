/**
 * What the load balancers for effects and for promises share: the targets by id, and who is called next.
 */
import * as Dispatch from "../kernel/concurrency/Dispatch.ts"

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

/** `load` is how many calls it has now. */
export interface Target<T> extends Dispatch.Worker {
  readonly value: T
}

export class Targets<T> {
  readonly noTarget: NoTarget
  private readonly dispatch: Dispatch.Dispatch<Target<T>>

  constructor(options: LoadBalancerOptions<T>) {
    this.noTarget = new NoTarget(options.name)
    this.dispatch = Dispatch.make(options.dispatch ?? "least-busy")
    for (const [id, value] of Object.entries(options.targets)) this.add(id, value)
  }

  /** Who gets a target owes `release`. */
  acquire(key: string | undefined): Target<T> | undefined {
    const target = Dispatch.pick(this.dispatch, key)
    if (target !== undefined) target.load++
    return target
  }

  release(target: Target<T>): void {
    target.load--
  }

  add(id: string, value: T): void {
    this.remove(id)
    Dispatch.add(this.dispatch, { id, value, load: 0 })
  }

  remove(id: string): void {
    const target = this.dispatch.active.find((known) => known.id === id)
    if (target !== undefined) Dispatch.remove(this.dispatch, target)
  }

  loads(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.dispatch.active.map(({ id, load }) => [id, load]))
  }
}
