import { expect, test } from "vitest"
import { addTotal, type TotalState } from "./Totals.ts"

const WRAPS_AT = 2 ** 24

const totals = (...counts: ReadonlyArray<number>): ReadonlyArray<number> => {
  let state: TotalState | undefined
  return counts.map((count) => {
    state = addTotal(state, count, WRAPS_AT)
    return state.total
  })
}

test("a machine counts from where it was first heard", () => {
  expect(totals(5_000, 5_003, 5_003, 5_010)).toEqual([0, 3, 3, 10])
})

test("[bridge 35] a count that wraps goes on", () => {
  expect(totals(WRAPS_AT - 10, WRAPS_AT - 1, 4, 6)).toEqual([0, 9, 14, 16])
})

test("a machine that was reset begins at 0, and what was covered before stays", () => {
  expect(totals(100, 600, 20, 30)).toEqual([0, 500, 520, 530])
})
