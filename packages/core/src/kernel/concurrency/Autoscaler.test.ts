import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Autoscaler from "./Autoscaler.ts"

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const settings = Autoscaler.standard
const idle: Autoscaler.Reading = { queueLength: 0, busy: 0 }

/** Decides every `everyMillis`, and gives the last decision and every change. */
const follow = (
  from: Autoscaler.State,
  durationMillis: number,
  reading: (at: number, workers: number) => Autoscaler.Reading,
  plan = Autoscaler.noPlan,
  startMillis = 0,
  everyMillis = 10_000,
) => {
  let state = from
  let last: Autoscaler.Decision | undefined
  const changes: Array<Autoscaler.Decision & { at: number }> = []
  for (let at = startMillis; at <= startMillis + durationMillis; at += everyMillis) {
    last = Autoscaler.decide(settings, state, reading(at, state.workers), plan, at)
    state = last.state
    if (last.change !== "hold") changes.push({ ...last, at })
  }
  return { state, changes, last: last! }
}

describe("Autoscaler", () => {
  it.each([
    ["queue", { ...idle, queueLength: 10_000 }, { ...idle, queueLength: 10_001 }, "queue 10,001 is above 10,000"],
    ["p95", { ...idle, p95Millis: 5_000 }, { ...idle, p95Millis: 5_001 }, "p95 5,001 ms is above 5,000 ms"],
  ])("grows when the %s is above its mark, not at it, and says why", (_, at, above, why) => {
    expect(Autoscaler.decide(settings, Autoscaler.initial(settings), at, Autoscaler.noPlan, 0).change).toBe("hold")
    const decision = Autoscaler.decide(settings, Autoscaler.initial(settings), above, Autoscaler.noPlan, 0)
    expect(decision).toMatchObject({ target: 10, change: "grow", reason: `${why}: from 5 to 10 workers` })
  })

  it("grows when the CPU has been above 70 % for five minutes, not for one peak", () => {
    const hot = { ...idle, busy: 5, cpu: 0.8 }
    expect(follow(Autoscaler.initial(settings), 5 * MINUTE - 10_000, () => hot).changes).toEqual([])
    expect(follow(Autoscaler.initial(settings), 5 * MINUTE, () => hot).last).toMatchObject({
      target: 10,
      reason: "CPU 80 % has been above 70 % for 5 min: from 5 to 10 workers",
    })
    const peaks = follow(Autoscaler.initial(settings), HOUR, (at) => ({
      ...hot,
      cpu: at % (4 * MINUTE) === 0 ? 0.1 : 0.9,
    }))
    expect(peaks.changes).toEqual([])
  })

  it("does not scale on errors but says that they are to be looked into", () => {
    const failing = { ...idle, queueLength: 50_000, errorRate: 0.07 }
    expect(Autoscaler.decide(settings, Autoscaler.initial(settings), failing, Autoscaler.noPlan, 0)).toMatchObject({
      target: 5,
      change: "hold",
      investigate: true,
      reason: "errors 7 % are above 5 %: look into them",
    })
  })

  it("[resilience 56] goes 5 → 100 → 5 with the queue, without flapping", () => {
    // The backlog comes in ten minutes and is worked off by whoever there is.
    let queueLength = 0
    const rush = (at: number, workers: number): Autoscaler.Reading => {
      queueLength = Math.max(0, queueLength + (at < 20 * MINUTE ? 9_000 : 0) - workers * 100)
      return { queueLength, busy: queueLength > 0 ? workers : 0 }
    }
    const { changes, state } = follow(Autoscaler.initial(settings), 6 * HOUR, rush)
    expect(Math.max(...changes.map((c) => c.target))).toBe(100)
    expect(state.workers).toBe(5)
    const turns = changes.filter((c, i) => i > 0 && c.change !== changes[i - 1]?.change)
    expect(turns).toHaveLength(1)
    expect(changes.map((c) => c.target)).toEqual([10, 20, 40, 80, 100, 50, 25, 12, 6, 5])
  })

  it("[resilience 56] never turns around within the calm time, whatever is read", () => {
    const reading = fc.record({
      queueLength: fc.integer({ min: 0, max: 20_000 }),
      busy: fc.nat(100),
      p95Millis: fc.option(fc.integer({ min: 0, max: 9_000 }), { nil: undefined }),
      cpu: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      errorRate: fc.option(fc.double({ min: 0, max: 0.1, noNaN: true }), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(reading, fc.integer({ min: 1, max: 6 })), { maxLength: 60 }), (readings) => {
        const script = readings.flatMap(([r, times]) => Array.from({ length: times * 5 }, () => r))
        const { changes, state } = follow(
          Autoscaler.initial(settings),
          Math.max(0, script.length - 1) * 10_000,
          (at) => script[at / 10_000] ?? idle,
        )
        expect(JSON.parse(JSON.stringify(state))).toEqual(state)
        changes.forEach((change, i) => {
          const before = changes[i - 1]
          expect(change.target).toBeGreaterThanOrEqual(settings.min)
          expect(change.target).toBeLessThanOrEqual(settings.max)
          expect(change.reason).toContain(` to ${change.target} workers`)
          if (before === undefined) return
          expect(change.at - before.at).toBeGreaterThanOrEqual(settings.coolDownMillis)
          if (change.change === "shrink") expect(change.at - before.at).toBeGreaterThanOrEqual(settings.calmForMillis)
        })
      }),
    )
  })

  it("never shrinks below those that are busy", () => {
    const { state, last } = follow(Autoscaler.initial(settings, 80), 2 * HOUR, () => ({ ...idle, busy: 37 }))
    expect(state.workers).toBe(37)
    expect(last.reason).toBe("all workers are busy")
  })

  it("[resilience 56] keeps the floor of the schedule, at its times", () => {
    const plan = {
      ...Autoscaler.noPlan,
      schedule: [{ name: "evening classes", fromMillis: HOUR, untilMillis: 3 * HOUR, workers: 30 }],
    }
    const before = follow(Autoscaler.initial(settings), HOUR - 10_000, () => idle, plan)
    expect(before.changes).toEqual([])
    const during = follow(before.state, 2 * HOUR - 10_000, () => idle, plan, HOUR)
    expect(during.changes).toMatchObject([
      { at: HOUR, target: 30, reason: 'the schedule "evening classes" asks for 30: from 5 to 30 workers' },
    ])
    const after = follow(during.state, HOUR, () => idle, plan, 3 * HOUR)
    expect(after.state.workers).toBe(5)
  })

  it("[resilience 56] grows towards a planned event from 24 hours before, and stands ready before it starts", () => {
    const startsAtMillis = 30 * HOUR
    const plan = {
      ...Autoscaler.noPlan,
      events: [{ name: "spring run", startsAtMillis, endsAtMillis: startsAtMillis + 2 * HOUR, workers: 90 }],
    }
    const quiet = follow(Autoscaler.initial(settings), 6 * HOUR, () => idle, plan)
    expect(quiet.changes).toEqual([])
    const ahead = follow(quiet.state, 24 * HOUR - 15 * MINUTE, () => idle, plan, 6 * HOUR)
    expect(ahead.state.workers).toBe(90)
    expect(ahead.changes.every((c) => c.change === "grow")).toBe(true)
    expect(ahead.changes.at(-1)?.reason).toContain('"spring run" will need 90')
    const during = follow(ahead.state, 2 * HOUR + 14 * MINUTE, () => idle, plan, startsAtMillis - 15 * MINUTE)
    expect(during.changes).toEqual([])
    const after = follow(during.state, HOUR, () => idle, plan, startsAtMillis + 2 * HOUR)
    expect(after.state.workers).toBe(5)
  })

  it("[resilience 56] forecasts the next 24 hours, hour by hour", () => {
    const event = { name: "spring run", startsAtMillis: 20 * HOUR, endsAtMillis: 22 * HOUR, workers: 90 }
    const ahead = Autoscaler.forecast(settings, { ...Autoscaler.noPlan, events: [event] }, 0)
    expect(ahead).toHaveLength(25)
    expect(ahead.map((f) => f.workers)).toEqual(
      [...ahead.map((f) => f.workers)]
        .slice(0, 22)
        .sort((a, b) => a - b)
        .concat([5, 5, 5]),
    )
    expect(ahead[20]).toMatchObject({ atMillis: 20 * HOUR, workers: 90 })
  })

  it("raises a floor at once, also within the cool-down", () => {
    const grown = Autoscaler.decide(
      settings,
      Autoscaler.initial(settings),
      { ...idle, queueLength: 20_000 },
      Autoscaler.noPlan,
      0,
    )
    const schedule = [{ name: "rush", fromMillis: 0, untilMillis: HOUR, workers: 50 }]
    expect(Autoscaler.decide(settings, grown.state, idle, { ...Autoscaler.noPlan, schedule }, 1_000).target).toBe(50)
  })

  it("goes on growing when the calendar is set back", () => {
    const hours = 3_600_000
    const reading = { queueLength: 1e6, busy: 5 }
    const first = Autoscaler.decide(
      Autoscaler.standard,
      Autoscaler.initial(Autoscaler.standard),
      reading,
      Autoscaler.noPlan,
      9 * hours,
    )
    const back = Autoscaler.decide(Autoscaler.standard, first.state, reading, Autoscaler.noPlan, 2 * hours)
    expect(back.change).toBe("hold")
    const later = 2 * hours + Autoscaler.standard.coolDownMillis
    expect(Autoscaler.decide(Autoscaler.standard, back.state, reading, Autoscaler.noPlan, later).change).toBe("grow")
  })
})
