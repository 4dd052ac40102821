import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as LogPlace from "./LogPlace.ts"

const now = Date.parse("2026-11-20T18:00:00Z")
const parse = (text: string) => LogPlace.parse(text, now)

describe("LogPlace", () => {
  it("reads start, end, offsets and how long ago", () => {
    expect(parse("start")).toEqual({ _tag: "Start" })
    expect(parse(" end ")).toEqual({ _tag: "End" })
    expect(parse("1200")).toEqual({ _tag: "Offset", offset: 1200 })
    expect(parse("30s")).toEqual({ _tag: "Time", atMs: now - 30_000 })
    expect(parse("15m")).toEqual({ _tag: "Time", atMs: now - 900_000 })
    expect(parse("7d")).toEqual({ _tag: "Time", atMs: now - 604_800_000 })
  })

  it("reads times with a zone, without one in that of this machine, and a day from its midnight", () => {
    expect(parse("2026-11-20T18:00Z")).toEqual({ _tag: "Time", atMs: now })
    expect(parse("2026-11-20T19:00:00+01:00")).toEqual({ _tag: "Time", atMs: now })
    const local = (hours: number) => ({ _tag: "Time", atMs: new Date(2026, 10, 20, hours).getTime() })
    expect(parse("2026-11-20T09:00")).toEqual(local(9))
    expect(parse("2026-11-20 09:00")).toEqual(local(9))
    expect(parse("2026-11-20")).toEqual(local(0))
  })

  it("reads again every position that it wrote", () => {
    const positions = fc.array(fc.tuple(fc.nat(99), fc.nat(2 ** 40)), { minLength: 1 })
    fc.assert(
      fc.property(positions, (pairs) => {
        const next = new Map(pairs)
        expect(parse(LogPlace.format(next))).toEqual({ _tag: "Positions", next })
      }),
    )
  })

  it("takes nothing else", () => {
    for (const text of ["", "-1", "1.5", "yesterday", "10w", "2026-13-40", "0:", "0:1,", "0:x"]) {
      expect([text, parse(text)]).toEqual([text, null])
    }
  })
})
