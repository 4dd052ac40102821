import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { policy, policyForSystem, policyForUser } from "./Policy.ts"

const plenty = { ratio: 1_000, floor: 1_000, windowMillis: 10_000 }

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const through = async <A>(promise: Promise<A>): Promise<unknown> => {
  const settled = promise.catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(600_000)
  return settled
}

const failing = () => {
  const calls = { n: 0 }
  const operation = async (): Promise<never> => {
    calls.n++
    throw new Error("down")
  }
  return { calls, operation }
}

describe("policies for promises", () => {
  it("passes on what the call gives, value and error", async () => {
    const maps = policyForUser("maps")
    expect(await maps.execute(() => 1)).toBe(1)
    const invalid = { _tag: "ParseError" }
    await expect(maps.execute(() => Promise.reject(invalid))).rejects.toBe(invalid)
  })

  it("[resilience 30] forUser makes 5 attempts, forSystem 10", async () => {
    const [five, ten] = [failing(), failing()]
    await through(policyForUser("maps", { retry: { budget: plenty } }).execute(five.operation))
    await through(policyForSystem("maps", { retry: { budget: plenty } }).execute(ten.operation))
    expect([five.calls.n, ten.calls.n]).toEqual([5, 10])
  })

  it("[resilience 68] the timeout is per attempt, and the breaker sees each late one as a timeout", async () => {
    const maps = policy("maps", {
      retry: { budget: plenty, attempts: 20, totalMillis: 600_000 },
      timeout: { minMillis: 1_000, maxMillis: 1_000 },
    })
    let calls = 0
    const error = await through(
      maps.execute(() => {
        calls++
        return new Promise(() => {})
      }),
    )
    expect(error).toMatchObject({ _tag: "TimeoutExceeded" })
    expect(calls).toBe(11)
    expect(maps.breaker?.view().phase).toBe("open")
  })

  it("a refusal is not tried again, and the fallback stands in for it", async () => {
    const maps = policyForSystem("maps", { breaker: { consecutiveFailures: 1 } })
    await maps.execute(failing().operation).catch(() => {})
    const answer = await maps.executeOr(
      () => "real",
      () => "substitute",
    )
    expect(answer).toMatchObject({ _tag: "Degraded", value: "substitute", error: { _tag: "BreakerOpen" } })
  })

  it("the bulkhead runs the call, and gets its signal only by asking for it", async () => {
    const seen: Array<boolean> = []
    const maps = policyForUser("maps", {
      bulkhead: {
        run: async (task, options) => {
          seen.push(options.signal.aborted)
          return task()
        },
      },
    })
    expect(await maps.execute(() => 1)).toBe(1)
    expect(seen).toEqual([false])
  })

  it("[resilience 43] nested policies do not multiply when the call is passed on", async () => {
    const [a, b, c] = ["a", "b", "c"].map((name) => policyForUser(name, { retry: { budget: plenty } }))
    const { calls, operation } = failing()
    await through(a!.execute((call) => b!.execute((inner) => c!.execute(operation, inner), call)))
    expect(calls.n).toBe(5)
  })
})
