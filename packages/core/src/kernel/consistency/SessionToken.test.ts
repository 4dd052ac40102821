import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as SessionToken from "./SessionToken.ts"

const token = fc
  .record({
    store: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    log: fc.array(fc.record({ topic: fc.constantFrom("a", "b/ü🚴"), partition: fc.nat(2), offset: fc.maxSafeNat() }), {
      maxLength: 8,
    }),
  })
  .map(({ log, store }) => SessionToken.make(store, log))

/** How far a token asks every partition to be: the slow, exact model. */
const demands = ({ log, store }: SessionToken.SessionToken) => ({
  store,
  log: Object.fromEntries(log.map(({ offset, partition, topic }) => [`${topic} ${partition}`, offset])),
})

describe("SessionToken", () => {
  it("travels as text that headers, cookies and query strings can hold, and comes back the same", () => {
    fc.assert(
      fc.property(token, (made) => {
        const text = SessionToken.encode(made)
        expect(text).toMatch(/^[\w-]+$/)
        expect(SessionToken.decode(text)).toEqual(made)
      }),
      { seed: 20261120 },
    )
  })

  it("asks, when merged, for all that either asked for, and for nothing more", () => {
    fc.assert(
      fc.property(token, token, (one, other) => {
        const merged = demands(SessionToken.merge(one, other))
        const [first, second] = [demands(one), demands(other)]
        expect([first.store, second.store]).toContain(merged.store)
        expect(merged.store >= first.store && merged.store >= second.store).toBe(true)
        const partitions = new Set([...Object.keys(first.log), ...Object.keys(second.log)])
        expect(new Set(Object.keys(merged.log))).toEqual(partitions)
        for (const each of partitions) {
          expect(merged.log[each]).toBe(Math.max(first.log[each] ?? -1, second.log[each] ?? -1))
        }
        expect(demands(SessionToken.merge(other, one))).toEqual(merged)
      }),
      { seed: 20261120 },
    )
  })

  it("reads nothing else, whatever a client sends", () => {
    const encoded = (data: unknown) => btoa(JSON.stringify(data)).replaceAll("=", "")
    const wrong = ["", "x", "###", encoded({}), encoded([]), encoded([1]), encoded(["-1"]), encoded(["1", ["a", 0]])]
    const entries = [
      ["a", 0, -1],
      ["a", 0.5, 1],
      [1, 0, 1],
      ["a", 0, 1e300],
    ].map((entry) => encoded(["1", entry]))
    for (const text of [...wrong, ...entries, "A".repeat(SessionToken.MAX_LENGTH + 4)]) {
      expect(SessionToken.decode(text), text.slice(0, 20)).toBeUndefined()
    }
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.jsonValue().map(encodedAny)), (text) => {
        const read = SessionToken.decode(text)
        if (read !== undefined) expect(SessionToken.decode(SessionToken.encode(read))).toEqual(read)
      }),
      { seed: 20261120, numRuns: 500 },
    )
  })
})

const encodedAny = (data: unknown): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(data))))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "")
