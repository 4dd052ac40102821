import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as LogicalTime from "./LogicalTime.ts"

const stamp = fc.record({
  wallMs: fc.integer({ min: 0, max: 5 }).map((n) => 1_800_000_000_000 + n),
  counter: fc.oneof(fc.nat(3), fc.integer({ min: 65_533, max: 65_535 })),
  node: fc.constantFrom("", "a", "b", "a-0"),
})

describe("LogicalTime", () => {
  it("follows the wall clock, and goes on by counting where that stands or runs back", () => {
    const first = LogicalTime.tick(undefined, "a", 1000.9)
    expect(first).toEqual({ wallMs: 1000, counter: 0, node: "a" })
    const second = LogicalTime.tick(first, "a", 1000)
    expect(second).toEqual({ wallMs: 1000, counter: 1, node: "a" })
    expect(LogicalTime.tick(second, "a", 400)).toEqual({ wallMs: 1000, counter: 2, node: "a" })
    expect(LogicalTime.tick(second, "a", 1001)).toEqual({ wallMs: 1001, counter: 0, node: "a" })
    const full = { wallMs: 1000, counter: 65_535, node: "b" }
    expect(LogicalTime.tick(full, "a", 1000)).toEqual({ wallMs: 1001, counter: 0, node: "a" })
  })

  it("refuses to follow a clock that is far ahead", () => {
    const wrong = { wallMs: 70_000, counter: 0, node: "b" }
    expect(LogicalTime.observe(undefined, wrong, 0)).toEqual({ _tag: "TooFarAhead", aheadMillis: 70_000 })
    expect(LogicalTime.observe(undefined, wrong, 10_000)).toEqual({ _tag: "Seen", last: wrong })
  })

  it("orders any two stamps, and its text orders them alike and reads back", () => {
    fc.assert(
      fc.property(stamp, stamp, stamp, (one, other, third) => {
        const order = Math.sign(LogicalTime.compare(one, other))
        expect(order).toBe(-Math.sign(LogicalTime.compare(other, one)) + 0)
        const texts = [LogicalTime.format(one), LogicalTime.format(other)] as const
        expect(order).toBe(texts[0] < texts[1] ? -1 : texts[0] === texts[1] ? 0 : 1)
        expect(LogicalTime.parse(texts[0])).toEqual(one)
        if (order > 0 && LogicalTime.isLater(other, third)) expect(LogicalTime.isLater(one, third)).toBe(true)
        expect(LogicalTime.isValid(LogicalTime.tick(one, "c", 0))).toBe(true)
        expect(LogicalTime.isLater(LogicalTime.tick(one, other.node, 0), one)).toBe(true)
      }),
      { seed: 20261120, numRuns: 2000 },
    )
  })

  it("reads nothing but stamps", () => {
    for (const text of ["", "0-0-a", "018bcfe56800-0001", "018bcfe5680g-0001-a", 7, null]) {
      expect(LogicalTime.parse(text)).toBeUndefined()
    }
    expect(LogicalTime.isValid({ wallMs: 2 ** 48, counter: 0, node: "a" })).toBe(false)
    expect(LogicalTime.isValid({ wallMs: 1.5, counter: 0, node: "a" })).toBe(false)
    expect(LogicalTime.isValid({ wallMs: 0, counter: 65_536, node: "a" })).toBe(false)
  })

  it("never contradicts cause and effect, whatever the clocks of three phones do", () => {
    const step = fc.record({ node: fc.nat(2), from: fc.nat(2), clock: fc.nat(50) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        /** What each phone has seen, as all the writes that came before: the slow, exact model. */
        const known = [0, 1, 2].map(() => new Set<LogicalTime.LogicalTime>())
        const last: Array<LogicalTime.LogicalTime | undefined> = [undefined, undefined, undefined]
        for (const { clock, from, node } of steps) {
          const news = last[from]
          if (news !== undefined) {
            const observed = LogicalTime.observe(last[node], news, clock, 1000)
            if (observed._tag === "Seen") last[node] = observed.last
            for (const write of known[from]!) known[node]!.add(write)
          }
          const written = LogicalTime.tick(last[node], `phone-${node}`, clock)
          for (const before of known[node]!) expect(LogicalTime.isLater(written, before)).toBe(true)
          known[node]!.add(written)
          last[node] = written
        }
      }),
      { seed: 20261120, numRuns: 300 },
    )
  })
})
