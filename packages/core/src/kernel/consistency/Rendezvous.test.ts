import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Rendezvous from "./Rendezvous.ts"

const keys = Array.from({ length: 6000 }, (_, i) => `slot-${i}`)

const shares = (weights: Rendezvous.Weights) => {
  const counts: Record<string, number> = {}
  for (const key of keys) {
    const shard = Rendezvous.choose(key, weights) ?? "none"
    counts[shard] = (counts[shard] ?? 0) + 1
  }
  return counts
}

describe("Rendezvous", () => {
  it("gives what it always gave: stored data depends on it", () => {
    const chosen = ["", "a", "slot-17", "🚴"].map((key) => Rendezvous.choose(key, { paris: 1, oslo: 1, rome: 2 }))
    expect(chosen).toMatchInlineSnapshot(`
      [
        "rome",
        "rome",
        "paris",
        "rome",
      ]
    `)
  })

  it("spreads keys by weight", () => {
    const counts = shares({ a: 1, b: 1, c: 2, drained: 0 })
    expect(Math.abs((counts["a"] ?? 0) - 1500)).toBeLessThan(150)
    expect(Math.abs((counts["b"] ?? 0) - 1500)).toBeLessThan(150)
    expect(Math.abs((counts["c"] ?? 0) - 3000)).toBeLessThan(150)
    expect(counts["drained"]).toBeUndefined()
    expect(Rendezvous.choose("a", {})).toBeUndefined()
    expect(Rendezvous.choose("a", { drained: 0 })).toBeUndefined()
  })

  it("moves keys only to a shard that joins, and only from one that leaves", () => {
    const shards = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(shards, fc.string({ minLength: 1 }), fc.array(fc.string()), (names, newcomer, some) => {
        fc.pre(!names.includes(newcomer))
        const before = Object.fromEntries(names.map((name) => [name, 1]))
        const after = { ...before, [newcomer]: 1 }
        for (const key of some) {
          const [was, is] = [Rendezvous.choose(key, before), Rendezvous.choose(key, after)]
          if (is !== was) expect(is).toBe(newcomer)
          const turned = Object.fromEntries(Object.entries(after).toReversed())
          expect(Rendezvous.choose(key, turned)).toBe(is)
        }
      }),
      { seed: 20261120 },
    )
  })
})
