import { AthleteId, ClassId, DeviceId, type Pairing, SensorName, Topics } from "@paceline/core/contract"
import { Bundle, crc32, SensorKind } from "@paceline/core/wire"
import { Either } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Intake from "./Model.ts"

const deviceId = DeviceId.make("bridge")
const pairing = (sensor: string, athleteId: string): Pairing => ({
  sensor: SensorName.make(sensor),
  athleteId: AthleteId.make(athleteId),
  classId: ClassId.make("main"),
})
const pairings = Intake.pairingsOf([pairing("strap-01", "anna"), pairing("strap-02", "bo")])
const NOW = 1_000_000_000
const origin = (marks: Readonly<Record<string, number>> = {}): Intake.Origin => ({
  deviceId,
  pairings,
  marks: new Map(Object.entries(marks)),
  hello: null,
  nowMs: NOW,
})

const heartRates = (sensor: string, ...samples: ReadonlyArray<readonly [number, number]>): Bundle.Block => ({
  sensor,
  kind: "heartRate",
  atMillis: samples.map(([atMs]) => atMs),
  values: samples.map(([, bpm]) => bpm),
})
const ends = (sensor: string, ...atMillis: ReadonlyArray<number>): Bundle.Block => ({
  sensor,
  kind: "activity",
  atMillis,
  values: atMillis.map(() => SensorKind.ACTIVITY_ENDED),
})
const chunk = (n: number, bundle: Bundle.Bundle = [], incarnation = "i"): Intake.Chunk => {
  const payload = Bundle.encode(bundle)
  return { _tag: "Chunk", incarnation, n, crc: crc32(payload), payload }
}

