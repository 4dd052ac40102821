/**
 * All guards of a call in one line, for promises, in the order of `resilience/Policy`: fallback, retry, bulkhead,
 * breaker, timeout, call.
 *
 * @example
 * const strava = policyForUser("strava")
 * const activities = await strava.execute((call) => fetch(url, { signal: call.signal }))
 */
import type { TimeoutSettings } from "../../kernel/resilience/AdaptiveTimeout.ts"
import * as RetryKernel from "../../kernel/resilience/Retry.ts"
import type { Answer } from "../Answer.ts"
import type { BreakerOptions } from "../BreakerCell.ts"
import type { RetryOptions } from "../RetryOptions.ts"
import { callOf, type Operation, type Parent } from "./Call.ts"
import { circuitBreaker, type PromiseCircuitBreaker } from "./CircuitBreaker.ts"
import { withSubstitute } from "./Fallback.ts"
import { retry } from "./Retry.ts"
import { adaptiveTimeout } from "./Timeout.ts"

/** Anything that runs a task when there is a place, such as `concurrency/promise/Bulkhead`. */
export interface PromiseBulkheadLike {
  readonly run: <A>(task: () => PromiseLike<A> | A, options: { readonly signal: AbortSignal }) => Promise<A>
}

export interface PromisePolicyOptions {
  /** False for a single attempt. */
  readonly retry?: RetryOptions | false
  readonly bulkhead?: PromiseBulkheadLike
  /** A breaker that others use too, settings for one of its own, or false for none. */
  readonly breaker?: PromiseCircuitBreaker | BreakerOptions | false
  readonly timeout?: Partial<TimeoutSettings> | false
}

export interface PromisePolicy {
  readonly name: string
  readonly execute: <A>(operation: Operation<A>, parent?: Parent) => Promise<A>
  /** As `execute`; when it fails with what may pass by itself, `substitute` stands in, and the answer says so. */
  readonly executeOr: <A, B>(
    operation: Operation<A>,
    substitute: (error: unknown) => PromiseLike<B> | B,
    parent?: Parent,
  ) => Promise<Answer<A, B>>
  /** Undefined when the policy has none. */
  readonly breaker: PromiseCircuitBreaker | undefined
}

/** Somebody waits: 5 attempts within 30 s. */
export const policyForUser = (name: string, options: PromisePolicyOptions = {}): PromisePolicy =>
  policy(name, { ...options, retry: options.retry === false ? false : { ...RetryKernel.user, ...options.retry } })

/** Nobody waits: 10 attempts within 5 min. */
export const policyForSystem = (name: string, options: PromisePolicyOptions = {}): PromisePolicy =>
  policy(name, { ...options, retry: options.retry === false ? false : { ...RetryKernel.system, ...options.retry } })

type Guard = <A>(operation: Operation<A>, parent: Parent) => Promise<A>

export const policy = (name: string, options: PromisePolicyOptions = {}): PromisePolicy => {
  const breaker = options.breaker === false ? undefined : breakerOf(name, options.breaker ?? {})
  const { bulkhead } = options
  const timeout = options.timeout === false ? undefined : adaptiveTimeout(options.timeout)
  const retries =
    options.retry === false ? undefined : retry({ ...options.retry, ...(breaker === undefined ? {} : { breaker }) })
  const guards: Array<Guard> = []
  if (retries !== undefined) guards.push(retries.execute)
  // A call has a `signal`, made only if the bulkhead asks for it because it has to let the call wait.
  if (bulkhead !== undefined) {
    guards.push((operation, parent) => {
      const call = callOf(parent)
      return bulkhead.run(() => operation(call), call)
    })
  }
  if (breaker !== undefined) guards.push(breaker.execute)
  if (timeout !== undefined) guards.push(timeout.execute)
  const innermost: Guard = guards.pop() ?? (async (operation, parent) => operation(callOf(parent)))
  const execute = guards.reduceRight<Guard>(
    (inner, outer) => (operation, parent) => outer((call) => inner(operation, call), parent),
    innermost,
  )
  return {
    name,
    execute,
    executeOr: (operation, substitute, parent) =>
      withSubstitute((call) => execute(operation, call), substitute, parent),
    breaker,
  }
}

const breakerOf = (name: string, given: PromiseCircuitBreaker | BreakerOptions): PromiseCircuitBreaker =>
  "execute" in given ? given : circuitBreaker(name, given)
