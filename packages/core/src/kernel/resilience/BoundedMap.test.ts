import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as BoundedMap from "./BoundedMap.ts"

describe("BoundedMap", () => {
  it("never holds more than its capacity, and always what was set last", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.tuple(fc.boolean(), fc.nat(20))), (capacity, actions) => {
        const map = BoundedMap.make<number, number>(capacity)
        for (const [write, key] of actions) {
          if (write) BoundedMap.set(map, key, key * 2)
          const found = BoundedMap.get(map, key)
          if (write || found !== undefined) expect(found).toBe(key * 2)
          expect(map.entries.size).toBeLessThanOrEqual(capacity)
        }
      }),
    )
  })

  it("what was used since the last look stays; what was not goes", () => {
    const map = BoundedMap.make<string, number>(3)
    for (const [key, value] of [
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ] as const)
      BoundedMap.set(map, key, value)
    BoundedMap.get(map, "a")
    BoundedMap.set(map, "d", 4)
    expect([...map.entries.keys()].sort()).toEqual(["a", "c", "d"])
  })

  it("keeps what is worth keeping as long as anything else can go", () => {
    const map = BoundedMap.make<string, { open: boolean }>(2, (value) => value.open)
    BoundedMap.set(map, "open", { open: true })
    BoundedMap.set(map, "closed", { open: false })
    BoundedMap.set(map, "new", { open: false })
    expect([...map.entries.keys()].sort()).toEqual(["new", "open"])
  })
})
