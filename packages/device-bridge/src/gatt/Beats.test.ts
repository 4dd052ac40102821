import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  addEnergy,
  type Beat,
  type BeatState,
  beatsOf,
  type EnergyState,
  type HeartPacket,
  LOST_AFTER_MILLIS,
} from "./Beats.ts"

const follow = (packets: ReadonlyArray<HeartPacket>) => {
  let state: BeatState | undefined
  let anchors = 0
  const beats: Array<Beat> = []
  for (const packet of packets) {
    const next = beatsOf(state, packet)
    state = next.state
    if (next.anchored) anchors++
    beats.push(...next.beats)
  }
  return { beats, anchors }
}

describe("heart beats", () => {
  test("three seconds behind arrival, beats count as lost; not a moment before", () => {
    const packet = (arrivedAtMs: number): HeartPacket => ({ rrIntervalsSeconds: [1], arrivedAtMs })
    expect(LOST_AFTER_MILLIS).toBe(3_000)
    expect(follow([packet(1_000), packet(5_000)])).toMatchObject({
      anchors: 1,
      beats: [{ atMs: 1_000 }, { atMs: 2_000 }],
    })
    expect(follow([packet(1_000), packet(5_001)])).toMatchObject({
      anchors: 2,
      beats: [{ atMs: 1_000 }, { atMs: 5_001 }],
    })
  })

  test("[bridge 34] beats lie apart by their intervals exactly, however their packets were delayed", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            ticks: fc.array(fc.integer({ min: 307, max: 1536 }), { minLength: 1, maxLength: 5 }),
            delay: fc.nat(1_500),
          }),
          { minLength: 2, maxLength: 60 },
        ),
        (bundles) => {
          let strapSeconds = 0
          const packets = bundles.map(({ ticks, delay }) => {
            const rrIntervalsSeconds = ticks.map((count) => count / 1024)
            strapSeconds += rrIntervalsSeconds.reduce((sum, interval) => sum + interval, 0)
            return { rrIntervalsSeconds, arrivedAtMs: 1_000 * strapSeconds + delay }
          })
          const { beats, anchors } = follow(packets)
          expect(anchors).toBe(1)
          let summed = 0
          for (const beat of beats.slice(1)) {
            summed += beat.rrIntervalSeconds
            expect(beat.atMs - beats[0]!.atMs).toBeCloseTo(1_000 * summed, 6)
          }
        },
      ),
    )
  })

  test("[bridge 34] the first packet's last beat is its arrival; the others lie before it", () => {
    expect(follow([{ rrIntervalsSeconds: [0.5, 1], arrivedAtMs: 10_000 }]).beats).toEqual([
      { atMs: 9_000, rrIntervalSeconds: 0.5 },
      { atMs: 10_000, rrIntervalSeconds: 1 },
    ])
  })

  test("after lost beats the chain begins anew at the packet that ends the gap", () => {
    const gap = 60_000
    const { beats, anchors } = follow([
      { rrIntervalsSeconds: [1], arrivedAtMs: 1_000 },
      { rrIntervalsSeconds: [1], arrivedAtMs: 2_400 },
      { rrIntervalsSeconds: [0.75], arrivedAtMs: gap },
    ])
    expect(anchors).toBe(2)
    expect(beats.map(({ atMs }) => atMs)).toEqual([1_000, 2_000, gap])
  })

  test("a strap whose clock is fast by 8 s an hour neither goes back nor begins anew, and is told", () => {
    const hour = Array.from({ length: 3_608 }, (_, n) => ({
      rrIntervalsSeconds: [1],
      arrivedAtMs: ((n + 1) * 3_600_000) / 3_608,
    }))
    const { beats, anchors } = follow(hour)
    expect(anchors).toBe(1)
    expect(beats.every(({ atMs }, n) => n === 0 || atMs > beats[n - 1]!.atMs)).toBe(true)
    const state = { anchorMs: 0, seconds: 100 }
    expect(beatsOf(state, { rrIntervalsSeconds: [1], arrivedAtMs: 93_000 }).aheadMillis).toBe(8_000)
  })

  test("times never go back, whatever arrives", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(fc.integer({ min: 1, max: 65_535 }), { maxLength: 6 }), fc.nat(30_000)), {
          maxLength: 40,
        }),
        (steps) => {
          let arrivedAtMs = 0
          const packets = steps.map(([ticks, later]) => {
            arrivedAtMs += later
            return { rrIntervalsSeconds: ticks.map((count) => count / 1024), arrivedAtMs }
          })
          const { beats } = follow(packets)
          for (const [n, beat] of beats.entries()) {
            if (n > 0) expect(beat.atMs).toBeGreaterThan(beats[n - 1]!.atMs)
          }
        },
      ),
    )
  })

  test("a packet without intervals changes nothing", () => {
    const state = { anchorMs: 1_000, seconds: 2 }
    expect(beatsOf(state, { rrIntervalsSeconds: [], arrivedAtMs: 3_000 + 10 * LOST_AFTER_MILLIS })).toMatchObject({
      state,
      beats: [],
    })
    expect(beatsOf(undefined, { rrIntervalsSeconds: [], arrivedAtMs: 5 })).toMatchObject({
      state: undefined,
      beats: [],
    })
  })
})

describe("energy expended", () => {
  const total = (counts: ReadonlyArray<number>) =>
    counts.reduce<EnergyState | undefined>((state, count) => addEnergy(state, count), undefined)?.totalKilojoules

  test("adds up across resets of the strap", () => {
    expect(total([100, 130, 0, 20, 5])).toBe(30 + 0 + 20 + 5)
  })

  test("stands when the strap's count stands at its greatest", () => {
    expect(total([65_500, 65_535, 65_535])).toBe(35)
  })
})
