import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { circuitBreaker } from "./CircuitBreaker.ts"
import { retry, retryForUser } from "./Retry.ts"

const plenty = { ratio: 1_000, floor: 1_000, windowMillis: 10_000 }

const failing = (error: unknown = new Error("down")) => {
  const calls = { n: 0 }
  const operation = async (): Promise<never> => {
    calls.n++
    throw error
  }
  return { calls, operation, error }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Lets time go on until the promise settles. */
const through = async <A>(promise: Promise<A>): Promise<unknown> => {
  const settled = promise.catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(120_000)
  return settled
}

describe("retry for promises", () => {
  it("[resilience 30] N retries are N + 1 attempts, and the error is the last attempt's own", async () => {
    const { calls, operation, error } = failing()
    expect(await through(retryForUser({ budget: plenty }).execute(operation))).toBe(error)
    expect(calls.n).toBe(5)
  })

  it("[resilience 34] cancel during a delay: no more attempts, and the reason at once", async () => {
    const { calls, operation } = failing({ retryAfterMillis: 5_000 })
    const controller = new AbortController()
    const promise = retryForUser({ budget: plenty }).execute(operation, controller.signal)
    promise.catch(() => {})
    await vi.advanceTimersByTimeAsync(1_000)
    controller.abort("enough")
    await expect(promise).rejects.toBe("enough")
    await vi.advanceTimersByTimeAsync(60_000)
    expect(calls.n).toBe(1)
  })

  it("[resilience 35] cancel before the start: none at all", async () => {
    const { calls, operation } = failing()
    await expect(retryForUser().execute(operation, AbortSignal.abort("never"))).rejects.toBe("never")
    expect(calls.n).toBe(0)
  })

  it("[resilience 36] an error that cannot be retried is not", async () => {
    const { calls, operation } = failing({ status: 403 })
    await through(retryForUser().execute(operation))
    expect(calls.n).toBe(1)
  })

  it("[resilience 38] the greatest total time holds: a hanging attempt is told to stop", async () => {
    let aborted = false
    const promise = retryForUser({ totalMillis: 2_000 }).execute(
      (call) => new Promise(() => call.signal.addEventListener("abort", () => (aborted = true))),
    )
    const settled = promise.catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await settled).toMatchObject({ _tag: "TimeoutExceeded" })
    expect(aborted).toBe(true)
  })

  it("[resilience 41] an exhausted budget gives the original error and the reason", async () => {
    const { operation, error } = failing()
    const policy = retry({ budget: { ratio: 0, floor: 1, windowMillis: 600_000 } })
    expect(await through(policy.execute(operation))).toBe(error)
    expect(policy.whyGivenUp(error)).toMatchObject({ error, reason: "budget", attempts: 2 })
    expect(policy.whyGivenUp(new Error("another"))).toBeUndefined()
  })

  it("[resilience 43] nested retries do not multiply when the call is passed on", async () => {
    const { calls, operation } = failing()
    const inner = retry({ attempts: 10, budget: plenty })
    const outer = retry({ attempts: 5, budget: plenty })
    await through(outer.execute((call) => inner.execute(operation, call)))
    expect(calls.n).toBe(5)
  })

  it("stops while a breaker is open", async () => {
    const breaker = circuitBreaker("maps", { consecutiveFailures: 2 })
    const { calls, operation, error } = failing()
    const policy = retry({ breaker, budget: plenty })
    expect(await through(policy.execute((call) => breaker.execute(operation, call)))).toBe(error)
    expect(calls.n).toBe(2)
    expect(policy.whyGivenUp(error)).toMatchObject({ reason: "breaker-open" })
  })
})
