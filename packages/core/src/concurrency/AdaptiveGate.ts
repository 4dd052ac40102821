/**
 * What the adaptive limits for fibers and for promises share: a bulkhead's gate whose limit follows the kernel.
 */
import * as Kernel from "../kernel/concurrency/AdaptiveLimit.ts"
import * as Fault from "../kernel/resilience/Fault.ts"
import { type Alarm, BulkheadGate, type BulkheadOptions } from "./BulkheadGate.ts"

export interface AdaptiveLimitOptions extends Omit<BulkheadOptions, "limit"> {
  /** What differs from `Kernel.standard`: begins with 20, between 1 and 200. */
  readonly settings?: Partial<Kernel.Settings>
  /** Which failures say that the other side is overloaded. Default: time-outs. */
  readonly isOverload?: (error: unknown) => boolean
  /** Called when the limit has changed. */
  readonly onLimit?: (limit: number) => void
}

export interface AdaptiveLimitStats {
  readonly limit: number
  readonly running: number
  readonly waiting: number
  /** The latency at little load, in milliseconds. */
  readonly normalMillis: number
}

/** A call that began: when, and how many were running with it. */
export interface Begun {
  readonly atMillis: number
  readonly inFlight: number
}

export class AdaptiveGate {
  readonly gate: BulkheadGate
  private readonly settings: Kernel.Settings
  private readonly isOverload: (error: unknown) => boolean
  private readonly onLimit: ((limit: number) => void) | undefined
  private readonly alarm: Alarm
  private state: Kernel.AdaptiveLimit

  constructor(options: AdaptiveLimitOptions, alarm: Alarm) {
    this.settings = { ...Kernel.standard, ...options.settings }
    this.isOverload = options.isOverload ?? ((error) => Fault.kindOf(error) === "timeout")
    this.onLimit = options.onLimit
    this.alarm = alarm
    this.state = Kernel.make(this.settings)
    this.gate = new BulkheadGate({ ...options, limit: Kernel.current(this.settings, this.state) }, alarm)
  }

  begin(): Begun {
    return { atMillis: this.alarm.now(), inFlight: this.gate.running }
  }

  succeeded({ atMillis, inFlight }: Begun): void {
    this.move(Kernel.sample(this.settings, this.state, { latencyMillis: this.alarm.now() - atMillis, inFlight }))
  }

  failed(error: unknown): void {
    if (this.isOverload(error)) this.move(Kernel.overload(this.settings, this.state))
  }

  stats(): AdaptiveLimitStats {
    return { ...this.gate.stats(), normalMillis: this.state.normalMillis }
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
