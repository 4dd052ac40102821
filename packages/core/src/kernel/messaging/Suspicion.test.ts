import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as Suspicion from "./Suspicion.ts"

const LIMITS: Suspicion.Limits = { attempts: 10, crashes: 3 }

/** Lives of a consumer whose process dies at `killers`, until it has seen all records. State and offset survive. */
const live = (total: number, killers: ReadonlySet<number>, largest: number) => {
  let state: Suspicion.Suspicion | null = null
  let committed = 0
  let lives = 0
  let crashed = false
  const dead: Array<number> = []
  const done: Array<number> = []
  const handled: Array<number> = []
  life: while (committed < total) {
    if (++lives > 200) throw new Error("it never ends")
    if (crashed) state = Suspicion.takenOver(state ?? Suspicion.none, committed, largest)
    crashed = false
    while (committed < total) {
      const careful: boolean = state !== null && Suspicion.isCareful(state, committed)
      const batch = Array.from({ length: careful ? 1 : Math.min(largest, total - committed) }, (_, i) => committed + i)
      if (state !== null && careful) {
        if (Suspicion.convicted(state, committed, LIMITS) !== null) {
          dead.push(committed)
          committed++
          state = Suspicion.passed(state, committed)
          continue
        }
        state = Suspicion.attempt(state, committed)
      }
      handled.push(...batch)
      if (batch.some((n) => killers.has(n))) {
        crashed = true
        continue life
      }
      done.push(...batch)
      committed += batch.length
      if (state !== null) state = Suspicion.passed(state, committed)
    }
  }
  return { lives, dead, done, handled, state }
}

describe("suspicion", () => {
  test("[log 30] exactly the records that crash the process are convicted, whatever batches they are in", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.uniqueArray(fc.nat(59), { maxLength: 4 }),
        fc.integer({ min: 1, max: 20 }),
        (total, bad, largest) => {
          const killers = new Set(bad.filter((n) => n < total))
          const { dead, done, lives, state } = live(total, killers, largest)
          expect(dead).toEqual([...killers].sort((a, b) => a - b))
          expect(done).toEqual(Array.from({ length: total }, (_, n) => n).filter((n) => !killers.has(n)))
          // Two crashes raise the suspicion, three convict.
          expect(lives).toBeLessThanOrEqual(1 + 5 * killers.size)
          if (total > 0) expect(state === null || Suspicion.isCareful(state, total)).toBe(true)
        },
      ),
    )
  })

  test("one crash, or crashes at different offsets, is chance: nothing is slowed", () => {
    let state = Suspicion.takenOver(Suspicion.none, 40, 200)
    expect(Suspicion.isCareful(state, 40)).toBe(false)
    state = Suspicion.takenOver(state, 41, 200)
    expect(Suspicion.isCareful(state, 41)).toBe(false)
    state = Suspicion.takenOver(state, 41, 200)
    expect([40, 41, 240, 241].map((offset) => Suspicion.isCareful(state, offset))).toEqual([true, true, true, false])
  })

  test("a failure that the process survives counts as an attempt, not as a crash", () => {
    let state = Suspicion.failed(Suspicion.none, 7, "no")
    expect(state.mark).toEqual({ offset: 7, attempts: 1, unended: 0, error: "no" })
    for (let attempts = 2; attempts <= 10; attempts++) {
      expect(Suspicion.convicted(state, 7, LIMITS)).toBe(null)
      state = Suspicion.failed(Suspicion.attempt(state, 7), 7, "no")
      expect(state.mark).toMatchObject({ attempts, unended: 0 })
    }
    expect(Suspicion.convicted(state, 7, LIMITS)).toEqual({ offset: 7, attempts: 10, unended: 0, error: "no" })
    expect(Suspicion.convicted(state, 8, LIMITS)).toBe(null)
  })

  test("an attempt that was not made is not counted", () => {
    const state = Suspicion.withdrawn(Suspicion.attempt(Suspicion.failed(Suspicion.none, 7, "no"), 7), 7)
    expect(state.mark).toMatchObject({ attempts: 1, unended: 0 })
  })

  test("nothing is suspected any more behind the last suspect", () => {
    const state = Suspicion.takenOver(Suspicion.takenOver(Suspicion.none, 0, 5), 0, 5)
    expect(Suspicion.passed(state, 4)).toMatchObject({ carefulUntil: 5, mark: null })
    expect(Suspicion.passed(state, 5)).toBe(null)
  })
})
