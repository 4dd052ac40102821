import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as PromiseAdaptiveLimit from "./AdaptiveLimit.ts"
import { BulkheadFull } from "./Bulkhead.ts"

const settings = { initial: 20, min: 2, max: 50, probeEvery: 1_000 }

const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** Rounds of as many calls as may run, each taking so long. */
const load = async (limited: PromiseAdaptiveLimit.PromiseAdaptiveLimit, rounds: number, latencyMillis: number) => {
  for (let round = 0; round < rounds; round++) {
    const calls = Array.from({ length: limited.stats().limit }, () => limited.run(() => sleep(latencyMillis)))
    await vi.advanceTimersByTimeAsync(latencyMillis)
    await Promise.all(calls)
  }
}

describe("Adaptive limit for promises", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it("[resilience 67] falls as latency rises, recovers, and stays in its bounds", async () => {
    const seen: Array<number> = []
    const limited = PromiseAdaptiveLimit.make({ name: "search", settings, onLimit: (limit) => seen.push(limit) })
    await load(limited, 10, 10)
    expect(limited.stats().limit).toBe(50)
    await load(limited, 4, 200)
    expect(limited.stats().limit).toBeLessThan(25)
    await load(limited, 20, 10)
    expect(limited.stats().limit).toBe(50)
    expect(Math.max(...seen)).toBeLessThanOrEqual(50)
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(2)
  })

  it("[resilience 67] is not moved by calls that failed of themselves", async () => {
    const limited = PromiseAdaptiveLimit.make({ name: "search", settings })
    for (let i = 0; i < 30; i++) {
      await expect(limited.run(() => Promise.reject(new Error("wrong password")))).rejects.toThrow("wrong password")
    }
    expect(limited.stats()).toEqual({ limit: 20, running: 0, waiting: 0, normalMillis: 0 })
  })

  it("is cut at once when the other side is overloaded, and sheds what does not fit", async () => {
    const limited = PromiseAdaptiveLimit.make({
      name: "search",
      settings: { ...settings, backoff: 0.5 },
      isOverload: (error) => error === "too busy",
    })
    await expect(limited.run(() => Promise.reject("too busy"))).rejects.toBe("too busy")
    expect(limited.stats().limit).toBe(10)
    const calls = Array.from({ length: 10 }, () => limited.run(() => sleep(100)))
    await expect(limited.run(() => expect.unreachable())).rejects.toBeInstanceOf(BulkheadFull)
    await vi.advanceTimersByTimeAsync(100)
    await Promise.all(calls)
  })

  it("keyed: learns of each dependency by itself, also between calls, and remembers so many", async () => {
    const changes: Array<string> = []
    const limits = PromiseAdaptiveLimit.keyed({
      name: "peers",
      settings: { ...settings, backoff: 0.5 },
      isOverload: (error) => error === "too busy",
      onLimit: (limit, key) => changes.push(`${key} ${limit}`),
      maxKeys: 10,
    })
    await expect(limits.run("maps", () => Promise.reject("too busy"))).rejects.toBe("too busy")
    expect([limits.statsOf("maps").limit, limits.statsOf("mail").limit]).toEqual([10, 20])
    expect(changes).toEqual(["maps 10"])
    const call = limits.run("maps", () => sleep(100))
    expect(limits.stats()).toEqual({ keys: 1, remembered: 0, running: 1, waiting: 0 })
    await vi.advanceTimersByTimeAsync(100)
    await call
    for (let i = 0; i < 1_000; i++) await limits.run(`tenant ${i}`, () => {})
    expect(limits.stats()).toEqual({ keys: 0, remembered: 10, running: 0, waiting: 0 })
  })

  it("keyed: finishes a probe although nothing runs between its calls", async () => {
    const limits = PromiseAdaptiveLimit.keyed({ name: "peers", settings: { ...settings, probeEvery: 5 } })
    const calls = async (count: number, millis: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const call = limits.run("maps", () => sleep(millis))
        await vi.advanceTimersByTimeAsync(millis)
        await call
      }
    }
    await calls(5, 10)
    expect(limits.statsOf("maps").normalMillis).toBeCloseTo(10, 0)
    await calls(12, 40)
    expect(limits.statsOf("maps").normalMillis).toBeCloseTo(40, 0)
  })
})
