import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as SourceRank from "./SourceRank.ts"

const anySource = fc.constantFrom(...SourceRank.SOURCES)
const anyRanking = fc.record({
  order: fc.uniqueArray(anySource),
  byKind: fc.dictionary(fc.constantFrom("heartRate", "steps"), fc.uniqueArray(anySource)),
})

describe("SourceRank", () => {
  it("believes a strap before a machine, that before a watch, then a phone, then a file", () => {
    const order = ["file", "phone", "watch", "machine", "strap", "unknown"] as const
    expect(SourceRank.sorted(SourceRank.standard, "heartRate", order, (source) => source)).toEqual([
      "strap",
      "machine",
      "watch",
      "phone",
      "file",
      "unknown",
    ])
  })

  it("believes the wrist before the treadmill where steps are counted", () => {
    const sources = ["machine", "phone", "watch"] as const
    expect(SourceRank.best(SourceRank.standard, "steps", sources, (source) => source)).toBe("watch")
    expect(SourceRank.best(SourceRank.standard, "speed", sources, (source) => source)).toBe("machine")
  })

  it("gives each source a place of its own, whatever the ranking names", () => {
    fc.assert(
      fc.property(anyRanking, fc.constantFrom("heartRate", "steps", "power"), (ranking, kind) => {
        const places = SourceRank.SOURCES.map((source) => SourceRank.rankOf(ranking, kind, source))
        expect(new Set(places).size).toBe(SourceRank.SOURCES.length)
      }),
      { seed: 20261120 },
    )
  })

  it("keeps the order of those that are as good, and finds none among none", () => {
    const two = [
      { source: "watch", n: 1 },
      { source: "watch", n: 2 },
    ] as const
    expect(SourceRank.best(SourceRank.standard, "power", two, ({ source }) => source)?.n).toBe(1)
    expect(SourceRank.best(SourceRank.standard, "power", [], () => "watch")).toBeUndefined()
  })

  it("reads what a sensor is from the first word of its name", () => {
    const names = ["strap-07", "Treadmill 3", "watch", "gps", "fit", "files", "polar", "", "constructor", "strapless"]
    expect(names.map(SourceRank.fromName)).toEqual([
      "strap",
      "machine",
      "watch",
      "phone",
      "file",
      "file",
      "unknown",
      "unknown",
      "unknown",
      "unknown",
    ])
  })
})
