import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as Contact from "./Contact.ts"

describe("contact", () => {
  test("is live up to 4 s, stale up to 12 s, then lost", () => {
    expect([0, 4_000, 4_001, 12_000, 12_001].map((age) => Contact.of(age))).toEqual([
      "live",
      "live",
      "stale",
      "stale",
      "lost",
    ])
  })

  test("never gets better as a reading ages, whatever the limits", () => {
    const rank = { live: 0, stale: 1, lost: 2 }
    const limits = fc
      .tuple(fc.nat(60_000), fc.nat(60_000))
      .map(([stale, more]) => ({ staleAfterMillis: stale, lostAfterMillis: stale + more }))
    fc.assert(
      fc.property(limits, fc.nat(200_000), fc.nat(200_000), (limit, age, later) => {
        expect(rank[Contact.of(age + later, limit)]).toBeGreaterThanOrEqual(rank[Contact.of(age, limit)])
      }),
    )
  })

  test("is lost when nobody knows the age: what is not known is not shown as live", () => {
    expect(Contact.of(Number.NaN)).toBe("lost")
    expect(Contact.of(Number.POSITIVE_INFINITY)).toBe("lost")
  })
})
