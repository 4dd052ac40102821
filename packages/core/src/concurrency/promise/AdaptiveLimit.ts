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
import * as HostTimers from "../../resilience/HostTimers.ts"
import { AdaptiveGate, type AdaptiveLimitOptions, type AdaptiveLimitStats } from "../AdaptiveGate.ts"
import { type PromiseBulkhead, throughGate } from "./Bulkhead.ts"

export type { AdaptiveLimitOptions, AdaptiveLimitStats } from "../AdaptiveGate.ts"

export interface PromiseAdaptiveLimit {
  /** As a bulkhead's `run`, with its errors. */
  readonly run: PromiseBulkhead["run"]
  readonly stats: () => AdaptiveLimitStats
}

export const make = (options: AdaptiveLimitOptions): PromiseAdaptiveLimit => {
  const adaptive = new AdaptiveGate(options, { now: () => performance.now(), schedule: HostTimers.after })
  const run = throughGate(adaptive.gate)
  return {
    run: (task, asked) =>
      run(async () => {
        const begun = adaptive.begin()
        try {
          const value = await task()
          adaptive.succeeded(begun)
          return value
        } catch (error) {
          adaptive.failed(error)
          throw error
        }
      }, asked),
    stats: () => adaptive.stats(),
  }
}
