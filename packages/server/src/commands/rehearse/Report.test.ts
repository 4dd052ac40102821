import { describe, expect, it } from "vitest"
import { json, passed, type Report, table, verdict } from "./Report.ts"

const good: Report = {
  athletes: 12,
  samplesRecorded: 21_600,
  samplesStored: 21_600,
  lost: 0,
  duplicated: 0,
  mismatched: 0,
  unheard: 310,
  chunks: 412,
  redeliveriesSuppressed: 9,
  liveP50Ms: 120,
  liveP99Ms: 260,
  liveReadings: 900,
  pointsExpected: 88,
  pointsAwarded: 88,
  pointsWrong: 0,
  kills: 3,
  networkCuts: 4,
  networkCutSeconds: 6.667,
  seed: 1,
  seconds: 31.42,
  findings: [],
}

describe("a rehearsal's report", () => {
  it("passes only when nothing is lost, doubled, altered or wrongly counted", () => {
    expect(passed(good)).toBe(true)
    const faults: ReadonlyArray<Partial<Report>> = [
      { lost: 1 },
      { duplicated: 1 },
      { mismatched: 1 },
      { pointsWrong: 2 },
      { pointsAwarded: 87 },
      { samplesStored: 21_599 },
      { samplesRecorded: 0, samplesStored: 0 },
    ]
    for (const fault of faults) expect(passed({ ...good, ...fault }), JSON.stringify(fault)).toBe(false)
  })

  it("says in one sentence what was shown or what is wrong", () => {
    expect(verdict(good)).toBe(
      "All 21,600 samples arrived exactly once, through 3 kills and 6.7 s without a network, and every point is right.",
    )
    expect(verdict({ ...good, lost: 1, duplicated: 1200, pointsWrong: 1 })).toBe(
      "Not as it should be: 1 sample lost, 1,200 samples doubled, 1 point wrong, through 3 kills and 6.7 s without a network.",
    )
    expect(verdict({ ...good, samplesRecorded: 0, samplesStored: 0 })).toBe(
      "Nothing was recorded, so nothing was shown.",
    )
  })

  it("aligns its table: all figures end in one column", () => {
    expect(`\n${table(good)}\n`).toBe(`
  athletes              12
  samples recorded  21,600   310 more while no bridge listened
  samples stored    21,600   in 412 chunks
  lost                   0
  duplicated             0   9 redeliveries suppressed
  mismatched             0   against what the straps said
  points                88   88 expected
  live, median      120 ms   of 900 readings
  live, 99 %        260 ms
  kills                  3   SIGKILL, started again on the same data
  network away       6.7 s   in 4 cuts
  took              31.4 s
`)
    expect(table({ ...good, liveP50Ms: null })).toContain("\n  live, median      not measured   of 900 readings\n")
  })

  it("is one line of JSON with the promised figures", () => {
    const text = json(good)
    expect(text).not.toContain("\n")
    const parsed: unknown = JSON.parse(text)
    expect(parsed).toMatchObject({
      athletes: 12,
      samplesRecorded: 21_600,
      samplesStored: 21_600,
      lost: 0,
      duplicated: 0,
      chunks: 412,
      redeliveriesSuppressed: 9,
      liveP50Ms: 120,
      liveP99Ms: 260,
      pointsExpected: 88,
      pointsAwarded: 88,
      seconds: 31.42,
    })
    expect(parsed).not.toHaveProperty("findings")
    expect(JSON.parse(json({ ...good, lost: 1, findings: ["lost: x"] }))).toHaveProperty("findings", ["lost: x"])
  })
})
