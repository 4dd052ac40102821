import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as CanonicalJson from "./CanonicalJson.ts"

/** The same data with the members of every object in another order. */
const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== "object" || value === null) return value
  const members = Object.entries(value).toReversed()
  return Object.fromEntries(members.map(([name, member]) => [name, reversed(member)]))
}

describe("CanonicalJson", () => {
  it("writes as RFC 8785 says", () => {
    // The RFC's own example of sorting (3.2.3).
    const sorted = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 }
    expect(CanonicalJson.text(sorted)).toBe(
      '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}',
    )
    expect(CanonicalJson.text([1e21, 4.5, 0.002, 1e-27, -0, "\u000f\n<"])).toBe(
      '[1e+21,4.5,0.002,1e-27,0,"\\u000f\\n<"]',
    )
    expect(CanonicalJson.text({ gone: undefined, at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}')
  })

  it("refuses what is no JSON data", () => {
    expect(() => CanonicalJson.text(undefined)).toThrow(TypeError)
    expect(() => CanonicalJson.text(() => 1)).toThrow(TypeError)
    expect(() => CanonicalJson.text(1n)).toThrow(TypeError)
  })

  it("is the same text for the same data, another for other data, and reads back", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const text = CanonicalJson.text(one)
        expect(CanonicalJson.text(reversed(one))).toBe(text)
        expect(CanonicalJson.text(JSON.parse(text))).toBe(text)
        expect(CanonicalJson.equal(one, other)).toBe(text === CanonicalJson.text(other))
        expect(CanonicalJson.equal(JSON.parse(text), reversed(JSON.parse(text)))).toBe(true)
      }),
      { seed: 20261120, numRuns: 500 },
    )
  })

  it("tells apart what is alike", () => {
    const pairs: ReadonlyArray<readonly [unknown, unknown]> = [
      [[], {}],
      [{ a: 1 }, { b: 1 }],
      [{ a: 1 }, { a: 1, b: 1 }],
      [[1], [1, 2]],
      ["1", 1],
      [null, undefined],
      [{}, null],
    ]
    for (const [one, other] of pairs) {
      expect(CanonicalJson.equal(one, other)).toBe(false)
      expect(CanonicalJson.equal(other, one)).toBe(false)
    }
  })
})
