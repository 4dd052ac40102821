import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Timers from "./Timers.ts"

/** A clock that moves only when told, and counts how often it was set. */
const fakeClock = () => {
  let now = 0
  let alarms: Array<{ at: number; wake: () => void }> = []
  const clock = {
    set: 0,
    pending: () => alarms.length,
    now: () => now,
    wakeAfter: (millis: number, wake: () => void) => {
      clock.set++
      const alarm = { at: now + millis, wake }
      alarms.push(alarm)
      return () => {
        alarms = alarms.filter((a) => a !== alarm)
      }
    },
    moveTo: (time: number) => {
      for (;;) {
        const first = alarms.filter((a) => a.at <= time).sort((a, b) => a.at - b.at)[0]
        if (first === undefined) break
        alarms = alarms.filter((a) => a !== first)
        now = Math.max(now, first.at)
        first.wake()
      }
      now = time
    },
  }
  return clock
}

describe("Timers", () => {
  it("runs each entry at its time, from one alarm at a time", () => {
    const clock = fakeClock()
    const timers = Timers.make(clock)
    const ran: Array<[string, number]> = []
    for (const [name, at] of [
      ["b", 20_000],
      ["a", 10],
      ["c", 20_000],
    ] as const) {
      Timers.after(timers, at, () => ran.push([name, clock.now()]))
      expect(clock.pending()).toBe(1)
    }
    clock.moveTo(30_000)
    expect(ran).toEqual([
      ["a", 10],
      ["b", 20_000],
      ["c", 20_000],
    ])
    expect(clock.pending()).toBe(0)
  })

  it("sets no alarm for what is later than the alarm that is set", () => {
    const clock = fakeClock()
    const timers = Timers.make(clock)
    for (let i = 0; i < 1_000; i++) Timers.after(timers, 50 + i, () => {})
    expect(clock.set).toBe(1)
  })

  it("does not run what was cancelled", () => {
    const clock = fakeClock()
    const timers = Timers.make(clock)
    const handle = Timers.after(timers, 10, () => expect.unreachable())
    expect(Timers.cancel(timers, handle)).toBe(true)
    expect(Timers.cancel(timers, handle)).toBe(false)
    clock.moveTo(100)
  })

  it("does not starve the host when an entry schedules itself again at once", () => {
    const clock = fakeClock()
    const timers = Timers.make(clock)
    let runs = 0
    const again = () => {
      runs++
      Timers.after(timers, 0, again)
    }
    again()
    clock.moveTo(100)
    expect(runs).toBeGreaterThan(50)
    expect(runs).toBeLessThanOrEqual(102)
  })

  it("runs the rest when one entry throws", () => {
    const clock = fakeClock()
    const timers = Timers.make(clock)
    let ran = false
    Timers.after(timers, 10, () => {
      throw new Error("broken entry")
    })
    Timers.after(timers, 10, () => {
      ran = true
    })
    expect(() => clock.moveTo(20)).toThrow("broken entry")
    clock.moveTo(20)
    expect(ran).toBe(true)
  })

  it("waits in parts for what is later than the host's longest timer", () => {
    const clock = fakeClock()
    const timers = Timers.make(clock)
    const year = 365 * 86_400_000
    let ranAt = 0
    Timers.after(timers, year, () => {
      ranAt = clock.now()
    })
    clock.moveTo(year - 1)
    expect(ranAt).toBe(0)
    clock.moveTo(year)
    expect(ranAt).toBe(year)
  })

  it("is silent once closed", () => {
    const clock = fakeClock()
    const timers = Timers.make(clock)
    Timers.after(timers, 10, () => expect.unreachable())
    Timers.close(timers)
    Timers.after(timers, 5, () => expect.unreachable())
    expect(clock.pending()).toBe(0)
    clock.moveTo(100)
  })

  it("runs everything in order and never early, whatever is scheduled", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(500), fc.nat(5_000)), { maxLength: 60 }), (plan) => {
        const clock = fakeClock()
        const timers = Timers.make(clock)
        const ran: Array<{ deadline: number; at: number }> = []
        let time = 0
        for (const [pause, delay] of plan) {
          time += pause
          clock.moveTo(time)
          const deadline = time + delay
          Timers.after(timers, delay, () => ran.push({ deadline, at: clock.now() }))
        }
        clock.moveTo(time + 6_000)
        expect(ran.length).toBe(plan.length)
        for (const { deadline, at } of ran) {
          expect(at).toBeGreaterThanOrEqual(deadline)
          expect(at).toBeLessThanOrEqual(deadline + 1)
        }
      }),
    )
  })

  it("drops all that waits when it is closed, and takes nothing more", () => {
    const clock = fakeClock()
    const timers = Timers.make(clock)
    const waiting = Timers.after(timers, 10, () => expect.unreachable())
    Timers.close(timers)
    const late = Timers.after(timers, 10, () => expect.unreachable())
    clock.moveTo(100)
    expect([timers.wheel.size, clock.pending()]).toEqual([0, 0])
    expect([Timers.cancel(timers, waiting), Timers.cancel(timers, late)]).toEqual([false, false])
    expect(timers.wheel.size).toBe(0)
  })

  it("runs what is to wait for no number at all at once, instead of never", () => {
    const clock = fakeClock()
    const timers = Timers.make(clock)
    let ran = false
    Timers.after(timers, Number.NaN, () => {
      ran = true
    })
    clock.moveTo(0)
    expect(ran).toBe(true)
  })
})
