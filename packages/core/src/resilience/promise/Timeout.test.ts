import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { TimeoutExceeded } from "../Errors.ts"
import { retry } from "./Retry.ts"
import { adaptiveTimeout, fixedTimeout } from "./Timeout.ts"

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe("timeout for promises", () => {
  it("[resilience 69] tells the operation to stop, and rejects", async () => {
    let reason: unknown
    const promise = fixedTimeout(1_000).execute(
      (call) => new Promise(() => call.signal.addEventListener("abort", () => (reason = call.signal.reason))),
    )
    const settled = promise.catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await settled).toBeInstanceOf(TimeoutExceeded)
    expect(reason).toBeInstanceOf(TimeoutExceeded)
  })

  it("settles as the operation does, also when it is not asynchronous", async () => {
    const timeout = fixedTimeout(1_000)
    expect(await timeout.execute(() => 1)).toBe(1)
    expect(await timeout.execute(async () => 2)).toBe(2)
    await expect(timeout.execute(() => Promise.reject("no"))).rejects.toBe("no")
    await expect(
      timeout.execute(() => {
        throw new Error("at once")
      }),
    ).rejects.toThrow("at once")
    await expect(timeout.execute(() => 1, AbortSignal.abort("stop"))).rejects.toBe("stop")
  })

  it("cancelling is answered at once, also by an operation that does not heed its signal", async () => {
    for (const guard of [fixedTimeout(1_000), retry(), retry({ totalMillis: 60_000 })]) {
      const controller = new AbortController()
      const settled = guard
        .execute(() => new Promise<never>(() => {}), controller.signal)
        .catch((error: unknown) => error)
      controller.abort("enough")
      expect(await settled).toBe("enough")
    }
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1)
  })

  it("[resilience 68] retry around timeout is per attempt; timeout around retry is in total", async () => {
    const budget = { ratio: 1_000, floor: 1_000, windowMillis: 10_000 }
    const calls = { inner: 0, outer: 0 }
    const timeout = fixedTimeout(1_000)
    const perAttempt = retry({ attempts: 3, budget }).execute((call) =>
      timeout.execute(() => {
        calls.inner++
        return new Promise(() => {})
      }, call),
    )
    const total = timeout.execute((call) =>
      retry({ attempts: 1_000, budget }).execute(async () => {
        calls.outer++
        await new Promise((resolve) => setTimeout(resolve, 300))
        throw new Error("down")
      }, call),
    )
    const settled = Promise.allSettled([perAttempt, total])
    await vi.advanceTimersByTimeAsync(20_000)
    expect((await settled).map((result) => result.status)).toEqual(["rejected", "rejected"])
    expect(calls.inner).toBe(3)
    expect(calls.outer).toBeLessThanOrEqual(4)
  })

  it("follows what calls take", async () => {
    const timeout = adaptiveTimeout({ minMillis: 50, maxMillis: 10_000 })
    for (let i = 0; i < 40; i++) {
      const call = timeout.execute(() => new Promise((resolve) => setTimeout(resolve, 100)))
      await vi.advanceTimersByTimeAsync(100)
      await call
    }
    expect(timeout.timeoutMillis()).toBeGreaterThan(190)
    expect(timeout.timeoutMillis()).toBeLessThan(210)
  })
})
