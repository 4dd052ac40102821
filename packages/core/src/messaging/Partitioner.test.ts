import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { partitionOf } from "./Partitioner.ts"

describe("partitioner", () => {
  it("gives what it always gave: stored logs depend on it", () => {
    const partitions = ["", "a", "athlete-1", "Ängström", "🚴", "x".repeat(1000)].map((key) => partitionOf(key, 1000))
    expect(partitions).toEqual([261, 220, 922, 2, 980, 661])
  })

  it("is FNV-1a for ASCII keys", () => {
    // Test vectors of the FNV authors: FNV-1a 32 of "a", "b" and "foobar".
    expect(partitionOf("a", 2 ** 32)).toBe(0xe40c292c)
    expect(partitionOf("b", 2 ** 32)).toBe(0xe70c2de5)
    expect(partitionOf("foobar", 2 ** 32)).toBe(0xbf9cf968)
  })

  it("always names one of the partitions, and the same one again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 1000 }), (key, count) => {
        const partition = partitionOf(key, count)
        expect(Number.isInteger(partition) && partition >= 0 && partition < count).toBe(true)
        expect(partitionOf(key, count)).toBe(partition)
      }),
      { seed: 20261120 },
    )
  })

  it("spreads keys evenly: no partition of 16 gets a third more or less than its share", () => {
    const counts = new Array<number>(16).fill(0)
    for (let i = 0; i < 16_000; i++) counts[partitionOf(`athlete-${i}`, 16)]!++
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(333)
  })
})
