import { afterEach, expect, test } from "vitest"
import { append, open } from "../../test/Buffering.ts"
import { readClock } from "./DeviceClock.ts"

const zone = process.env["TZ"]
afterEach(() => {
  if (zone === undefined) delete process.env["TZ"]
  else process.env["TZ"] = zone
})

test("[bridge 31] a change of the time zone changes no time: all are UTC", () => {
  const buffer = open({ now: () => 1_700_000_000_000 })
  const hours = ["Pacific/Kiritimati", "America/Los_Angeles", "UTC"].map((name, i) => {
    process.env["TZ"] = name
    append(buffer, i + 1)
    return new Date(1_700_000_000_000).getHours()
  })
  // The zones were real: the same moment is another hour of the day in each.
  expect(new Set(hours).size).toBe(3)
  const walls = buffer.page(null, 9).map((item) => (item._tag === "Chunk" ? item.clock?.wallMs : null))
  expect(walls).toEqual([1_700_000_000_000, 1_700_000_000_000, 1_700_000_000_000])
})

test("the monotonic clock goes on, and its boot's name stays, while the wall clock is set back", () => {
  const before = readClock(1_700_000_000_000)
  const after = readClock(1_600_000_000_000)
  expect(after.boot).toBe(before.boot)
  expect(after.monotonicMs).toBeGreaterThanOrEqual(before.monotonicMs)
  expect(after.wallMs).toBe(1_600_000_000_000)
})

test("a clock from before 1970 is shown as its first moment, which a frame can say", () => {
  expect(readClock(-5).wallMs).toBe(0)
})
