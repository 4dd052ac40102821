import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { streamOf } from "../files/Recording.ts"
import { Playback, simulateAthlete } from "../simulator/index.ts"
import { type Due, type HeardSample, overTheAir } from "./RadioStrap.ts"

const recording = simulateAthlete({ seed: 7, seconds: 60 })
const period = Playback.periodMillis(recording)
const values = (kind: Parameters<typeof streamOf>[1]) => streamOf(recording, kind)?.values ?? []

const CUSTOM = ["battery %", "contact 1", "energy kJ", "resistance level"]

const nameOf = ({ kind }: HeardSample): string => (typeof kind === "string" ? kind : `${kind.name} ${kind.unit}`)

const INDOORS = new Set<string>(["heartRate", "rrInterval", "power", "cadence", "speed", "distance"])

/** Looked at every so often, as a player does; each look is one number of milliseconds. */
const looks = (due: Due, from: number, to: number, step = 100): Array<HeardSample> => {
  const out: Array<HeardSample> = []
  for (let at = from; at < to; at += step) out.push(...due(at, Math.min(to, at + step)))
  return out
}

const texts = (samples: ReadonlyArray<HeardSample>) =>
  samples.map((sample) => `${sample.offsetMs} ${nameOf(sample)} ${sample.value}`).toSorted()

describe("an activity over the air", () => {
  test("two rounds are heard as they were measured: heart rate, beats, power, speed and distance", () => {
    const due = looks(overTheAir(recording, 7), -1, 2 * period - 1)
    expect(new Set(due.map(nameOf))).toEqual(new Set([...INDOORS, ...CUSTOM]))
    const of = (kind: string) => due.filter((sample) => sample.kind === kind).map(({ value }) => value)
    for (const kind of ["heartRate", "power"] as const) {
      expect(of(kind)).toEqual([...values(kind), ...values(kind)])
    }
    expect(of("rrInterval").length).toBe(2 * values("rrInterval").length)
    for (const [n, speed] of of("speed").entries())
      expect(Math.abs(speed - values("speed")[n % 60]!)).toBeLessThan(0.003)
    for (const [n, metres] of of("distance").entries()) {
      expect(Math.abs(metres - values("distance")[n % 60]!)).toBeLessThan(values("distance")[0]! + 2)
    }
    expect(due.every(({ offsetMs }) => Number.isSafeInteger(offsetMs) && offsetMs < 2 * period)).toBe(true)
    // The last packet of a round comes before the activity is said to be over.
    for (const { offsetMs } of due) expect(offsetMs % period).toBeLessThanOrEqual(recording.durationMs)
  })

  test("looked at in any steps it is the same", () => {
    const whole = texts(looks(overTheAir(recording, 7), -1, 130_000))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), (step) => {
        expect(texts(looks(overTheAir(recording, 7), -1, 130_000, step))).toEqual(whole)
      }),
      { numRuns: 20 },
    )
  })

  test("what nobody heard for long is told from memory as measured, and nothing of it again when packets come", () => {
    fc.assert(
      fc.property(fc.integer({ min: 6_000, max: 50_000 }), (until) => {
        const heard = overTheAir(recording, 7)
        const remembered = [...heard(-1, until)]
        expect(texts(remembered)).toEqual(
          texts(Playback.samplesBetween(recording, -1, until).filter(({ kind }) => INDOORS.has(kind))),
        )
        const live = looks(heard, until, 60_000)
        for (const kind of ["heartRate", "power", "rrInterval"] as const) {
          const count = [...remembered, ...live].filter((sample) => sample.kind === kind).length
          expect(Math.abs(count - values(kind).length), kind).toBeLessThanOrEqual(kind === "rrInterval" ? 1 : 0)
        }
        const distances = [...remembered, ...live].filter(({ kind }) => kind === "distance").map(({ value }) => value)
        for (const [n, metres] of distances.entries()) expect(Math.abs(metres - values("distance")[n]!)).toBeLessThan(3)
      }),
      { numRuns: 30 },
    )
  })

  test("what no kind covers is heard, too: contact, energy from the start of each round, and resistance", () => {
    const due = looks(overTheAir(recording, 7), -1, 2 * period - 1)
    const of = (name: string) => due.filter((sample) => nameOf(sample) === name)
    expect(of("contact 1").map(({ value }) => value)).toEqual([1, 1])
    expect(new Set(of("resistance level").map(({ value }) => value))).toEqual(new Set([8]))
    const energy = of("energy kJ")
    expect(energy.length).toBeGreaterThan(100)
    const second = energy.filter(({ offsetMs }) => offsetMs >= period)
    expect(second[0]?.value).toBeLessThan(5)
    for (const [n, { value }] of second.entries()) expect(value).toBeGreaterThanOrEqual(second[n - 1]?.value ?? 0)
  })
})
