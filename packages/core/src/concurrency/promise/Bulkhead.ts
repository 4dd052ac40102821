/**
 * A bulkhead for promises, over the same kernel as the Effect service.
 *
 * @example
 * const suggestions = PromiseBulkhead.make({ name: "recommendations", limit: 4, queue: 10, maxWaitMillis: 500 })
 * await suggestions.run(() => recommend(athlete), { priority: "low" }) // rejects with BulkheadFull when overloaded
 */
import type { Priority } from "../../kernel/concurrency/PriorityQueue.ts"
import * as HostTimers from "../../resilience/HostTimers.ts"
import { BulkheadFull, BulkheadGate, type BulkheadOptions, type BulkheadStats } from "../BulkheadGate.ts"

export {
  type BulkheadEvent,
  BulkheadFull,
  type BulkheadOptions,
  type BulkheadStats,
  BulkheadWaitExceeded,
} from "../BulkheadGate.ts"

export interface PromiseBulkhead {
  /**
   * Runs the task when there is a place; settles as the task does.
   *
   * @throws BulkheadFull when it is refused on arrival, BulkheadWaitExceeded after the longest wait, and the signal's
   * reason when that is aborted while waiting; the task never ran.
   */
  readonly run: <A>(
    task: () => A | PromiseLike<A>,
    options?: { readonly priority?: Priority; readonly signal?: AbortSignal },
  ) => Promise<A>
  readonly resize: (limit: number) => void
  readonly stats: () => BulkheadStats
}

export const make = (options: BulkheadOptions): PromiseBulkhead => {
  const gate = new BulkheadGate(options, { now: () => performance.now(), schedule: HostTimers.after })
  return { run: throughGate(gate), resize: (limit) => gate.resize(limit), stats: () => gate.stats() }
}

/** How a task goes through a bulkhead's gate. */
export const throughGate = (gate: BulkheadGate): PromiseBulkhead["run"] => {
  const perform = async <A>(task: () => A | PromiseLike<A>, done: () => void): Promise<A> => {
    try {
      return await task()
    } finally {
      done()
    }
  }

  /** Resolves with what gives the place back. */
  const wait = (priority: Priority, signal: AbortSignal | undefined): Promise<() => void> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        reject(signal?.reason)
        if (!(waiter instanceof BulkheadFull)) gate.end(waiter)
      }
      const waiter = gate.enter((refused) => {
        signal?.removeEventListener("abort", leave)
        if (refused !== undefined) reject(refused)
        else resolve(() => waiter instanceof BulkheadFull || gate.end(waiter))
      }, priority)
      if (waiter instanceof BulkheadFull) reject(waiter)
      else if (waiter.queued) signal?.addEventListener("abort", leave, { once: true })
    })

  return async (task, { priority = "middle", signal } = {}) => {
    signal?.throwIfAborted()
    return gate.tryEnter() ? perform(task, () => gate.leave()) : perform(task, await wait(priority, signal))
  }
}
