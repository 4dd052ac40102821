/**
 * Order within a key, none between keys, for promises: tasks of the same key run one after the other.
 *
 * @example
 * const seats = PromiseLanes.make<string>()
 * await seats.run("seat-7", () => reserve("seat-7", athlete))
 */
import * as Kernel from "../../kernel/concurrency/Lanes.ts"
import { type Abortable, isAborted } from "./Abort.ts"

export interface PromiseLanes<K> {
  /** Settles as the task does; rejects with the signal's reason when that is aborted while waiting. */
  readonly run: <A>(key: K, task: () => A | PromiseLike<A>, options?: Abortable) => Promise<A>
  readonly stats: () => { readonly keys: number; readonly running: number; readonly waiting: number }
}

export const make = <K>(options: { readonly width?: number } = {}): PromiseLanes<K> => {
  const lanes = Kernel.make<K, Wake>(options.width)

  /** In line; resolves when it may run. */
  const turn = (waiter: Waiter<K>, signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        Kernel.end(lanes, waiter)
        reject(signal?.reason)
      }
      waiter.value.wake = () => {
        signal?.removeEventListener("abort", leave)
        resolve()
      }
      signal?.addEventListener("abort", leave, { once: true })
    })

  return {
    run: async (key, task, asked) => {
      if (isAborted(asked)) throw asked?.signal?.reason
      const waiter: Waiter<K> = Kernel.waiter(key, { wake: () => {} })
      if (!Kernel.enter(lanes, waiter)) await turn(waiter, asked?.signal)
      try {
        return await task()
      } finally {
        Kernel.end(lanes, waiter)?.value.wake()
      }
    },
    stats: () => ({ keys: lanes.lanes.size, running: lanes.running, waiting: lanes.waiting }),
  }
}

interface Wake {
  wake: () => void
}

type Waiter<K> = Kernel.Waiter<K, Wake>
