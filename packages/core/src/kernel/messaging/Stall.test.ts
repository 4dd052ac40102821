import { describe, expect, test } from "vitest"
import * as Stall from "./Stall.ts"

const lag = (committed: number, end: number, group = "g") => ({ group, topic: "t", partition: 0, committed, end })

/** Looks at these times; the names of the stalled groups at each. */
const looks = (seen: ReadonlyArray<readonly [nowMillis: number, ...lags: ReadonlyArray<Stall.Standing>]>) => {
  let state = Stall.none
  return seen.map(([nowMillis, ...lags]) => {
    const look = Stall.look(state, lags, nowMillis, { afterMillis: 30_000, longestStepMillis: 10_000 })
    state = look.state
    return look.stalled.map(({ lag, stoodMillis }) => `${lag.group} ${stoodMillis}`)
  })
}

describe("a consumer group", () => {
  test("[log 53] that has a lag and does not move for 30 s is stalled, and no longer once it moves", () => {
    expect(
      looks([
        [0, lag(5, 9)],
        [10_000, lag(5, 9)],
        [20_000, lag(5, 12)],
        [30_000, lag(5, 12)],
        [40_000, lag(6, 12)],
        [50_000, lag(6, 12)],
      ]),
    ).toEqual([[], [], [], ["g 30000"], [], []])
  })

  test("that has nothing to read is not stalled, and a record that comes then starts its time", () => {
    expect(
      looks([
        [0, lag(9, 9)],
        [10_000, lag(9, 9)],
        [20_000, lag(9, 9)],
        [30_000, lag(9, 9)],
        [40_000, lag(9, 10)],
        [50_000, lag(9, 10)],
        [60_000, lag(9, 10)],
        [70_000, lag(9, 10)],
      ]),
    ).toEqual([[], [], [], [], [], [], [], ["g 30000"]])
  })

  test("is judged by itself: one that gets on hides none that does not", () => {
    expect(
      looks([
        [0, lag(1, 9, "a"), lag(1, 9, "b")],
        [10_000, lag(2, 9, "a"), lag(1, 9, "b")],
        [20_000, lag(3, 9, "a"), lag(1, 9, "b")],
        [30_000, lag(4, 9, "a"), lag(1, 9, "b")],
      ]).at(-1),
    ).toEqual(["b 30000"])
  })

  test("a clock that jumps an hour makes none stalled and hides no stall", () => {
    const HOUR = 3_600_000
    expect(
      looks([
        [0, lag(5, 9)],
        [HOUR, lag(5, 9)],
        [HOUR + 5_000, lag(5, 9)],
        [5_000, lag(5, 9)],
        [15_000, lag(5, 9)],
        [25_000, lag(5, 9)],
      ]),
    ).toEqual([[], [], [], [], [], ["g 35000"]])
  })
})
