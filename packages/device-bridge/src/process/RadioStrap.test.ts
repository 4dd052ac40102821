import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { streamOf } from "../files/Recording.ts"
import { Playback, simulateAthlete } from "../simulator/index.ts"
import { overTheAir } from "./RadioStrap.ts"

const recording = simulateAthlete({ seed: 7, seconds: 60 })
const period = Playback.periodMillis(recording)
const values = (kind: Parameters<typeof streamOf>[1]) => streamOf(recording, kind)?.values ?? []

describe("an activity over the air", () => {
  test("two rounds are heard as they were measured: heart rate, beats, power, speed and place", () => {
    const due = overTheAir(recording, 7)(-1, 2 * period - 1)
    const of = (kind: string) => due.filter((sample) => sample.kind === kind).map(({ value }) => value)
    for (const kind of ["heartRate", "power", "latitude"] as const) {
      expect(of(kind)).toEqual([...values(kind), ...values(kind)])
    }
    expect(of("rrInterval").length).toBe(2 * values("rrInterval").length)
    for (const [n, speed] of of("speed").entries())
      expect(Math.abs(speed - values("speed")[n % 60]!)).toBeLessThan(0.003)
    expect(due.every(({ offsetMs }) => Number.isSafeInteger(offsetMs) && offsetMs < 2 * period)).toBe(true)
    // The last packet of a round comes before the activity is said to be over.
    for (const { offsetMs } of due) expect(offsetMs % period).toBeLessThanOrEqual(recording.durationMs)
  })

  test("looked at in any steps it is the same", () => {
    const whole = overTheAir(recording, 7)(-1, 130_000)
    fc.assert(
      fc.property(fc.array(fc.nat(130_000), { maxLength: 20 }), (cuts) => {
        const ends = [...cuts.toSorted((a, b) => a - b), 130_000]
        const due = overTheAir(recording, 7)
        const sorted = (samples: ReadonlyArray<Playback.DueSample>) =>
          samples.map(({ kind, offsetMs, value }) => `${offsetMs} ${kind} ${value}`).toSorted()
        expect(sorted(ends.flatMap((end, i) => due(ends[i - 1] ?? -1, end)))).toEqual(sorted(whole))
      }),
      { numRuns: 30 },
    )
  })
})
