import { AthleteId, ClassId, SessionId } from "@paceline/core/contract"
import { EffortPoints } from "@paceline/core/kernel"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Session from "./Model.ts"

const athlete: Session.Athlete = {
  athleteId: AthleteId.make("anna"),
  alias: "Anna",
  heartRateVisible: true,
  maxHeartRateBpm: 200,
}
const begin = () => Session.begin(SessionId.make("s"), athlete, ClassId.make("main"), 1_000)
const samples = (...pairs: ReadonlyArray<readonly [atMs: number, bpm: number]>) => ({
  heartRateAtMs: pairs.map(([atMs]) => atMs),
  heartRateBpm: pairs.map(([, bpm]) => bpm),
})

describe("TrainingSession", () => {
  it("comes to the same figures however the samples are cut into events", () => {
    const sample = fc.tuple(fc.integer({ min: 0, max: 7_200_000 }), fc.integer({ min: 30, max: 220 }))
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 60 }), fc.array(fc.nat(60), { maxLength: 6 }), (all, cuts) => {
        const whole = Session.record(begin(), samples(...all))
        const edges = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length]
        const pieces = edges
          .slice(1)
          .reduce((session, to, i) => Session.record(session, samples(...all.slice(edges[i], to))), begin())
        expect(pieces).toEqual(whole)
        const effort = all.reduce((sum, [at, bpm]) => EffortPoints.add(sum, at, bpm, 200), EffortPoints.empty)
        expect(Session.points(whole)).toBe(EffortPoints.points(effort.zoneMillis))
      }),
      { seed: 20260112 },
    )
  })

  it("counts a sample that is not newer than the last as nothing at all", () => {
    const once = Session.record(begin(), samples([1_000, 100], [2_000, 150]))
    const twice = Session.record(once, samples([2_000, 199], [1_500, 199]))
    expect(twice).toEqual(once)
    expect(once).toMatchObject({ heartRateSamples: 2, heartRateSumBpm: 250, highestHeartRateBpm: 150 })
  })

  it("tells of a completed session its means and zones", () => {
    const session = Session.record(begin(), samples([1_000, 100], [2_000, 150], [3_000, 181]))
    expect(Session.workout(Session.complete(session, 4_000))).toEqual({
      sessionId: "s",
      athleteId: "anna",
      classId: "main",
      startedAtMs: 1_000,
      endedAtMs: 4_000,
      zoneMillis: [0, 1_000, 0, 1_000, 0, 0],
      effortPoints: 0,
      heartRateSamples: 3,
      meanHeartRateBpm: 143.7,
      highestHeartRateBpm: 181,
    })
  })

  it("never ends before it began, or before its last sample", () => {
    expect(Session.complete(begin(), 10).endedAtMs).toBe(1_000)
    expect(Session.complete(Session.record(begin(), samples([3_000, 100])), 10).endedAtMs).toBe(3_000)
  })

  it("is cut where nothing was recorded for longer than a silence, and loses no sample by it", () => {
    const open = Session.record(begin(), samples([2_000, 100]))
    const cut = (session: Session.TrainingSession | null, ...at: ReadonlyArray<number>) =>
      Session.parts(session, samples(...at.map((atMs) => [atMs, 100] as const)), 1_000).map(
        ({ heartRateAtMs }) => heartRateAtMs,
      )
    expect(cut(open, 3_000, 4_000)).toEqual([[3_000, 4_000]])
    expect(cut(open, 3_001, 3_500)).toEqual([[], [3_001, 3_500]])
    // Back in time is no silence; what follows is measured from the newest.
    expect(cut(open, 3_000, 500, 3_900, 4_901)).toEqual([[3_000, 500, 3_900], [4_901]])
    expect(cut(null, 9_000, 9_500)).toEqual([[9_000, 9_500]])
    expect(cut(null)).toEqual([[]])
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5_000, max: 9_000 })), (at) => {
        expect(cut(null, ...at).flat()).toEqual(at)
      }),
      { seed: 20260113 },
    )
  })

  it("ends when its source says so, with its last sample if that is long before, and not for another's end", () => {
    const open = Session.record(begin(), samples([5_000, 100]))
    const endsAt = (endedAtMs: number) => Session.endedBySource(open, endedAtMs, 1_000)?.endedAtMs
    expect([5_500, 6_000, 6_001, 4_000, 0, -1].map(endsAt)).toEqual([5_500, 6_000, 5_000, 5_000, 5_000, undefined])
  })
})
