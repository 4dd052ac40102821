import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as RetryBudget from "./RetryBudget.ts"

const granted = (budget: RetryBudget.RetryBudget, now: number, wanted: number): number =>
  Array.from({ length: wanted }, () => RetryBudget.take(budget, now)).filter(Boolean).length

describe("RetryBudget", () => {
  it.each([
    [0, 3],
    [1, 3],
    [15, 3],
    [20, 4],
    [1_000, 200],
  ])("[resilience 39] 20 %% of calls, floor 3: %i calls allow %i retries", (calls, retries) => {
    const budget = RetryBudget.make()
    for (let i = 0; i < calls; i++) RetryBudget.call(budget, 1_000)
    expect(granted(budget, 1_000, 10_000)).toBe(retries)
  })

  it("[resilience 40] the budget refills after recovery", () => {
    const budget = RetryBudget.make()
    for (let i = 0; i < 100; i++) RetryBudget.call(budget, 0)
    expect(granted(budget, 0, 100)).toBe(20)
    expect(granted(budget, 9_999, 100)).toBe(0)
    for (let i = 0; i < 100; i++) RetryBudget.call(budget, 10_000)
    expect(granted(budget, 10_000, 100)).toBe(20)
  })

  it("[resilience 39] [resilience 42] in every window, granted retries are within the budget (exact model)", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ gap: fc.oneof(fc.constant(0), fc.nat(3_000)), retry: fc.boolean() }), { maxLength: 300 }),
        (actions) => {
          const budget = RetryBudget.make()
          const log: Array<{ at: number; retry: boolean }> = []
          let now = 5_000
          for (const { gap, retry } of actions) {
            now += gap
            const bucket = Math.floor(now / 1_000)
            const recent = log.filter((entry) => Math.floor(entry.at / 1_000) > bucket - 10)
            const retries = recent.filter((entry) => entry.retry).length
            const allowed = Math.max(3, (recent.length - retries) * 0.2)
            if (retry) {
              const may = RetryBudget.take(budget, now)
              expect(may).toBe(retries + 1 <= allowed)
              if (may) log.push({ at: now, retry })
            } else {
              RetryBudget.call(budget, now)
              log.push({ at: now, retry })
            }
          }
        },
      ),
    )
  })
})
