import { SensorKind } from "@paceline/core/wire"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { fromStreams } from "../files/Recording.ts"
import { Playback } from "../simulator/index.ts"
import * as Player from "./Player.ts"
import type { Strap } from "./Straps.ts"

/** Ten heart rates, one a second: a round takes 10 s with its gap. */
const strap = (sensor: string): Strap => ({
  sensor,
  recording: fromStreams([
    {
      kind: "heartRate",
      atMillis: Array.from({ length: 10 }, (_, i) => i * 1_000),
      values: Array.from({ length: 10 }, (_, i) => 100 + i),
    },
  ]),
})

const plan = (options: Partial<Player.Plan> = {}): Player.Plan => ({
  startedAtMs: 1_000_000,
  speed: 1,
  seconds: null,
  straps: [strap("strap-01"), strap("strap-02")],
  memoryMs: 0,
  ...options,
})

/** What is played from an optional former progress, with a look at the clock at each of these offsets. */
const playAt = (given: Player.Plan, before: Player.Progress | null, realOffsetsMs: ReadonlyArray<number>) => {
  const [first = 0, ...rest] = realOffsetsMs
  let { samples, progress } = Player.begin(given, before, given.startedAtMs + first)
  const all = [...samples]
  for (const offset of rest) {
    ;({ samples, progress } = Player.play(given, progress, given.startedAtMs + offset))
    all.push(...samples)
  }
  return { samples: all, progress }
}

const of = (sensor: string, samples: ReadonlyArray<Player.PlayedSample>) =>
  samples
    .filter((sample) => sample.sensor === sensor)
    .map(({ kind, atMillis, value }) => {
      const at = (atMillis - 1_000_000) / 1_000
      if (kind === "heartRate") return `${value}@${at}`
      return `${value === SensorKind.ACTIVITY_ENDED ? "end" : "start"}@${at}`
    })

describe("with an end", () => {
  const timed = plan({ seconds: 3 })

  test("a start mark, every sample up to and with the last moment, an end mark, and then nothing", () => {
    const { samples, progress } = playAt(timed, null, [-1, 100, 1_500, 2_999, 3_100, 9_000])
    const expected = ["start@0", "100@0", "101@1", "102@2", "103@3", "end@3"]
    expect(of("strap-01", samples)).toEqual(expected)
    expect(of("strap-02", samples)).toEqual(expected)
    expect(progress.ended).toBe(true)
  })

  test("looks at the clock before the start play nothing", () => {
    const { samples } = playAt(timed, null, [-500, -400, 0, 10])
    expect(of("strap-01", samples)).toEqual(["start@0", "100@0"])
  })

  test("the straps' clock runs at the given speed, and ends now", () => {
    const { samples } = playAt(plan({ seconds: 3, speed: 2 }), null, [-1, 1_000, 3_000])
    expect(of("strap-01", samples)).toEqual([
      "start@-3",
      ...Array.from({ length: 7 }, (_, i) => `${100 + i}@${i - 3}`),
      "end@3",
    ])
  })

  test("a process that comes late goes on where the clock is", () => {
    const { samples } = playAt(timed, null, [1_500, 2_500])
    expect(of("strap-01", samples)).toEqual(["start@1.5", "102@2"])
  })

  test("the end mark is said exactly once, whenever processes die and whatever was flushed by then", () => {
    // Each life: looks at the clock after so many milliseconds; the flush comes after one of them, then it dies.
    const life = fc.record({
      steps: fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 8 }),
      flushedAfter: fc.nat(8),
      downMillis: fc.nat(2_000),
    })
    fc.assert(
      fc.property(fc.array(life, { maxLength: 6 }), (lives) => {
        let clock = -200
        let saved: string | null = null
        const recorded: Array<Player.PlayedSample> = []
        for (const { steps, flushedAfter, downMillis } of [
          ...lives,
          { steps: [1, 4_000], flushedAfter: 8, downMillis: 0 },
        ]) {
          let { samples, progress } = Player.begin(timed, Player.parse(saved), timed.startedAtMs + clock)
          let unflushed = [...samples]
          for (const [i, step] of steps.entries()) {
            clock += step
            ;({ samples, progress } = Player.play(timed, progress, timed.startedAtMs + clock))
            unflushed.push(...samples)
            if (i > flushedAfter) continue
            // One transaction: the samples and the cursor.
            recorded.push(...unflushed)
            unflushed = []
            saved = Player.format(progress)
          }
          clock += downMillis
        }
        for (const sensor of ["strap-01", "strap-02"]) {
          const said = of(sensor, recorded)
          expect(said.filter((what) => what === "end@3")).toHaveLength(1)
          expect(said.at(-1)).toBe("end@3")
          expect(new Set(said).size).toBe(said.length)
        }
      }),
      { seed: 20_261_120 },
    )
  })

  test("a first start after the end still ends the activity", () => {
    expect(of("strap-01", playAt(timed, null, [9_000, 9_100]).samples)).toEqual(["start@2.999", "103@3", "end@3"])
  })

  test("after the end a restart plays nothing more", () => {
    const { progress } = playAt(timed, null, [0, 3_000])
    expect(playAt(timed, progress, [5_000, 9_000]).samples).toEqual([])
  })

  test("a clock that is set back plays nothing twice", () => {
    const { progress } = playAt(timed, null, [0, 2_500])
    expect(of("strap-01", playAt(timed, progress, [500, 1_900, 3_000]).samples)).toEqual(["103@3", "end@3"])
  })
})