describe("Intake", () => {
  it("stores each number of an incarnation once and in order, whatever a sender does", () => {
    const offer = fc.record({ incarnation: fc.constantFrom("a", "b"), n: fc.integer({ min: 1, max: 8 }) })
    fc.assert(
      fc.property(fc.array(fc.array(offer, { maxLength: 6 }), { maxLength: 12 }), (batches) => {
        const marks: Record<string, number> = {}
        const stored: Array<string> = []
        for (const batch of batches) {
          const intake = Intake.plan(
            origin(marks),
            batch.map(({ incarnation, n }) => chunk(n, [], incarnation)),
          )
          for (const one of intake.store) stored.push(`${one.chunk.incarnation}/${one.chunk.n}`)
          for (const [incarnation, mark] of intake.marks) marks[incarnation] = mark
        }
        for (const incarnation of ["a", "b"]) {
          const inOrder = Array.from({ length: marks[incarnation] ?? 0 }, (_, i) => `${incarnation}/${i + 1}`)
          expect(stored.filter((id) => id.startsWith(incarnation))).toEqual(inOrder)
        }
      }),
      { seed: 20260112 },
    )
  })

  it("[bridge 31] stores what is dated a year ahead, flagged, and lets it count for nothing", () => {
    const year = 365 * 86_400_000
    const intake = Intake.plan(origin(), [
      chunk(1, [heartRates("strap-01", [NOW, 100], [NOW + year, 101], [NOW + 1_000, 102])]),
      chunk(2, [heartRates("strap-01", [NOW + 2_000, 103]), ends("strap-01", NOW + year)]),
    ])
    expect(intake.store.map(({ clock, samples }) => ({ clock, samples }))).toEqual([
      { clock: "ahead", samples: 3 },
      { clock: "ahead", samples: 2 },
    ])
    expect(intake.events.map(({ heartRateAtMs }) => heartRateAtMs)).toEqual([[NOW, NOW + 1_000], [NOW + 2_000]])
    expect(intake.events[1]?.endedAtMs).toBeLessThan(NOW + 600_000)
  })

  it("[bridge 31] keeps a clock that was set back an hour apart from one that is right, and stores both", () => {
    const at = (wallMs: number, monotonicMs: number) => ({ boot: "b1", wallMs, monotonicMs })
    const hello = { reading: at(NOW, 50_000), receivedAtMs: NOW }
    const intake = Intake.plan({ ...origin(), hello }, [
      { ...chunk(1), clock: at(NOW + 1_000, 51_000) },
      { ...chunk(2), clock: at(NOW - 3_598_000, 52_000) },
      { ...chunk(3), clock: { ...at(NOW, 9), boot: "b0" } },
      chunk(4),
    ])
    expect(intake.store.map(({ clock }) => clock)).toEqual(["ok", "stepped", "unknown", "unknown"])
  })

  it("[bridge 13] tells a redelivery, also within one batch", () => {
    const intake = Intake.plan(origin({ i: 4 }), [chunk(4), chunk(5), chunk(5), chunk(6)])
    expect(intake.store.map(({ chunk }) => chunk.n)).toEqual([5, 6])
    expect(intake.again.map(({ n }) => n)).toEqual([4, 5])
    expect(intake.marks).toEqual(new Map([["i", 6]]))
  })

  it("stops at the first chunk that came too early, and keeps what came before", () => {
    const intake = Intake.plan(origin(), [chunk(1), chunk(3), chunk(2)])
    expect(intake.store.map(({ chunk }) => chunk.n)).toEqual([1])
    expect(intake.outOfOrder).toEqual({ incarnation: "i", expected: 2, provided: 3 })
  })

  it("sets a damaged chunk aside for every bit that flips, and moves on", () => {
    const good = chunk(1, [heartRates("strap-01", [1_000, 100], [2_000, 101])])
    for (let bit = 0; bit < good.payload.length * 8; bit++) {
      const payload = good.payload.slice()
      payload[bit >> 3]! ^= 1 << (bit & 7)
      const intake = Intake.plan(origin(), [{ ...good, payload }, chunk(2)])
      expect(intake.setAside).toMatchObject([{ chunk: { n: 1 }, reason: expect.stringMatching(/^wrong-crc: /) }])
      expect(intake.store.map(({ chunk }) => chunk.n)).toEqual([2])
      expect(intake.events).toEqual([])
    }
  })

  it("tells of each athlete's heart, and of nobody whose sensor is not paired", () => {
    const bundle = [
      heartRates("strap-01", [1_000, 100]),
      heartRates("strap-02", [1_000, 120], [2_000, 121]),
      heartRates("strap-99", [1_000, 140]),
      { ...heartRates("strap-01", [1_500, 250]), kind: "power" as const },
      heartRates("strap-01", [2_000, 102]),
    ]
    expect(Intake.plan(origin(), [chunk(1, bundle)]).events).toMatchObject([
      { athleteId: "anna", heartRateAtMs: [1_000, 2_000], heartRateBpm: [100, 102], endedAtMs: null, n: 1 },
      { athleteId: "bo", heartRateAtMs: [1_000, 2_000], heartRateBpm: [120, 121], endedAtMs: null },
    ])
  })

  it("says nothing that does not fit the event's schema, whatever a sensor says", () => {
    const value = fc.oneof(fc.integer({ min: 0, max: 220 }), fc.double())
    const samples = fc.array(fc.tuple(fc.integer({ min: NOW - 10_000, max: NOW + 10 ** 7 }), value), { maxLength: 5 })
    const block = fc
      .tuple(
        fc.constantFrom("strap-01", "strap-02", "nobody"),
        samples,
        fc.constantFrom<"activity" | "heartRate" | "speed">("activity", "heartRate", "speed"),
      )
      .map(
        ([sensor, said, kind]): Bundle.Block =>
          kind === "activity" ? ends(sensor, ...said.map(([atMs]) => atMs)) : { ...heartRates(sensor, ...said), kind },
      )
    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), (bundle) => {
        for (const event of Intake.plan(origin(), [chunk(1, bundle)]).events) {
          const stored: unknown = JSON.parse(JSON.stringify(event))
          const read = Either.getOrThrow(Topics.telemetry.decode(stored))
          expect(Topics.telemetry.encode(read)).toEqual(stored)
        }
      }),
      { seed: 20261120 },
    )
  })

  it("cuts the samples where activities ended, and loses none", () => {
    const bundle = [heartRates("strap-01", [1, 90], [2, 91], [3, 92], [4, 93], [5, 94]), ends("strap-01", 2, 4, 4)]
    const parts = Intake.plan(origin(), [chunk(1, bundle)]).events.map(({ endedAtMs, heartRateBpm }) => ({
      endedAtMs,
      heartRateBpm,
    }))
    expect(parts).toEqual([
      { heartRateBpm: [90, 91], endedAtMs: 2 },
      { heartRateBpm: [92, 93], endedAtMs: 4 },
      { heartRateBpm: [], endedAtMs: 4 },
      { heartRateBpm: [94], endedAtMs: null },
    ])
  })

  it("says with the heart rates of a sensor how fast it went meanwhile, by means of ten seconds", () => {
    const every = (from: number, to: number, value: (second: number) => number) =>
      Array.from({ length: to - from }, (_, i) => [(from + i) * 1000, value(from + i)] as const)
    const speed = (sensor: string, ...samples: ReadonlyArray<readonly [number, number]>): Bundle.Block => ({
      ...heartRates(sensor, ...samples),
      kind: "speed",
    })
    const bundle = [
      heartRates("strap-01", ...every(0, 30, () => 120)),
      speed("strap-01", ...every(0, 15, (second) => second), [15_000, Number.NaN], [16_000, -1], [NOW * 2, 3]),
      speed("strap-01", ...every(20, 30, () => 2.5)),
      speed("strap-02", [1_000, 9]),
      ends("strap-01", 12_000),
    ]
    const told = Intake.plan(origin(), [chunk(1, bundle)]).events
    expect(told.map(({ athleteId, endedAtMs, speed }) => [athleteId, endedAtMs, speed])).toEqual([
      ["anna", 12_000, { atMs: [0, 10_000], metresPerSecond: [4.5, 12] }],
      ["anna", null, { atMs: [20_000], metresPerSecond: [2.5] }],
    ])
  })

  it("shows of live readings the newest of each athlete", () => {
    const bundle = [
      heartRates("strap-01", [1, 90], [2, 91]),
      heartRates("strap-02", [1, Number.NaN]),
      ends("strap-01", 3),
    ]
    expect(Intake.newestHeartRates(pairings, bundle)).toEqual([
      { athleteId: "anna", classId: "main", heartRateBpm: 91 },
    ])
  })
})
