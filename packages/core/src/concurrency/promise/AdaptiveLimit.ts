/**
 * Limits how many calls run at once to what the other side can serve, found from how long they take; for promises.
 *
 * A call that failed measured nothing; but a failure that means overload (a time-out, a refusal) cuts the limit at
 * once. What does not fit waits or is refused as by a bulkhead.
 *
 * @example
 * const search = PromiseAdaptiveLimit.make({ name: "search", queue: 20, maxWaitMillis: 200 })
 * const found = await search.run(() => query(text)) // rejects with BulkheadFull when search is slow
 */
import type * as Kernel from "../../kernel/concurrency/AdaptiveLimit.ts"
import { AdaptiveGate, type AdaptiveLimitOptions, type AdaptiveLimitStats } from "../AdaptiveGate.ts"
import { AdaptiveGates, type KeyedAdaptiveLimitOptions, type KeyedAdaptiveLimitStats } from "../AdaptiveGates.ts"
import { isAborted } from "./Abort.ts"
import { type EnterOptions, type PromiseBulkhead, throughGate } from "./Bulkhead.ts"
import { hostAlarm } from "./HostAlarm.ts"

export type { AdaptiveLimitOptions, AdaptiveLimitStats } from "../AdaptiveGate.ts"
export type { KeyedAdaptiveLimitOptions, KeyedAdaptiveLimitStats } from "../AdaptiveGates.ts"

export interface PromiseAdaptiveLimit {
  /** As a bulkhead's `run`, with its errors. */
  readonly run: PromiseBulkhead["run"]
  readonly stats: () => AdaptiveLimitStats
  /** What it knows of the other side, as plain data: give it as `learnt` to one that is to go on from there. */
  readonly learnt: () => Kernel.AdaptiveLimit
}

export const make = (options: AdaptiveLimitOptions): PromiseAdaptiveLimit => {
  const adaptive = new AdaptiveGate(options, hostAlarm)
  return {
    run: (task, asked) => throughAdaptive(adaptive, task, asked),
    stats: () => adaptive.stats(),
    learnt: () => adaptive.learnt,
  }
}

/** A limit for each key, such as a dependency. Made when it is first used; what it learnt is kept within bounds. */
export interface PromiseKeyedAdaptiveLimit {
  readonly run: <A>(key: string, task: () => A | PromiseLike<A>, options?: EnterOptions) => Promise<A>
  readonly stats: () => KeyedAdaptiveLimitStats
  readonly statsOf: (key: string) => AdaptiveLimitStats
}

/** Errors and events name the limit as `name/key`. */
export const keyed = (options: KeyedAdaptiveLimitOptions): PromiseKeyedAdaptiveLimit => {
  const gates = new AdaptiveGates(options, hostAlarm)
  return {
    run: async (key, task, asked) => {
      if (isAborted(asked)) throw asked?.signal?.reason
      return throughAdaptive(gates.get(key), task, asked)
    },
    stats: () => gates.stats(),
    statsOf: (key) => gates.statsOf(key),
  }
}

const throughAdaptive = <A>(
  adaptive: AdaptiveGate,
  task: () => A | PromiseLike<A>,
  asked: EnterOptions | undefined,
): Promise<A> => {
  const measured = async (): Promise<A> => {
    const { failed, succeeded } = adaptive.begin()
    try {
      const value = await task()
      succeeded()
      return value
    } catch (error) {
      // Whom the caller told to stop says nothing about the other side.
      if (!isAborted(asked)) failed(error)
      throw error
    }
  }
  return throughGate(adaptive.gate, measured, asked)
}