describe("without an end", () => {
  test("each round of a recording is an activity of its own, in the order of time", () => {
    const { samples } = playAt(plan(), null, [-1, 4_000, 9_500, 12_000])
    const round = (from: number) => [
      `start@${from}`,
      ...Array.from({ length: 10 }, (_, i) => `${100 + i}@${from + i}`),
      `end@${from + 9}`,
    ]
    expect(of("strap-01", samples)).toEqual([...round(0), ...round(10).slice(0, 4)])
  })

  test("one long look gives the same as many short ones", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4_000 }), { maxLength: 30 }), (steps) => {
        let clock = 0
        const looks = [0, ...steps.map((step) => (clock += step))]
        expect(playAt(plan(), null, looks).samples.length).toBeGreaterThan(0)
        expect(of("strap-01", playAt(plan(), null, looks).samples)).toEqual(
          of("strap-01", playAt(plan(), null, [0, clock]).samples),
        )
      }),
      { seed: 20_261_120 },
    )
  })

  test("a round that was over while no process was there is ended, and the one now is begun", () => {
    const { progress } = playAt(plan(), null, [0, 5_000])
    expect(of("strap-01", playAt(plan(), progress, [23_500, 24_000]).samples)).toEqual([
      "end@9",
      "start@23.5",
      "104@24",
    ])
  })

  test("killed in the pause between two rounds, the end that was said is not said again", () => {
    const { progress, samples } = playAt(plan(), null, [0, 9_500])
    expect(of("strap-01", samples).at(-1)).toBe("end@9")
    expect(of("strap-01", playAt(plan(), progress, [10_500, 10_600]).samples)).toEqual(["start@10.5"])
  })

  test("another playback ends the activities of the one before it, where that was last heard", () => {
    const { progress } = playAt(plan(), null, [0, 5_000])
    const later = plan({ startedAtMs: 2_000_000, straps: [strap("strap-01")] })
    const { samples } = Player.begin(later, progress, 2_000_000)
    expect(of("strap-01", samples)).toEqual(["end@5", "start@1000"])
    expect(of("strap-02", samples)).toEqual(["end@5"])
  })
})

describe("a playback that is faster than time", () => {
  const fast = plan({ speed: 3, seconds: 2, straps: [strap("strap-01")] })

  test("is dated back, so that its end is now", () => {
    const { progress, samples } = playAt(fast, null, [0, 1_000, 2_000])
    expect(samples.map(({ atMillis }) => atMillis - fast.startedAtMs)).toEqual([
      -4_000, -3_000, -2_000, -1_000, 0, 1_000, 2_000, 2_000,
    ])
    expect(progress.ended).toBe(true)
  })

  test("is ended by another where it was last heard by its own dates, also when its cursor is from before", () => {
    const { progress } = playAt(fast, null, [0, 1_000])
    const later = plan({ startedAtMs: 2_000_000, straps: [strap("strap-01")] })
    expect(Player.begin(later, progress, 2_000_000).samples[0]?.atMillis).toBe(fast.startedAtMs - 1_000)
    const older = Player.parse(JSON.stringify({ ...progress, datedFromMs: undefined }))
    expect(older).toEqual({ ...progress, datedFromMs: fast.startedAtMs })
  })
})

describe("straps that remember", () => {
  test("tell what they measured before the first process was there, as far as they remember", () => {
    expect(of("strap-01", playAt(plan({ memoryMs: 2_500 }), null, [4_000, 5_000]).samples)).toEqual([
      "start@1.5",
      "102@2",
      "103@3",
      "104@4",
      "105@5",
    ])
    expect(of("strap-01", playAt(plan({ memoryMs: 60_000 }), null, [1_000, 1_100]).samples)).toEqual([
      "start@0",
      "100@0",
      "101@1",
    ])
  })

  test("tell what they measured between two processes, once", () => {
    const remembering = plan({ memoryMs: 60_000 })
    const { progress } = playAt(remembering, null, [0, 2_000])
    expect(of("strap-01", playAt(remembering, progress, [4_500, 5_000]).samples)).toEqual(["103@3", "104@4", "105@5"])
  })

  test("forget what is too long ago, and the round that ended meanwhile is ended", () => {
    const { progress } = playAt(plan({ memoryMs: 1_000 }), null, [0, 5_000])
    expect(of("strap-01", playAt(plan({ memoryMs: 1_000 }), progress, [24_500, 25_000]).samples)).toEqual([
      "end@9",
      "start@23.5",
      "104@24",
      "105@25",
    ])
  })
})

test("a cursor survives its text; any other text is no cursor", () => {
  const { progress } = playAt(plan(), null, [0, 1_234])
  expect(Player.parse(Player.format(progress))).toEqual(progress)
  for (const text of [null, "", "{", "null", "[]", '{"startedAtMs":1,"straps":1,"playedMs":"2","ended":false}']) {
    expect(Player.parse(text)).toBe(null)
  }
})

test("a strap's period is the playback's", () => {
  expect(Playback.periodMillis(strap("s").recording)).toBe(10_000)
})

describe("what is the present", () => {
  test("the last seconds are; what straps tell from their memory is not", () => {
    const now = 1_000_000 + 60_000
    expect(Player.presentFrom(plan({ memoryMs: 60_000 }), now)).toBe(now - 5_000)
  })

  test("faster than time it is so much more of the straps' clock, and dated as they are", () => {
    const fast = plan({ speed: 10, seconds: 100 })
    expect(Player.presentFrom(fast, 1_000_000 + 50_000)).toBe(Player.datedFrom(fast) + 500_000 - 50_000)
  })
})
