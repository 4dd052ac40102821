import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as CanonicalJson from "./CanonicalJson.ts"
import * as Fingerprint from "./Fingerprint.ts"

describe("Fingerprint", () => {
  it("gives what it always gave: stored answers depend on it", () => {
    expect(Fingerprint.of({ b: [1, "ü"], a: null })).toBe(Fingerprint.of({ a: null, b: [1, "ü"] }))
    expect(Fingerprint.of(null)).toMatchInlineSnapshot(`"bcebac16ee2c1e73ee2c1e73ee2c1e73-4"`)
    expect(Fingerprint.of({ item: "shoes", count: 1 })).toMatchInlineSnapshot(`"ce2bb1297116dbb3b9d1014531e37df6-1a"`)
  })

  it("[log 3] tells requests apart exactly as their data does", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(Fingerprint.of(one) === Fingerprint.of(other)).toBe(
          CanonicalJson.text(one) === CanonicalJson.text(other),
        )
      }),
      { seed: 20261120, numRuns: 500 },
    )
  })

  it("[log 3] sees every change of a single letter in long requests", () => {
    const seen = new Set<string>()
    for (let i = 0; i < 5000; i++) seen.add(Fingerprint.of({ note: "x".repeat(i % 50), n: i }))
    expect(seen.size).toBe(5000)
  })
})
