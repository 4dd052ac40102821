/**
 * A semaphore for promises: at most so many tasks run at once, the rest wait in line.
 *
 * The same kernel as the Effect service: permits are handed over directly, waiting costs the same however many
 * wait, and an `AbortSignal` takes a waiter out of the line.
 *
 * @example
 * const uploads = PromisePermits.make(4)
 * await Promise.all(files.map((file) => uploads.run(() => upload(file))))
 */
import * as Kernel from "../../kernel/concurrency/Permits.ts"
import type { Aging, Priority } from "../../kernel/concurrency/PriorityQueue.ts"
import { type Abortable, isAborted } from "./Abort.ts"

export interface AcquireOptions extends Abortable {
  /** How many permits; more than the limit means all of them. Default 1. */
  readonly weight?: number
  /** Default middle. */
  readonly priority?: Priority
}

/** Gives the permits back. Calling it again does nothing. */
export type Release = () => void

export interface PromisePermits {
  /** Runs the task while it holds its permits; settles as the task does. */
  readonly run: <A>(task: () => A | PromiseLike<A>, options?: AcquireOptions) => Promise<A>
  /** For where `run` does not fit. Who acquires must release. */
  readonly acquire: (options?: AcquireOptions) => Promise<Release>
  readonly resize: (limit: number) => void
  readonly stats: () => { readonly limit: number; readonly inFlight: number; readonly waiting: number }
}

export const make = (limit: number, options: { readonly aging?: Aging } = {}): PromisePermits => {
  const line = new Line(Kernel.make(limit, options.aging))
  return {
    run: <A>(task: () => A | PromiseLike<A>, asked?: AcquireOptions) =>
      new Promise<A>((resolve) => line.enter(new Running(line, task, resolve, asked), asked)),
    acquire: (asked) => new Promise<Release>((resolve) => line.enter(new Holding(line, resolve, asked), asked)),
    resize: (to) => {
      Kernel.resize(line.permits, to)
      line.settle()
    },
    stats: () => {
      const { limit, inFlight, queue } = line.permits
      return { limit, inFlight, waiting: queue.size }
    },
  }
}

/** The kernel, and the loop that starts those whose turn it is. */
class Line {
  readonly permits: Kernel.Permits<Turn>
  private settling = false

  constructor(permits: Kernel.Permits<Turn>) {
    this.permits = permits
  }

  /** Starts it with what is free, or lets it wait. An aborted signal takes it out of the line again. */
  enter(turn: Turn, asked: Abortable | undefined): void {
    if (asked !== undefined && isAborted(asked)) {
      turn.reject(asked.signal?.reason)
    } else if (Kernel.tryTake(this.permits, turn.weight)) {
      turn.held = turn.weight
      turn.start()
    } else {
      const signal = asked?.signal
      if (signal !== undefined) turn.leaveOn(signal)
      Kernel.wait(this.permits, turn)
      this.settle()
    }
  }

  end(turn: Turn): void {
    Kernel.end(this.permits, turn)
    if (this.permits.queue.size > 0) this.settle()
  }

  /** A task that ends at once ends within the loop; the loop goes on, it does not nest. */
  settle(): void {
    if (this.settling) return
    this.settling = true
    try {
      for (let next = Kernel.next(this.permits); next !== undefined; next = Kernel.next(this.permits)) {
        next.value.start()
      }
    } finally {
      this.settling = false
    }
  }
}

/**
 * One who asked. It is its own link of the line and keeps only `resolve` of its promise, which rejects too when it is
 * given a rejected one: what waits is what the garbage collector walks through, again and again.
 */
abstract class Turn implements Kernel.Waiter<Turn> {
  readonly weight: number
  readonly priority: Priority
  held = 0
  arrivedAt = 0
  previous: Kernel.Waiter<Turn> | undefined = undefined
  next: Kernel.Waiter<Turn> | undefined = undefined
  queued = false
  protected readonly line: Line
  private stopListening: (() => void) | undefined = undefined

  constructor(line: Line, asked: AcquireOptions | undefined) {
    this.line = line
    this.weight = Kernel.wholeWeight(asked?.weight ?? 1)
    this.priority = asked?.priority ?? "middle"
  }

  get value(): this {
    return this
  }

  /** It holds its permits now. */
  protected abstract granted(): void

  abstract reject(reason: unknown): void

  start(): void {
    this.stopListening?.()
    this.granted()
  }

  leaveOn(signal: AbortSignal): void {
    const leave = (): void => {
      this.reject(signal.reason)
      this.line.end(this)
    }
    signal.addEventListener("abort", leave, { once: true })
    this.stopListening = () => signal.removeEventListener("abort", leave)
  }
}

/** Runs its task when its turn comes. Callbacks, not an async function: half the time and fewer objects. */
class Running<A> extends Turn {
  private readonly task: () => A | PromiseLike<A>
  private readonly resolve: (value: A | PromiseLike<A>) => void

  constructor(
    line: Line,
    task: () => A | PromiseLike<A>,
    resolve: (value: A | PromiseLike<A>) => void,
    asked: AcquireOptions | undefined,
  ) {
    super(line, asked)
    this.task = task
    this.resolve = resolve
  }

  reject(reason: unknown): void {
    this.resolve(Promise.reject(reason))
  }

  protected granted(): void {
    let result: A | PromiseLike<A>
    try {
      result = this.task()
    } catch (error) {
      this.failed(error)
      return
    }
    if (isPromiseLike(result)) {
      result.then(
        (value) => this.succeeded(value),
        (error) => this.failed(error),
      )
    } else {
      this.succeeded(result)
    }
  }

  private succeeded(value: A): void {
    this.resolve(value)
    this.line.end(this)
  }

  private failed(error: unknown): void {
    this.reject(error)
    this.line.end(this)
  }
}

/** Hands its permits to whoever acquired them. */
class Holding extends Turn {
  private readonly resolve: (release: Release | PromiseLike<Release>) => void

  constructor(
    line: Line,
    resolve: (release: Release | PromiseLike<Release>) => void,
    asked: AcquireOptions | undefined,
  ) {
    super(line, asked)
    this.resolve = resolve
  }

  reject(reason: unknown): void {
    this.resolve(Promise.reject(reason))
  }

  protected granted(): void {
    // Ending it again gives back nothing: it holds nothing any more.
    this.resolve(() => this.line.end(this))
  }
}

const isPromiseLike = <A>(value: A | PromiseLike<A>): value is PromiseLike<A> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"
