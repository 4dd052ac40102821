import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Rollup from "./Rollup.ts"

const MINUTE = 60_000

type Sample = readonly [atMillis: number, value: number]

const sample = fc.tuple(
  fc.integer({ min: -3 * MINUTE, max: 8 * MINUTE }),
  fc.oneof(fc.integer({ min: -50, max: 250 }), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY)),
)
const parts = fc.array(fc.array(sample, { maxLength: 30 }), { maxLength: 6 })

const added = (widthMillis: number, chunks: ReadonlyArray<ReadonlyArray<Sample>>): Rollup.Buckets => {
  const buckets: Rollup.Buckets = new Map()
  for (const chunk of chunks) {
    const atMillis = chunk.map(([at]) => at)
    const values = chunk.map(([, value]) => value)
    Rollup.add(buckets, widthMillis, atMillis, values)
  }
  return buckets
}

/** What each bucket comes to, worked out from all of its samples at once. */
const naive = (widthMillis: number, samples: ReadonlyArray<Sample>): Rollup.Buckets => {
  const buckets: Rollup.Buckets = new Map()
  const finite = samples.filter(([, value]) => Number.isFinite(value))
  for (const [number, own] of Map.groupBy(finite, ([at]) => Math.floor(at / widthMillis))) {
    const values = own.map(([, value]) => value)
    const inOrder = own.toSorted(([a, x], [b, y]) => a - b || x - y)
    const [first, last] = [inOrder[0]!, inOrder.at(-1)!]
    buckets.set(number, {
      samples: own.length,
      sum: values.reduce((sum, value) => sum + value, 0),
      min: Math.min(...values),
      max: Math.max(...values),
      firstAtMillis: first[0],
      first: first[1],
      lastAtMillis: last[0],
      last: last[1],
    })
  }
  return buckets
}

describe("Rollup", () => {
  it("comes to the same however the samples are cut and in whatever order the parts come", () => {
    fc.assert(
      fc.property(parts, fc.constantFrom(1_000, MINUTE), fc.integer(), (chunks, width, turn) => {
        const shuffled = chunks.map((_, i) => chunks[(i + Math.abs(turn)) % chunks.length]!).toReversed()
        expect(added(width, shuffled)).toEqual(naive(width, chunks.flat()))
      }),
      { seed: 20261120 },
    )
  })

  it("comes to the same through buckets of a minute as at once", () => {
    fc.assert(
      fc.property(parts, fc.constantFrom(5, 60), (chunks, factor) => {
        const wide = Rollup.coarser(added(MINUTE, chunks), factor)
        expect(wide).toEqual(naive(factor * MINUTE, chunks.flat()))
      }),
      { seed: 20261120 },
    )
  })

  it("cuts at the full UTC minute, before the epoch too", () => {
    const buckets = added(MINUTE, [
      [
        [-1, 1],
        [0, 2],
        [MINUTE - 1, 3],
        [MINUTE, 4],
      ],
    ])
    expect(Array.from(buckets, ([number, { samples }]) => [number, samples])).toEqual([
      [-1, 1],
      [0, 2],
      [1, 1],
    ])
  })

  it("stays with numbers when the sum is beyond all of them", () => {
    const huge = Number.MAX_VALUE
    const up = added(MINUTE, [
      [
        [0, huge],
        [1, huge],
      ],
      [[2, huge]],
    ]).get(0)!
    const down = added(MINUTE, [
      [
        [3, -huge],
        [4, -huge],
      ],
    ]).get(0)!
    expect([up.sum, Rollup.merge(up, down).sum]).toEqual([huge, 0])
  })
})
