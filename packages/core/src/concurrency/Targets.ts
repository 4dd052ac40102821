/**
 * What the load balancers for effects and for promises share: the targets by id, and who is called next.
 */
import * as Dispatch from "../kernel/concurrency/Dispatch.ts"
import { safely } from "./Listener.ts"

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
  /** Called at once, on the path of the call: keep it short. Calls that succeed are not told of. */
  readonly onEvent?: (event: BalancerEvent) => void
}

export type BalancerEvent =
  | {
      readonly _tag: "TargetAdded" | "TargetRemoved" | "CallFailed"
      readonly balancer: string
      readonly target: string
    }
  | { readonly _tag: "NoTarget"; readonly balancer: string }

export interface BalancerStats {
  /** How many targets get calls, and how many calls run now, also on those that were taken away. */
  readonly targets: number
  readonly inFlight: number
  /** Since the start. A failed call counts in both; one that its caller cancelled has not failed. */
  readonly completed: number
  readonly failed: number
}

/** `load` is how many calls it has now. */
export interface Target<T> extends Dispatch.Worker {
  readonly value: T
}

export class Targets<T> {
  readonly noTarget: NoTarget
  private readonly dispatch: Dispatch.Dispatch<Target<T>>

  private readonly name: string
  private readonly onEvent: ((event: BalancerEvent) => void) | undefined
  private inFlight = 0
  private completed = 0
  private failed = 0

  constructor(options: LoadBalancerOptions<T>) {
    this.name = options.name
    this.onEvent = options.onEvent === undefined ? undefined : safely(options.onEvent)
    this.noTarget = new NoTarget(options.name)
    this.dispatch = Dispatch.make(options.dispatch ?? "least-busy")
    for (const [id, value] of Object.entries(options.targets)) this.add(id, value)
  }

  /** Who gets a target owes `release`. */
  acquire(key: string | undefined): Target<T> | undefined {
    const target = Dispatch.pick(this.dispatch, key)
    if (target === undefined) {
      this.onEvent?.({ _tag: "NoTarget", balancer: this.name })
      return undefined
    }
    target.load++
    this.inFlight++
    return target
  }

  release(target: Target<T>, failed: boolean): void {
    target.load--
    this.inFlight--
    this.completed++
    if (!failed) return
    this.failed++
    this.tell("CallFailed", target.id)
  }

  stats(): BalancerStats {
    const { completed, failed, inFlight } = this
    return { targets: this.dispatch.active.length, inFlight, completed, failed }
  }

  add(id: string, value: T): void {
    this.remove(id)
    Dispatch.add(this.dispatch, { id, value, load: 0 })
    this.tell("TargetAdded", id)
  }

  remove(id: string): void {
    const target = this.dispatch.active.find((known) => known.id === id)
    if (target === undefined) return
    Dispatch.remove(this.dispatch, target)
    this.tell("TargetRemoved", id)
  }

  loads(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.dispatch.active.map(({ id, load }) => [id, load]))
  }

  private tell(tag: "TargetAdded" | "TargetRemoved" | "CallFailed", target: string): void {
    this.onEvent?.({ _tag: tag, balancer: this.name, target })
  }
}
