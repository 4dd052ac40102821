/**
 * A bulkhead for promises, over the same kernel as the Effect service.
 *
 * @example
 * const suggestions = PromiseBulkhead.make({ name: "recommendations", limit: 4, queue: 10, maxWaitMillis: 500 })
 * await suggestions.run(() => recommend(athlete), { priority: "low" }) // rejects with BulkheadFull when overloaded
 */
import type { Priority } from "../../kernel/concurrency/PriorityQueue.ts"
import { BulkheadFull, BulkheadGate, type BulkheadOptions, type BulkheadStats } from "../BulkheadGate.ts"
import { BulkheadGates, type KeyedBulkheadStats } from "../BulkheadGates.ts"
import { type Abortable, isAborted } from "./Abort.ts"
import { hostAlarm } from "./HostAlarm.ts"

export {
  type BulkheadEvent,
  BulkheadFull,
  type BulkheadOptions,
  type BulkheadStats,
  BulkheadWaitExceeded,
} from "../BulkheadGate.ts"

export type { KeyedBulkheadStats } from "../BulkheadGates.ts"

export interface EnterOptions extends Abortable {
  /** Default middle. */
  readonly priority?: Priority
}

export interface PromiseBulkhead {
  /**
   * Runs the task when there is a place; settles as the task does.
   *
   * @throws BulkheadFull when it is refused on arrival, BulkheadWaitExceeded after the longest wait, and the signal's
   * reason when that is aborted while waiting; the task never ran.
   */
  readonly run: <A>(task: () => A | PromiseLike<A>, options?: EnterOptions) => Promise<A>
  readonly resize: (limit: number) => void
  readonly stats: () => BulkheadStats
}

export const make = (options: BulkheadOptions): PromiseBulkhead => {
  const gate = new BulkheadGate(options, hostAlarm)
  return {
    run: (task, asked) => throughGate(gate, task, asked),
    resize: (limit) => gate.resize(limit),
    stats: () => gate.stats(),
  }
}

/** A bulkhead for each key (a dependency, a tenant), made when it is first used and kept only while it is in use. */
export interface PromiseKeyedBulkhead<K> {
  readonly run: <A>(key: K, task: () => A | PromiseLike<A>, options?: EnterOptions) => Promise<A>
  /** How many keys are in use, and what runs and waits over all of them. */
  readonly stats: () => KeyedBulkheadStats
}

/** Errors and events name the bulkhead as `name/key`. */
export const keyed = <K extends string | number>(options: BulkheadOptions): PromiseKeyedBulkhead<K> => {
  const gates = new BulkheadGates<K>(options, hostAlarm)
  return {
    run: async (key, task, asked) => {
      if (isAborted(asked)) throw asked?.signal?.reason
      return throughGate(gates.get(key), task, asked)
    },
    stats: () => gates.stats(),
  }
}

/** How a task goes through a bulkhead's gate. It is entered before this returns; the signal is read only to wait. */
export const throughGate = async <A>(
  gate: BulkheadGate,
  task: () => A | PromiseLike<A>,
  asked?: EnterOptions,
): Promise<A> => {
  if (isAborted(asked)) throw asked?.signal?.reason
  if (gate.tryEnter()) {
    try {
      return await task()
    } finally {
      gate.leave()
    }
  }
  const end = await placeOf(gate, asked?.priority ?? "middle", asked?.signal)
  try {
    return await task()
  } finally {
    end()
  }
}

/** Waits in line; resolves with what gives the place back. */
const placeOf = (gate: BulkheadGate, priority: Priority, signal: AbortSignal | undefined): Promise<() => void> =>
  new Promise((resolve, reject) => {
    let over = false
    const leave = (): void => {
      reject(signal?.reason)
      if (!(waiter instanceof BulkheadFull)) gate.end(waiter)
    }
    // Told perhaps while it enters, before there is a waiter.
    const waiter = gate.enter((refused) => {
      over = true
      signal?.removeEventListener("abort", leave)
      if (refused === undefined) resolve(() => waiter instanceof BulkheadFull || gate.end(waiter))
      else reject(refused)
    }, priority)
    if (waiter instanceof BulkheadFull) reject(waiter)
    else if (!over) signal?.addEventListener("abort", leave, { once: true })
  })
