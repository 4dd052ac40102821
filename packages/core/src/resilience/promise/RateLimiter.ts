/**
 * Rate limits for promises, kept in this process.
 *
 * @example
 * const limiter = rateLimiter()
 * const verdict = limiter.ask([{ limit: limits.user.api, key: userId }])
 * if (!verdict.allowed) return new Response(null, { status: 429 })
 */
import type { Verdict } from "../../kernel/resilience/RateLimiter.ts"
import { RateLimited } from "../Errors.ts"
import { type Ask, type MemoryLimits, memoryLimits } from "../MemoryLimits.ts"
import { callOf, type Operation, type Parent, sleep } from "./Call.ts"

export interface PromiseRateLimiter {
  /** Takes all or nothing, now. Needs no promise: the answer is there at once. */
  readonly ask: (asks: ReadonlyArray<Ask>) => Verdict
  /** Runs the operation when the limits allow; rejects with `RateLimited` otherwise. */
  readonly execute: <A>(asks: ReadonlyArray<Ask>, operation: Operation<A>, parent?: Parent) => Promise<A>
  /** Waits for the limits, at most so many milliseconds, then runs the operation. A cancelled wait gives its turn back. */
  readonly wait: <A>(
    asks: ReadonlyArray<Ask>,
    maxWaitMillis: number,
    operation: Operation<A>,
    parent?: Parent,
  ) => Promise<A>
  readonly refund: (asks: ReadonlyArray<Ask>) => void
}

export const rateLimiter = (options: { readonly maxKeys?: number } = {}): PromiseRateLimiter => {
  const memory = memoryLimits(options.maxKeys)
  return {
    ask: (asks) => memory.take(asks, 0, Date.now()),
    execute: (asks, operation, parent) => after(memory, asks, 0, operation, parent),
    wait: (asks, maxWaitMillis, operation, parent) => after(memory, asks, maxWaitMillis, operation, parent),
    refund: memory.refund,
  }
}

const after = async <A>(
  memory: MemoryLimits,
  asks: ReadonlyArray<Ask>,
  maxWaitMillis: number,
  operation: Operation<A>,
  parent: Parent,
): Promise<A> => {
  const call = callOf(parent)
  if (call.aborted) throw call.reason
  const verdict = memory.take(asks, maxWaitMillis, Date.now())
  if (!verdict.allowed) throw new RateLimited(verdict.limit, verdict.retryAfterMillis)
  if (verdict.waitMillis > 0) {
    try {
      await sleep(verdict.waitMillis, call)
    } catch (reason) {
      memory.refund(asks)
      throw reason
    }
  }
  return operation(call)
}
