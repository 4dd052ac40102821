/**
 * Order within a key, none between keys, for promises: tasks of the same key run one after the other.
 *
 * @example
 * const seats = PromiseLanes.make<string>()
 * await seats.run("seat-7", () => reserve("seat-7", athlete))
 */
import * as Kernel from "../../kernel/concurrency/Lanes.ts"

export interface PromiseLanes<K> {
  /** Settles as the task does; rejects with the signal's reason when that is aborted while waiting. */
  readonly run: <A>(key: K, task: () => A | PromiseLike<A>, options?: { readonly signal?: AbortSignal }) => Promise<A>
  readonly stats: () => { readonly keys: number; readonly running: number; readonly waiting: number }
}

export const make = <K>(options: { readonly width?: number } = {}): PromiseLanes<K> => {
  const lanes = Kernel.make<K, () => void>(options.width)

  const turn = (key: K, signal: AbortSignal | undefined): Promise<Kernel.Waiter<K, () => void>> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        Kernel.end(lanes, waiter)
        reject(signal?.reason)
      }
      const waiter = Kernel.waiter<K, () => void>(key, () => {
        signal?.removeEventListener("abort", leave)
        resolve(waiter)
      })
      if (Kernel.enter(lanes, waiter)) resolve(waiter)
      else signal?.addEventListener("abort", leave, { once: true })
    })

  return {
    run: async (key, task, { signal } = {}) => {
      signal?.throwIfAborted()
      const waiter = await turn(key, signal)
      try {
        return await task()
      } finally {
        Kernel.end(lanes, waiter)?.value()
      }
    },
    stats: () => ({ keys: lanes.lanes.size, running: lanes.running, waiting: lanes.waiting }),
  }
}
