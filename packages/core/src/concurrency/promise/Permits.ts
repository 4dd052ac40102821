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
  const permits = Kernel.make<Turn>(limit, options.aging)
  let settling = false

  // A task that ends at once releases within the loop; the loop goes on, it does not nest.
  const settle = (): void => {
    if (settling) return
    settling = true
    try {
      for (let next = Kernel.next(permits); next !== undefined; next = Kernel.next(permits)) next.value(next.held)
    } finally {
      settling = false
    }
  }

  const release = (held: number): void => {
    Kernel.release(permits, held)
    if (permits.queue.size > 0) settle()
  }

  /** Takes what is free, or gets in line. `granted` is called once, unless the signal is aborted first. */
  const request = (granted: Turn, rejected: (reason: unknown) => void, asked: AcquireOptions): void => {
    const { priority, signal } = asked
    if (signal?.aborted) {
      rejected(signal.reason)
      return
    }
    const weight = wholeWeight(asked.weight)
    if (Kernel.tryTake(permits, weight)) {
      granted(weight)
      return
    }
    const waiter = Kernel.waiter(
      signal === undefined
        ? granted
        : untilAborted(signal, granted, (reason) => {
            Kernel.end(permits, waiter)
            rejected(reason)
            settle()
          }),
      weight,
      priority,
    )
    Kernel.wait(permits, waiter)
    settle()
  }

  return {
    // Callbacks, not an async function: half the time and fewer objects for each that waits.
    run: <A>(task: () => A | PromiseLike<A>, asked: AcquireOptions = noOptions) =>
      new Promise<A>((resolve, reject) => {
        const perform = (held: number): void => {
          let result: A | PromiseLike<A>
          try {
            result = task()
          } catch (error) {
            reject(error)
            release(held)
            return
          }
          if (!isPromiseLike(result)) {
            resolve(result)
            release(held)
            return
          }
          result.then(
            (value) => {
              resolve(value)
              release(held)
            },
            (error) => {
              reject(error)
              release(held)
            },
          )
        }
        request(perform, reject, asked)
      }),
    acquire: (asked = noOptions) =>
      new Promise<Release>((resolve, reject) => request((held) => resolve(once(() => release(held))), reject, asked)),
    resize: (to) => {
      Kernel.resize(permits, to)
      settle()
    },
    stats: () => ({ limit: permits.limit, inFlight: permits.inFlight, waiting: permits.queue.size }),
  }
}

/** What to do when one's turn comes, told how many permits one holds. */
type Turn = (held: number) => void

/** A turn that stops listening to the signal; aborted before, `left` is called instead. */
const untilAborted = (signal: AbortSignal, granted: Turn, left: (reason: unknown) => void): Turn => {
  const leave = (): void => left(signal.reason)
  signal.addEventListener("abort", leave, { once: true })
  return (held) => {
    signal.removeEventListener("abort", leave)
    granted(held)
  }
}

const isPromiseLike = <A>(value: A | PromiseLike<A>): value is PromiseLike<A> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"

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
