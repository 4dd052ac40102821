import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as EffortPoints from "./EffortPoints.ts"
import * as FilledSeries from "./FilledSeries.ts"

const series = (source: string, value: number, ...spans: ReadonlyArray<readonly [from: number, to: number]>) => {
  const atMillis = spans.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => (from + i) * 1000))
  return { source, atMillis, values: atMillis.map(() => value) }
}

describe("a filled series", () => {
  test("takes the best source, and the next best where that says nothing", () => {
    const strap = series("strap", 150, [10, 100], [160, 200])
    const watch = series("watch", 140, [0, 230])
    const filled = FilledSeries.of([strap, watch], 5_000)
    expect(filled.parts).toEqual([
      { source: "watch", fromMs: 0, toMs: 9_000, samples: 10 },
      { source: "strap", fromMs: 10_000, toMs: 99_000, samples: 90 },
      { source: "watch", fromMs: 105_000, toMs: 159_000, samples: 55 },
      { source: "strap", fromMs: 160_000, toMs: 199_000, samples: 40 },
      { source: "watch", fromMs: 205_000, toMs: 229_000, samples: 25 },
    ])
  })

  test("of one source is that source; of the same twice it is the same", () => {
    const strap = series("strap", 150, [0, 60])
    const alone = FilledSeries.of([strap], 5_000)
    expect(alone).toMatchObject({ atMillis: strap.atMillis, values: strap.values })
    expect(FilledSeries.of([strap, { ...strap, source: "copy" }], 5_000)).toEqual(alone)
  })

  test("keeps all of the best, grows in time, and counts no moment twice", () => {
    const samples = fc
      .array(fc.integer({ min: 0, max: 120 }), { maxLength: 60 })
      .map((seconds) => seconds.map((second) => second * 1000))
    fc.assert(
      fc.property(samples, samples, samples, (first, second, third) => {
        const all = [first, second, third].map((atMillis, i) => ({
          source: `${i}`,
          atMillis,
          values: atMillis.map(() => 190),
        }))
        const { atMillis, parts, values } = FilledSeries.of(all, 5_000)
        expect(atMillis).toEqual(Array.from(new Set(atMillis)).toSorted((a, b) => a - b))
        expect(values).toHaveLength(atMillis.length)
        for (const atMs of first) expect(atMillis).toContain(atMs)
        expect(parts.reduce((sum, part) => sum + part.samples, 0)).toBe(atMillis.length)
        const effort = atMillis.reduce((sum, atMs) => EffortPoints.add(sum, atMs, 190, 200), EffortPoints.empty)
        const elapsed = (atMillis.at(-1) ?? 0) - (atMillis[0] ?? 0)
        expect(effort.zoneMillis.reduce((sum, millis) => sum + millis, 0)).toBeLessThanOrEqual(elapsed)
      }),
      { seed: 20261120 },
    )
  })
})
