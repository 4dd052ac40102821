import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as ClockQuality from "./ClockQuality.ts"

const HOUR = 3_600_000
const YEAR = 365 * 24 * HOUR
const now = 1_800_000_000_000

/** A bridge that booted an hour before now, and whose wall clock shows so much more than the true time. */
const read = (atMs: number, offset = 0, boot = "b1"): ClockQuality.Reading => ({
  boot,
  wallMs: atMs + offset,
  monotonicMs: atMs - (now - HOUR),
})
const helloAt = (atMs: number, offset = 0, boot = "b1"): ClockQuality.Reference => ({
  reading: read(atMs, offset, boot),
  receivedAtMs: atMs,
})

describe("a clock's quality", () => {
  test("is ok where the clocks agree, however long the chunk waited", () => {
    expect(ClockQuality.of(read(now - HOUR), now - HOUR, helloAt(now), now)).toBe("ok")
  })

  test("[bridge 31] a clock that was set back an hour, before or during the connection, has stepped", () => {
    expect(ClockQuality.of(read(now - 1_000), null, helloAt(now, -HOUR), now)).toBe("stepped")
    expect(ClockQuality.of(read(now, -HOUR), null, helloAt(now - 1_000), now)).toBe("stepped")
  })

  test("[bridge 31] a clock a year ahead is flagged, with or without a boot in common", () => {
    expect(ClockQuality.of(read(now, YEAR), now + YEAR, helloAt(now, YEAR), now)).toBe("ahead")
    expect(ClockQuality.of(read(now, YEAR), null, helloAt(now, YEAR), now)).toBe("ahead")
    expect(ClockQuality.of(read(now, YEAR), null, null, now)).toBe("ahead")
    expect(ClockQuality.of(null, now + YEAR, null, now)).toBe("ahead")
  })

  test("a clock that is behind all the time is behind", () => {
    expect(ClockQuality.of(read(now - HOUR, -YEAR), now - YEAR, helloAt(now, -YEAR), now)).toBe("behind")
  })

  test("[bridge 32] of another boot the monotonic clock says nothing: unknown, and never stepped", () => {
    const earlier = { boot: "b0", wallMs: now - HOUR, monotonicMs: 9 * YEAR }
    expect(ClockQuality.of(earlier, now - HOUR, helloAt(now), now)).toBe("unknown")
  })

  test("an older bridge's chunks are unknown", () => {
    expect(ClockQuality.of(null, now, null, now)).toBe("unknown")
  })

  test("whatever the true time and the offset: an offset within the tolerance is ok, one well beyond it is not", () => {
    fc.assert(
      fc.property(fc.nat(HOUR), fc.integer({ min: -YEAR, max: YEAR }), (ago, offset) => {
        fc.pre(Math.abs(Math.abs(offset) - ClockQuality.TOLERANCE_MILLIS) > 1 || offset === 0)
        const quality = ClockQuality.of(read(now - ago, offset), null, helloAt(now, offset), now)
        const within = Math.abs(offset) <= ClockQuality.TOLERANCE_MILLIS
        expect(quality).toBe(within ? "ok" : offset > 0 ? "ahead" : "behind")
      }),
    )
  })
})
