import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Retry from "./Retry.ts"

const failure: Retry.Failure = { attempt: 1, kind: "transient", elapsedMillis: 0, previousMillis: 0 }

describe("Retry", () => {
  it("has the mission's presets", () => {
    expect(Retry.user).toMatchObject({ attempts: 5, jitter: "full" })
    expect(Retry.system).toMatchObject({ attempts: 10, jitter: "full" })
    expect(Retry.user.backoff).toEqual({ baseMillis: 100, maxMillis: 10_000, factor: 2 })
  })

  it("[resilience 30] N retries are N + 1 attempts", () => {
    for (const settings of [Retry.user, Retry.system]) {
      const again = Array.from({ length: 20 }, (_, i) => Retry.decide(settings, { ...failure, attempt: i + 1 }, 0))
      expect(again.filter((decision) => decision._tag === "Again")).toHaveLength(settings.attempts - 1)
    }
  })

  it.each([
    ["permanent", "permanent"],
    ["cancelled", "cancelled"],
    ["refused", "refused"],
  ] as const)("[resilience 36] an error that cannot be retried is not: %s", (kind, reason) => {
    expect(Retry.decide(Retry.user, { ...failure, kind }, 0.5)).toEqual({ _tag: "Stop", reason })
  })

  it("[resilience 37] the server's Retry-After wins, capped", () => {
    const after = (retryAfterMillis: number) => Retry.decide(Retry.user, { ...failure, retryAfterMillis }, 0.999)
    expect(after(3_000)).toEqual({ _tag: "Again", delayMillis: 3_000 })
    expect(after(86_400_000)).toEqual({ _tag: "Again", delayMillis: 10_000 })
    expect(after(-5)).toEqual({ _tag: "Again", delayMillis: 0 })
  })

  it("[resilience 38] no delay ends after the greatest total time", () => {
    fc.assert(
      fc.property(
        fc.nat(40_000),
        fc.integer({ min: 1, max: 4 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (elapsedMillis, attempt, random) => {
          const decision = Retry.decide(Retry.user, { ...failure, attempt, elapsedMillis }, random)
          if (decision._tag === "Again") expect(elapsedMillis + decision.delayMillis).toBeLessThan(30_000)
          else expect(decision.reason).toBe("total-time")
        },
      ),
    )
  })

  it("[resilience 43] a nested retry leaves it to the outer one", () => {
    expect(Retry.decide(Retry.user, { ...failure, nested: true }, 0)).toEqual({ _tag: "Stop", reason: "nested" })
  })

  it("stops while a breaker is open", () => {
    expect(Retry.decide(Retry.user, { ...failure, breakerOpen: true }, 0)).toEqual({
      _tag: "Stop",
      reason: "breaker-open",
    })
  })

  it("[resilience 41] an exhausted budget is the reason, and is asked only for what would be retried", () => {
    expect(Retry.decide(Retry.user, failure, 0, () => false)).toEqual({ _tag: "Stop", reason: "budget" })
    const never = () => {
      throw new Error("the budget was asked")
    }
    expect(Retry.decide(Retry.user, { ...failure, attempt: 5 }, 0, never)).toEqual({ _tag: "Stop", reason: "attempts" })
    expect(Retry.decide(Retry.user, { ...failure, kind: "permanent" }, 0, never)).toMatchObject({ reason: "permanent" })
  })
})
