import { Backoff } from "@paceline/core/kernel"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as ScanBackoff from "./ScanBackoff.ts"

const { standard } = ScanBackoff

/** A link that connects for so long each time; the waits at the greatest draw. */
const waits = (lasted: ReadonlyArray<number>): Array<number> => {
  let state = ScanBackoff.initial
  return lasted.map((millis) => {
    const next = ScanBackoff.ended(standard, state, millis, 1 - Number.EPSILON)
    state = next.state
    return next.delayMillis
  })
}

describe("looking for a sensor", () => {
  test("[bridge 41] short connections do not reset the backoff: a flapping link is asked for less and less", () => {
    expect(waits([900, 200, 1_500, 100, 5_000, 29_999, 800, 10])).toEqual([
      499, 999, 1_999, 3_999, 7_999, 15_999, 31_999, 59_999,
    ])
  })

  test("[bridge 41] a connection that lasted does", () => {
    expect(waits([900, 200, 1_500, 30_000, 100])).toEqual([499, 999, 1_999, 499, 999])
  })

  test("[bridge 41] a link that flaps for an hour is tried a hundred times at most, not thousands", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (draws) => {
        let state = ScanBackoff.initial
        let atMs = 0
        let attempts = 0
        while (atMs < 3_600_000) {
          // Full jitter may draw small numbers again and again; half of the range is what comes on average.
          const next = ScanBackoff.ended(standard, state, 1_000, 0.5 + draws.next().value / 2)
          state = next.state
          atMs += 1_000 + next.delayMillis
          attempts++
        }
        expect(attempts).toBeLessThan(130)
      }),
      { numRuns: 20 },
    )
  })

  test("waits are drawn from 0 up to the ceiling of the attempt, whatever went before", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1, max: 60_000 }), { maxLength: 40 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (lives, random) => {
          let state = ScanBackoff.initial
          for (const lasted of lives) {
            const before = lasted >= standard.lastingMillis ? 0 : state.failures
            const next =
              lasted < 0
                ? ScanBackoff.failed(standard, state, random)
                : ScanBackoff.ended(standard, state, lasted, random)
            state = next.state
            expect(next.delayMillis).toBe(Math.floor(Backoff.ceilingMillis(standard.backoff, before) * random))
            expect(state.failures).toBe(before + 1)
          }
        },
      ),
    )
  })
})
