/**
 * What the bulkheads for fibers and for promises share: the kernel, driven by a wheel, telling what happens.
 * It resumes callers through callbacks and knows neither of them.
 */
import * as Kernel from "../kernel/concurrency/Bulkhead.ts"
import type { Priority } from "../kernel/concurrency/PriorityQueue.ts"
import type { Handle } from "../kernel/concurrency/Timers.ts"
import type { Alarm } from "./Alarm.ts"
import { safely } from "./Listener.ts"

export interface BulkheadOptions extends Kernel.Settings {
  /** Named in errors and events. */
  readonly name: string
  /** Called at once, on the path of the call: keep it short. Without contention nothing is told. */
  readonly onEvent?: (event: BulkheadEvent) => void
}

export type BulkheadEvent = {
  readonly _tag: "Waiting" | "Granted" | "Refused" | "WaitedTooLong" | "GaveUp"
  readonly bulkhead: string
  readonly priority: Priority
  readonly running: number
  readonly waiting: number
  /** How long it stood in the queue; 0 of one that has just come. */
  readonly waitedMillis: number
}

export interface BulkheadStats {
  readonly limit: number
  readonly running: number
  readonly waiting: number
}

/** Too many run and too many wait: refused on arrival, nothing was started. Built once for many refusals: do not write to it. */
export class BulkheadFull extends Error {
  readonly _tag = "BulkheadFull"
  override readonly name = "BulkheadFull"
  readonly bulkhead: string
  readonly priority: Priority

  constructor(bulkhead: string, priority: Priority) {
    super(`The bulkhead "${bulkhead}" is full for ${priority} priority; try again later`)
    this.bulkhead = bulkhead
    this.priority = priority
  }
}

/** Waited as long as the bulkhead lets anyone wait; nothing was started. Built once for many: do not write to it. */
export class BulkheadWaitExceeded extends Error {
  readonly _tag = "BulkheadWaitExceeded"
  override readonly name = "BulkheadWaitExceeded"
  readonly bulkhead: string
  readonly maxWaitMillis: number

  constructor(bulkhead: string, maxWaitMillis: number) {
    super(`Waited ${maxWaitMillis} ms for the bulkhead "${bulkhead}", the longest that it lets anyone wait`)
    this.bulkhead = bulkhead
    this.maxWaitMillis = maxWaitMillis
  }
}

/** What to do when the wait is over: run, or fail with the error. */
export type Outcome = (refused: BulkheadWaitExceeded | undefined) => void

export class BulkheadGate {
  private readonly bulkhead: Kernel.Bulkhead<Outcome>
  /** Built when first needed: an error costs more than all else of a bulkhead that is made for one call. */
  private readonly full: Partial<Record<Priority, BulkheadFull>> = {}
  private waitExceeded: BulkheadWaitExceeded | undefined
  private readonly name: string
  private readonly onEvent: ((event: BulkheadEvent) => void) | undefined
  private readonly alarm: Alarm
  private readonly whenIdle: (() => void) | undefined
  private alarmHandle: Handle | undefined
  private settling = false

  /** `whenIdle` is called each time nothing runs and nothing waits any more. */
  constructor(options: BulkheadOptions, alarm: Alarm, whenIdle?: () => void) {
    this.name = options.name
    this.onEvent = options.onEvent === undefined ? undefined : safely(options.onEvent)
    this.alarm = alarm
    this.whenIdle = whenIdle
    this.bulkhead = Kernel.make(options)
  }

  /** True when one may run at once; then it owes `leave`. */
  tryEnter(): boolean {
    return Kernel.tryEnter(this.bulkhead)
  }

  leave(): void {
    Kernel.leave(this.bulkhead)
    if (this.bulkhead.permits.queue.size > 0) this.settle()
    else this.tellIdle()
  }

  /** Gets in line for `outcome`, or says why not. */
  enter(outcome: Outcome, priority: Priority): Kernel.Waiter<Outcome> | BulkheadFull {
    // Who has waited too long is no reason to refuse anyone.
    if (this.bulkhead.permits.queue.size > 0) this.settle()
    const waiter = Kernel.waiter(outcome, priority)
    const verdict = Kernel.enter(this.bulkhead, waiter, this.alarm.now())
    if (verdict === "full") {
      this.tell("Refused", priority, 0)
      this.tellIdle()
      this.full[priority] ??= new BulkheadFull(this.name, priority)
      return this.full[priority]
    }
    if (verdict === "run") {
      outcome(undefined)
      return waiter
    }
    this.tell("Waiting", priority, 0)
    this.setAlarm()
    this.settle()
    return waiter
  }

  /** Ends one that was in line, whether it ran or gave up. */
  end(waiter: Kernel.Waiter<Outcome>): void {
    if (waiter.queued) {
      Kernel.end(this.bulkhead, waiter)
      this.tell("GaveUp", waiter.priority, this.alarm.now() - waiter.arrivedAt)
    } else {
      Kernel.end(this.bulkhead, waiter)
    }
    this.settle()
    this.clearAlarm()
    this.tellIdle()
  }

  resize(limit: number): void {
    Kernel.resize(this.bulkhead, limit)
    this.settle()
  }

  get running(): number {
    return this.bulkhead.permits.inFlight
  }

  stats(): BulkheadStats {
    const { limit, inFlight, queue } = this.bulkhead.permits
    return { limit, running: inFlight, waiting: queue.size }
  }

  /** A call that ends at once settles again from within; the loop goes on, it does not nest. */
  private settle(): void {
    if (this.settling || this.bulkhead.permits.queue.size === 0) return
    this.settling = true
    try {
      const now = this.alarm.now()
      for (let next = Kernel.next(this.bulkhead, now); next !== undefined; next = Kernel.next(this.bulkhead, now)) {
        this.tell(next.held === 1 ? "Granted" : "WaitedTooLong", next.priority, now - next.arrivedAt)
        next.value(next.held === 1 ? undefined : this.tooLong())
      }
    } finally {
      this.settling = false
    }
    this.clearAlarm()
    // Those who have waited too long are gone, and nobody may come any more.
    this.tellIdle()
  }

  private tooLong(): BulkheadWaitExceeded {
    this.waitExceeded ??= new BulkheadWaitExceeded(this.name, this.bulkhead.maxWaitMillis)
    return this.waitExceeded
  }

  /** One alarm a bulkhead: for the one who waits longest. */
  private setAlarm(): void {
    const at = Kernel.nextExpiry(this.bulkhead)
    if (this.alarmHandle !== undefined || at === Number.POSITIVE_INFINITY) return
    this.alarmHandle = this.alarm.schedule(at - this.alarm.now(), () => {
      this.alarmHandle = undefined
      this.settle()
      this.setAlarm()
    })
  }

  /** While nobody waits no alarm is set: it would keep the process, and this bulkhead, for nothing. */
  private clearAlarm(): void {
    if (this.alarmHandle === undefined || this.bulkhead.permits.queue.size > 0) return
    this.alarm.cancel(this.alarmHandle)
    this.alarmHandle = undefined
  }

  private tellIdle(): void {
    const { inFlight, queue } = this.bulkhead.permits
    if (inFlight === 0 && queue.size === 0) this.whenIdle?.()
  }

  private tell(tag: BulkheadEvent["_tag"], priority: Priority, waitedMillis: number): void {
    if (this.onEvent === undefined) return
    const { running, waiting } = this.stats()
    this.onEvent({ _tag: tag, bulkhead: this.name, priority, running, waiting, waitedMillis })
  }
}
