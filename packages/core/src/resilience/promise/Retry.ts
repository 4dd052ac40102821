/**
 * The retry for promises.
 *
 * A retry inside another one makes a single attempt, when the inner is given the outer's `Call`. The signal stops it at
 * once, in an attempt and between two; without a total time, an attempt that does not heed it is waited for.
 *
 * @example
 * const retry = retryForUser()
 * await retry.execute((call) => fetch(url, { signal: call.signal }))
 */
import * as Kernel from "../../kernel/resilience/Retry.ts"
import * as RetryBudget from "../../kernel/resilience/RetryBudget.ts"
import { TimeoutExceeded } from "../Errors.ts"
import { decide, plan, type RetryFailure, type RetryOptions, type RetryPlan } from "../RetryOptions.ts"
import { Call, callOf, type Operation, type Parent, sleep } from "./Call.ts"
import { limited } from "./Timeout.ts"

export interface PromiseRetry {
  /** Rejects with the last attempt's own error; with `TimeoutExceeded` when there is none. */
  readonly execute: <A>(operation: Operation<A>, parent?: Parent) => Promise<A>
  /** Why a call that `execute` rejected with this error was given up; undefined for errors of others. */
  readonly whyGivenUp: (error: unknown) => RetryFailure<unknown> | undefined
  readonly budget: RetryBudget.RetryBudget
}

/** 5 attempts within 30 s: somebody waits. */
export const retryForUser = (options: RetryOptions = {}): PromiseRetry => retry({ ...Kernel.user, ...options })

/** 10 attempts within 5 min: nobody waits. */
export const retryForSystem = (options: RetryOptions = {}): PromiseRetry => retry({ ...Kernel.system, ...options })

export const retry = (options: RetryOptions = {}): PromiseRetry => {
  const reasons = new WeakMap<object, RetryFailure<unknown>>()
  const given = plan(options)
  const noted: RetryPlan = {
    ...given,
    onEvent: (event) => {
      if (event._tag === "GaveUp" && typeof event.error === "object" && event.error !== null) {
        reasons.set(event.error, { ...event, _tag: "RetryFailure" })
      }
      given.onEvent?.(event)
    },
  }
  return {
    execute: (operation, parent) => {
      const call = callOf(parent)
      return call.retried ? once(operation, call) : attempts(noted, operation, call)
    },
    whyGivenUp: (error) => (typeof error === "object" && error !== null ? reasons.get(error) : undefined),
    budget: given.budget,
  }
}

const once = async <A>(operation: Operation<A>, call: Call): Promise<A> => {
  if (call.aborted) throw call.reason
  return operation(call)
}

const attempts = <A>(plan: RetryPlan, operation: Operation<A>, parent: Call): Promise<A> => {
  if (parent.aborted) return Promise.reject(parent.reason)
  const startedAtMillis = Date.now()
  const { totalMillis } = plan.settings
  RetryBudget.call(plan.budget, startedAtMillis)
  const progress: { last: unknown; attempt: number } = { last: undefined, attempt: 1 }
  const loop = (call: Call): Promise<A> => attempt(plan, operation, call, startedAtMillis, progress)
  if (totalMillis === Number.POSITIVE_INFINITY) {
    const call = new Call(parent, true)
    return loop(call).finally(() => call.end())
  }
  const late = (): unknown => {
    const error = progress.last ?? new TimeoutExceeded(totalMillis)
    plan.onEvent?.({ _tag: "GaveUp", attempts: progress.attempt, reason: "total-time", error })
    return error
  }
  return limited(loop, new Call(parent, true), totalMillis, () => {}, late)
}

const attempt = async <A>(
  plan: RetryPlan,
  operation: Operation<A>,
  call: Call,
  startedAtMillis: number,
  progress: { last: unknown; attempt: number },
): Promise<A> => {
  for (let previousMillis = 0; ; progress.attempt++) {
    try {
      return await operation(call)
    } catch (error) {
      if (call.aborted) throw error
      progress.last = error
      const nowMillis = Date.now()
      const failed = { error, attempt: progress.attempt, startedAtMillis, nowMillis, previousMillis }
      const decision = decide(plan, failed, Math.random())
      if (decision._tag === "Stop") throw error
      previousMillis = decision.delayMillis
    }
    await sleep(previousMillis, call)
  }
}
