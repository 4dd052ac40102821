/**
 * What the priority queues for fibers and for promises share: the kernel, and takers who wait in line for values.
 * It wakes takers through callbacks and knows neither fibers nor promises.
 */
import * as Kernel from "../kernel/concurrency/PriorityQueue.ts"
import { safely } from "./Listener.ts"

/** Holds as many as it may. Nothing was put in. */
export class QueueFull extends Error {
  readonly _tag = "QueueFull"
  override readonly name = "QueueFull"
  readonly queue: string
  constructor(queue: string, capacity: number) {
    super(`The queue "${queue}" is full with ${capacity}; try again later`)
    this.queue = queue
  }
}

export interface PriorityQueueOptions {
  /** Named in errors. */
  readonly name: string
  /** Default: unbounded. */
  readonly capacity?: number
  /** In milliseconds. Default: middle yields to high for 1 s, low for 5 s. */
  readonly aging?: Kernel.Aging
  /** Called at once, on the path of the call: keep it short. */
  readonly onEvent?: (event: QueueEvent) => void
}

export interface QueueEvent {
  /** Refused: the queue was full. */
  readonly _tag: "Offered" | "Taken" | "Refused"
  readonly queue: string
  readonly priority: Kernel.Priority
  /** How many it holds now. */
  readonly size: number
  /** How long the value was in the queue; 0 of one that has just come. */
  readonly waitedMillis: number
}

export interface QueueStats {
  /** How many values it holds, and how many wait for one. */
  readonly size: number
  readonly takers: number
}

/** One that waits for a value. Once woken, one of the values is reserved for it. */
export interface Taker extends Kernel.Linked<Taker> {
  wake: () => void
  woken: boolean
}

export const taker = (wake: () => void): Taker => ({
  priority: "middle",
  arrivedAt: 0,
  previous: undefined,
  next: undefined,
  queued: false,
  wake,
  woken: false,
})

export class QueueGate<A> {
  private readonly queue: Kernel.PriorityQueue<Kernel.Entry<A>>
  private readonly takers = Kernel.make<Taker>()
  private readonly capacity: number
  private readonly full: QueueFull
  private readonly name: string
  private readonly now: () => number
  private readonly onEvent: ((event: QueueEvent) => void) | undefined
  private reserved = 0

  /** `now` in milliseconds, of a clock that never goes back: ages are counted by it. */
  constructor(options: PriorityQueueOptions, now: () => number) {
    this.name = options.name
    this.now = now
    this.onEvent = options.onEvent === undefined ? undefined : safely(options.onEvent)
    this.queue = Kernel.make(options.aging)
    this.capacity = options.capacity ?? Number.POSITIVE_INFINITY
    this.full = new QueueFull(options.name, this.capacity)
  }

  get size(): number {
    return this.queue.size
  }

  stats(): QueueStats {
    return { size: this.queue.size, takers: this.takers.size + this.reserved }
  }

  /** Puts a value in, or says why not. */
  offer(value: A, priority: Kernel.Priority): QueueFull | undefined {
    if (this.queue.size >= this.capacity) {
      this.tell("Refused", priority, 0)
      return this.full
    }
    Kernel.offer(this.queue, Kernel.entry(value, priority), this.now())
    this.tell("Offered", priority, 0)
    this.wakeTakers()
    return undefined
  }

  /** The next value that is reserved for nobody. */
  takeNow(): Kernel.Entry<A> | undefined {
    return this.queue.size > this.reserved ? this.take() : undefined
  }

  takeUpTo(count: number): ReadonlyArray<A> {
    const taken: Array<A> = []
    while (taken.length < count) {
      const next = this.takeNow()
      if (next === undefined) break
      taken.push(next.value)
    }
    return taken
  }

  /** Gets in line. It is woken once, perhaps at once, and then owes `collect` or `leave`. */
  wait(waiting: Taker): void {
    Kernel.offer(this.takers, waiting, 0)
    this.wakeTakers()
  }

  /** The value that was reserved for a woken taker. */
  collect(): Kernel.Entry<A> | undefined {
    this.reserved--
    return this.take()
  }

  /** Gives up; what was reserved for it goes to the next. */
  leave(leaving: Taker): void {
    if (leaving.woken) this.reserved--
    Kernel.remove(this.takers, leaving)
    this.wakeTakers()
  }

  private take(): Kernel.Entry<A> | undefined {
    const taken = Kernel.take(this.queue)
    if (taken !== undefined && this.onEvent !== undefined) {
      this.tell("Taken", taken.priority, Math.max(0, this.now() - taken.arrivedAt))
    }
    return taken
  }

  private tell(tag: QueueEvent["_tag"], priority: Kernel.Priority, waitedMillis: number): void {
    this.onEvent?.({ _tag: tag, queue: this.name, priority, size: this.queue.size, waitedMillis })
  }

  /** Reserves values for those in line, as long as there are both. */
  private wakeTakers(): void {
    while (this.queue.size > this.reserved) {
      const next = Kernel.take(this.takers)
      if (next === undefined) return
      this.reserved++
      next.woken = true
      next.wake()
    }
  }
}
