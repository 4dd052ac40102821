import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { limits } from "../../kernel/resilience/RateLimiter.ts"
import { RateLimited } from "../Errors.ts"
import { rateLimiter } from "./RateLimiter.ts"

const money = [{ limit: limits.user.money, key: "athlete" }]

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe("rate limits for promises", () => {
  it("[resilience 66] refuses with the time to wait, from the time that has really passed", async () => {
    const limiter = rateLimiter()
    expect(await limiter.execute(money, () => "ran")).toBe("ran")
    limiter.ask(money)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(limiter.ask(money)).toEqual({ allowed: false, limit: "user-money", retryAfterMillis: 4_000 })
    await expect(limiter.execute(money, () => "ran")).rejects.toBeInstanceOf(RateLimited)
  })

  it("a wait longer than the host's timers count does not end at once", async () => {
    const limiter = rateLimiter()
    const yearly = [{ limit: { name: "yearly", limit: 1, windowMillis: 31_536_000_000, burst: 1 }, key: "athlete" }]
    limiter.ask(yearly)
    let ran = false
    const waiting = limiter.wait(yearly, Number.POSITIVE_INFINITY, () => {
      ran = true
    })
    await vi.advanceTimersByTimeAsync(86_400_000)
    expect(ran).toBe(false)
    await vi.advanceTimersByTimeAsync(365 * 86_400_000)
    await waiting
    expect(ran).toBe(true)
  })

  it("[resilience 61] a cancelled wait gives its turn back", async () => {
    const limiter = rateLimiter()
    limiter.ask([{ limit: limits.user.money, key: "athlete", cost: 2 }])
    const controller = new AbortController()
    const cancelled = limiter.wait(money, 60_000, () => "first", controller.signal).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(1_000)
    controller.abort("enough")
    expect(await cancelled).toBe("enough")
    const second = limiter.wait(money, 5_000, () => "second")
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await second).toBe("second")
  })
})
