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
import * as Kernel from "../../kernel/Permits.ts"
import type { Aging, Priority } from "../../kernel/PriorityQueue.ts"

export interface AcquireOptions {
  /** How many permits; more than the limit means all of them. Default 1. */
  readonly weight?: number
  /** Default middle. */
  readonly priority?: Priority
  /** Aborted while waiting: the promise is rejected with the signal's reason, and the task never runs. */
  readonly signal?: AbortSignal
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
  const permits = Kernel.make<() => void>(limit, options.aging)
  let settling = false

  // A task that throws at once releases within the loop; the loop goes on, it does not nest.
  const settle = (): void => {
    if (settling) return
    settling = true
    try {
      for (let next = Kernel.next(permits); next !== undefined; next = Kernel.next(permits)) next.value()
    } finally {
      settling = false
    }
  }

  const release = (held: number): void => {
    Kernel.release(permits, held)
    if (permits.queue.size > 0) settle()
  }

  const perform = async <A>(task: () => A | PromiseLike<A>, held: number): Promise<A> => {
    try {
      return await task()
    } finally {
      release(held)
    }
  }

  /** Calls `start` with what it holds when its turn comes, or `reject` when the signal is aborted before. */
  const enqueue = (start: (held: number) => void, reject: (reason: unknown) => void, asked: AcquireOptions): void => {
    const { weight = 1, priority, signal } = asked
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const leave = (): void => {
      Kernel.end(permits, waiter)
      reject(signal?.reason)
      settle()
    }
    const waiter = Kernel.waiter(
      () => {
        signal?.removeEventListener("abort", leave)
        start(waiter.held)
      },
      weight,
      priority,
    )
    signal?.addEventListener("abort", leave, { once: true })
    Kernel.wait(permits, waiter)
    settle()
  }

  const free = (asked: AcquireOptions | undefined): boolean =>
    !asked?.signal?.aborted && Kernel.tryTake(permits, wholeWeight(asked?.weight))

  return {
    run: <A>(task: () => A | PromiseLike<A>, asked: AcquireOptions = noOptions) =>
      free(asked)
        ? perform(task, wholeWeight(asked.weight))
        : new Promise<A>((resolve, reject) => enqueue((held) => resolve(perform(task, held)), reject, asked)),
    acquire: (asked = noOptions) =>
      free(asked)
        ? Promise.resolve(once(() => release(wholeWeight(asked.weight))))
        : new Promise<Release>((resolve, reject) =>
            enqueue((held) => resolve(once(() => release(held))), reject, asked),
          ),
    resize: (to) => {
      Kernel.resize(permits, to)
      settle()
    },
    stats: () => ({ limit: permits.limit, inFlight: permits.inFlight, waiting: permits.queue.size }),
  }
}

const noOptions: AcquireOptions = {}

const wholeWeight = (weight: number | undefined): number =>
  weight === undefined || weight < 1 ? 1 : Math.floor(weight)

const once = (release: () => void): Release => {
  let released = false
  return () => {
    if (released) return
    released = true
    release()
  }
}
