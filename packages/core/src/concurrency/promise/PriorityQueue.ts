/**
 * A queue between promises with three priorities: the low ones age, so none waits for ever.
 *
 * Takers wait in line, first come, first served. A full queue refuses; it never drops what it accepted.
 *
 * @example
 * const notices = PromisePriorityQueue.make<Notice>({ name: "notices", capacity: 10_000 })
 * notices.offer(alert, "high")
 * const next = await notices.take()
 */
import type { Priority } from "../../kernel/concurrency/PriorityQueue.ts"
import { type PriorityQueueOptions, QueueGate, type QueueStats, taker } from "../QueueGate.ts"
import { type Abortable, isAborted } from "./Abort.ts"

export { type PriorityQueueOptions, type QueueEvent, QueueFull, type QueueStats } from "../QueueGate.ts"

export interface PromisePriorityQueue<A> {
  /** @throws QueueFull when it holds as many as it may. Default priority middle. */
  readonly offer: (value: A, priority?: Priority) => void
  /** Waits for a value; rejects with the signal's reason when that is aborted before, and then takes nothing. */
  readonly take: (options?: Abortable) => Promise<A>
  /** What is there, up to so many, without waiting. */
  readonly takeUpTo: (count: number) => ReadonlyArray<A>
  readonly size: () => number
  readonly stats: () => QueueStats
}

export const make = <A>(options: PriorityQueueOptions): PromisePriorityQueue<A> => {
  const gate = new QueueGate<A>(options, () => performance.now())
  return {
    offer: (value, priority = "middle") => {
      const full = gate.offer(value, priority)
      if (full !== undefined) throw full
    },
    take: (asked) =>
      new Promise<A>((resolve, reject) => {
        if (isAborted(asked)) return reject(asked?.signal?.reason)
        const there = gate.takeNow()
        if (there !== undefined) return resolve(there.value)
        const signal = asked?.signal
        const leave = (): void => {
          gate.leave(waiting)
          reject(signal?.reason)
        }
        const waiting = taker(() => {
          signal?.removeEventListener("abort", leave)
          const reserved = gate.collect()
          if (reserved !== undefined) resolve(reserved.value)
        })
        signal?.addEventListener("abort", leave, { once: true })
        gate.wait(waiting)
      }),
    takeUpTo: (count) => gate.takeUpTo(count),
    size: () => gate.size,
    stats: () => gate.stats(),
  }
}
