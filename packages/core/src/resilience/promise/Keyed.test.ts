import { describe, expect, it } from "vitest"
import { circuitBreaker } from "./CircuitBreaker.ts"
import { keyed } from "./Keyed.ts"
import { policyForUser } from "./Policy.ts"
import { adaptiveTimeout } from "./Timeout.ts"

const down = (): Promise<never> => Promise.reject(new Error("down"))
const ignore = (): void => {}

describe("guards by key, for promises", () => {
  it("gives each key its own, the same each time, and keeps no more than so many", () => {
    const timeouts = keyed(() => adaptiveTimeout(), { maxKeys: 10 })
    expect(timeouts.get("maps")).toBe(timeouts.get("maps"))
    expect(timeouts.get("maps")).not.toBe(timeouts.get("strava"))
    for (let i = 0; i < 1_000; i++) timeouts.get(`key-${i}`)
    expect(timeouts.size()).toBe(10)
  })

  it.each([
    ["breakers", keyed((key) => circuitBreaker(key, { consecutiveFailures: 1 }), { maxKeys: 3 })],
    [
      "policies",
      keyed((key) => policyForUser(key, { retry: false, breaker: { consecutiveFailures: 1 } }), { maxKeys: 3 }),
    ],
  ])("forgets open %s last", async (_name, guards) => {
    await guards.get("down").execute(down).catch(ignore)
    for (let i = 0; i < 100; i++) await guards.get(`key-${i}`).execute(() => i)
    await expect(guards.get("down").execute(() => 1)).rejects.toMatchObject({ _tag: "BreakerOpen" })
  })
})
