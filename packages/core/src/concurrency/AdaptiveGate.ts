/**
 * What the adaptive limits for fibers and for promises share: a bulkhead's gate whose limit follows the kernel.
 */
import * as Kernel from "../kernel/concurrency/AdaptiveLimit.ts"
import * as Fault from "../kernel/resilience/Fault.ts"
import type { Alarm } from "./Alarm.ts"
import { BulkheadGate, type BulkheadOptions } from "./BulkheadGate.ts"
import { safely } from "./Listener.ts"

export interface AdaptiveLimitOptions extends Omit<BulkheadOptions, "limit"> {
  /** What differs from `Kernel.standard`: begins with 20, between 1 and 200. */
  readonly settings?: Partial<Kernel.Settings>
  /** Which failures say that the other side is overloaded. Default: time-outs. */
  readonly isOverload?: (error: unknown) => boolean
  /** Called when the limit has changed. */
  readonly onLimit?: (limit: number) => void
  /** What was learnt before, as `learnt` gave it, perhaps kept as JSON. Default: it begins anew. */
  readonly learnt?: Kernel.AdaptiveLimit
}

export interface AdaptiveLimitStats {
  readonly limit: number
  readonly running: number
  readonly waiting: number
  /** The latency at little load, in milliseconds. */
  readonly normalMillis: number
}

/** A call that began; one of both is to be told when it ends, unless it was cancelled. */
export interface Begun {
  readonly succeeded: () => void
  readonly failed: (error: unknown) => void
}

export class AdaptiveGate {
  readonly gate: BulkheadGate
  private readonly settings: Kernel.Settings
  private readonly isOverload: (error: unknown) => boolean
  private readonly onLimit: ((limit: number) => void) | undefined
  private readonly alarm: Alarm
  private state: Kernel.AdaptiveLimit

  /** `whenIdle` is called each time nothing runs and nothing waits any more. */
  constructor(options: AdaptiveLimitOptions, alarm: Alarm, whenIdle?: () => void) {
    this.settings = { ...Kernel.standard, ...options.settings }
    this.isOverload = options.isOverload ?? ((error) => Fault.kindOf(error) === "timeout")
    this.onLimit = options.onLimit === undefined ? undefined : safely(options.onLimit)
    this.alarm = alarm
    const { learnt } = options
    this.state = learnt === undefined ? Kernel.make(this.settings) : Kernel.restore(this.settings, learnt)
    this.gate = new BulkheadGate({ ...options, limit: Kernel.current(this.settings, this.state) }, alarm, whenIdle)
  }

  begin(): Begun {
    const startedAt = this.alarm.now()
    const inFlight = this.gate.running
    return {
      succeeded: () => {
        const latencyMillis = this.alarm.now() - startedAt
        this.move(Kernel.sample(this.settings, this.state, { latencyMillis, inFlight }))
      },
      failed: (error) => {
        if (this.isOverload(error)) this.move(Kernel.overload(this.settings, this.state))
      },
    }
  }

  stats(): AdaptiveLimitStats {
    return { ...this.gate.stats(), normalMillis: this.state.normalMillis }
  }

  /** What it knows of the other side: plain data. */
  get learnt(): Kernel.AdaptiveLimit {
    return this.state
  }

  private move(next: Kernel.AdaptiveLimit): void {
    const before = Kernel.current(this.settings, this.state)
    this.state = next
    const limit = Kernel.current(this.settings, next)
    if (limit === before) return
    this.gate.resize(limit)
    this.onLimit?.(limit)
  }
}
