import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as BatchSize from "./BatchSize.ts"

/** Handles records 0 … total-1, some of which fail and are put aside when found alone. */
const consume = (total: number, bad: ReadonlySet<number>, largest: number) => {
  let size = BatchSize.make(largest)
  let next = 0
  let attempts = 0
  const done: Array<number> = []
  const aside: Array<number> = []
  while (next < total) {
    const batch = Array.from({ length: Math.min(size.limit, total - next) }, (_, i) => next + i)
    attempts++
    if (!batch.some((n) => bad.has(n))) {
      done.push(...batch)
      size = BatchSize.succeeded(size, batch.length)
      next += batch.length
    } else {
      size = BatchSize.failed(size, batch.length)
      if (batch.length === 1) {
        aside.push(next)
        next++
      }
    }
  }
  return { done, aside, attempts, size }
}

describe("the size of a batch", () => {
  test("[log 25] a part that fails is isolated: exactly the bad records are put aside, the rest is done in order", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.uniqueArray(fc.nat(299), { maxLength: 8 }),
        fc.integer({ min: 1, max: 128 }),
        (total, bad, largest) => {
          const bads = new Set(bad.filter((n) => n < total))
          const { aside, done } = consume(total, bads, largest)
          expect(new Set(aside)).toEqual(bads)
          expect(done).toEqual(Array.from({ length: total }, (_, n) => n).filter((n) => !bads.has(n)))
        },
      ),
    )
  })

  test("one bad record among 1000 is found in some 2 log₂ n attempts", () => {
    for (const bad of [0, 1, 499, 500, 733, 999]) {
      expect(consume(1_000, new Set([bad]), 1_000).attempts).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(1_000)) + 2)
    }
  })

  test("grows back to the largest, never above it, and is never below one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.array(fc.boolean(), { maxLength: 60 }), (largest, fates) => {
        let size = BatchSize.make(largest)
        for (const good of fates) {
          size = good ? BatchSize.succeeded(size, size.limit) : BatchSize.failed(size, size.limit)
          expect(size.limit).toBeGreaterThanOrEqual(1)
          expect(size.limit).toBeLessThanOrEqual(largest)
        }
        for (let i = 0; i < 30; i++) size = BatchSize.succeeded(size, size.limit)
        expect(size.limit).toBe(largest)
      }),
    )
  })
})
