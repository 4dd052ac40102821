import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { latencyOf, percentile } from "./Latency.ts"

describe("live latency", () => {
  const at = { sensedAtMs: 10_000, receivedAtMs: 10_080, bridgeSinceMs: 5_000, wallSinceMs: 6_000 }

  it("is from the sensor to the watcher, while connected", () => {
    expect(latencyOf(at)).toBe(80)
  })

  it("does not count while a part is disconnected, nor what was sensed within a second of a reconnect", () => {
    expect(latencyOf({ ...at, bridgeSinceMs: null })).toBeNull()
    expect(latencyOf({ ...at, wallSinceMs: null })).toBeNull()
    expect(latencyOf({ ...at, bridgeSinceMs: 9_001 })).toBeNull()
    expect(latencyOf({ ...at, wallSinceMs: 9_001 })).toBeNull()
    expect(latencyOf({ ...at, wallSinceMs: 9_000 })).toBe(80)
  })

  it("does not count what was sensed before the reconnect, however late it comes", () => {
    expect(latencyOf({ ...at, receivedAtMs: 30_000, bridgeSinceMs: 20_000 })).toBeNull()
  })
})

describe("a percentile", () => {
  it("is by nearest rank, and null of nothing", () => {
    expect(percentile([40, 10, 30, 20], 0.5)).toBe(20)
    expect(percentile([40, 10, 30, 20], 0.99)).toBe(40)
    expect(percentile([7], 0)).toBe(7)
    expect(percentile([], 0.5)).toBeNull()
  })

  it("is a value that at least the share of all values does not exceed, and the least such", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (all, share) => {
          const value = percentile(all, share)!
          expect(all).toContain(value)
          expect(all.filter((v) => v <= value).length).toBeGreaterThanOrEqual(share * all.length - 1e-9)
          expect(all.filter((v) => v < value).length).toBeLessThan(share * all.length + 1e-9)
        },
      ),
    )
  })
})
