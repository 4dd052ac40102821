import type { GroupProgress } from "@paceline/core/contract"
import { describe, expect, it } from "vitest"
import { table } from "../Table.ts"
import { bytesText, countText, plural, timeText } from "../Text.ts"
import { bars, lines } from "./lag.ts"

const half: GroupProgress = {
  group: "gamification",
  topic: "training",
  partitions: [{ partition: 0, committed: 50, start: 0, end: 100, lag: 50, stalledSeconds: 42 }],
  stalled: true,
  total: 100,
  done: 49,
  failed: 1,
  skipped: 0,
  waiting: 50,
  lag: 50,
  parked: 0,
  deadLetters: 1,
  percent: 50,
}

describe("paceline log lag", () => {
  it("draws a bar for each group, below each other, with what somebody should look at", () => {
    const whole: GroupProgress = {
      ...half,
      group: "training",
      partitions: [],
      stalled: false,
      deadLetters: 0,
      percent: 100,
    }
    const [first = "", second = ""] = bars([half, whole], 200).split("\n")
    expect(first).toContain("49 done, 1 failed, 50 waiting  stalled for 42 s")
    expect(second).toMatch(/^training on training +█{40} 100\.0 % {2}49 done, 1 failed, 50 waiting$/)
    expect(first.indexOf("█")).toBe(second.indexOf("█"))
    for (const line of bars([half, whole], 60).split("\n")) expect(line.length).toBeLessThanOrEqual(60)
  })

  it("writes a line for each group where nobody looks", () => {
    expect(lines([half])).toBe(
      "gamification on training total=100 done=49 failed=1 skipped=0 waiting=50 lag=50 parked=0 dead=1 percent=50.0 stalled=true",
    )
  })
})

describe("Text and tables", () => {
  it("writes numbers and times for people", () => {
    expect([0, 999, 1000, 1234567].map(countText)).toEqual(["0", "999", "1,000", "1,234,567"])
    expect([0, 999, 1000, 12_345_678].map(bytesText)).toEqual(["0 B", "999 B", "1.0 kB", "12.3 MB"])
    expect([plural(1, "record"), plural(2000, "record")]).toEqual(["1 record", "2,000 records"])
    expect(timeText(new Date(2026, 10, 20, 8, 5, 1, 7).getTime())).toBe("2026-11-20 08:05:01.007")
  })

  it("ends numbers below each other", () => {
    const rows = [
      ["NAME", "LAG"],
      ["a", "7"],
      ["bb", "1,000"],
    ]
    expect(table(rows, { right: [1] })).toBe("NAME    LAG\na         7\nbb    1,000")
  })
})
