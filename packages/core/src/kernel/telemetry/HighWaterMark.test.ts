import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as HighWaterMark from "./HighWaterMark.ts"

/** A receiver that stores what is accepted, and nothing else. */
const receive = (offers: ReadonlyArray<number>, start: number): { mark: number; stored: Array<number> } => {
  let mark = start
  const stored: Array<number> = []
  for (const n of offers) {
    const verdict = HighWaterMark.offer(mark, n)
    if (verdict._tag === "Accept") {
      stored.push(n)
      mark = verdict.mark
    }
  }
  return { mark, stored }
}

describe("offering a chunk", () => {
  test("[bridge 3] a number at or below the mark is a duplicate, and the mark stays", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.nat(1e9), (n, above) => {
        expect(HighWaterMark.offer(n + above, n)).toEqual({ _tag: "Duplicate", mark: n + above })
      }),
    )
  })

  test("[bridge 12] whatever order chunks come in, they are stored once each and in order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 12 }), { maxLength: 200 }), fc.nat(5), (offers, start) => {
        const { mark, stored } = receive(offers, start)
        expect(stored).toEqual(stored.map((_, i) => start + 1 + i))
        expect(mark).toBe(start + stored.length)
      }),
    )
  })

  test("[bridge 13] every chunk offered again, twice and shuffled, adds nothing", () => {
    fc.assert(
      fc.property(fc.nat(30), fc.infiniteStream(fc.nat(30)), (last, shuffle) => {
        const inOrder = Array.from({ length: last }, (_, i) => i + 1)
        const again = shuffle.take(2 * last).filter((n) => n <= last)
        expect(receive([...inOrder, ...again], 0)).toEqual({ mark: last, stored: inOrder })
      }),
    )
  })

  test("says which number is expected when some are missing", () => {
    expect(HighWaterMark.offer(7, 9)).toEqual({ _tag: "OutOfOrder", expected: 8, provided: 9 })
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "%d is no number of a chunk: refused, never acknowledged as a duplicate",
    (n) => {
      expect(HighWaterMark.offer(7, n)).toMatchObject({ _tag: "OutOfOrder", expected: 8 })
    },
  )
})

describe("offering a gap", () => {
  const offer = fc.tuple(fc.integer({ min: -1, max: 12 }), fc.integer({ min: 0, max: 4 }))

  test("[bridge 12] [bridge 22] chunks and gaps in whatever order: each number is taken once, and none is left out", () => {
    fc.assert(
      fc.property(fc.array(offer, { maxLength: 200 }), (offers) => {
        let mark = 0
        const taken: Array<number> = []
        for (const [first, more] of offers) {
          const verdict =
            more === 0 ? HighWaterMark.offer(mark, first) : HighWaterMark.offerRange(mark, first, first + more)
          if (verdict._tag !== "Accept") continue
          for (let n = mark + 1; n <= verdict.mark; n++) taken.push(n)
          expect(verdict.mark).toBe(more === 0 ? first : first + more)
          mark = verdict.mark
        }
        expect(taken).toEqual(taken.map((_, i) => i + 1))
      }),
    )
  })

  test("of one number is judged as a chunk of that number is", () => {
    fc.assert(
      fc.property(fc.nat(20), fc.integer({ min: -2, max: 22 }), (mark, n) => {
        expect(HighWaterMark.offerRange(mark, n, n)).toEqual(HighWaterMark.offer(mark, n))
      }),
    )
  })

  test("that has grown is taken from where it was known", () => {
    expect(HighWaterMark.offerRange(40, 5, 41)).toEqual({ _tag: "Accept", mark: 41 })
    expect(HighWaterMark.offerRange(40, 5, 40)).toEqual({ _tag: "Duplicate", mark: 40 })
    expect(HighWaterMark.offerRange(3, 5, 41)).toEqual({ _tag: "OutOfOrder", expected: 4, provided: 5 })
  })

  test.each([
    [5, 4],
    [0, 9],
    [1, Number.POSITIVE_INFINITY],
    [1.5, 3],
  ])("from %d to %d is no range: refused", (first, last) => {
    expect(HighWaterMark.offerRange(7, first, last)).toMatchObject({ _tag: "OutOfOrder", expected: 8 })
  })
})

describe("resuming", () => {
  const mark = fc.nat(1_000)
  const first = fc.integer({ min: 1, max: 1_000 })

  test("goes on at once: the next chunk that the sender has is accepted, gap or not", () => {
    fc.assert(
      fc.property(mark, first, (stored, firstWaiting) => {
        const resumed = HighWaterMark.resume(stored, firstWaiting)
        const next = Math.max(firstWaiting, resumed.mark + 1)
        expect(HighWaterMark.offer(resumed.mark, next)).toEqual({ _tag: "Accept", mark: next })
      }),
    )
  })

  test("[bridge 10] declares exactly the chunks that nobody has any more", () => {
    fc.assert(
      fc.property(mark, first, (stored, firstWaiting) => {
        const resumed = HighWaterMark.resume(stored, firstWaiting)
        const missing = Math.max(0, firstWaiting - 1 - stored)
        if (resumed._tag === "Continue") {
          expect(missing).toBe(0)
          expect(resumed.mark).toBe(stored)
        } else {
          expect(resumed.last - resumed.first + 1).toBe(missing)
          expect(resumed.first).toBe(stored + 1)
          expect(resumed.mark).toBe(resumed.last)
        }
      }),
    )
  })

  test("[bridge 10] a server restored from a backup at 5 hears from a bridge that has 9 and later", () => {
    expect(HighWaterMark.resume(5, 9)).toEqual({ _tag: "Gap", mark: 8, first: 6, last: 8 })
  })

  test("[bridge 4] a bridge that still has what is stored goes on from the mark", () => {
    expect(HighWaterMark.resume(5, 2)).toEqual({ _tag: "Continue", mark: 5 })
    expect(HighWaterMark.resume(0, 1)).toEqual({ _tag: "Continue", mark: 0 })
  })
})
