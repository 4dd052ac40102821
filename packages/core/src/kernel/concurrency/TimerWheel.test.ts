import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as TimerWheel from "./TimerWheel.ts"

const due = <A extends {}>(wheel: TimerWheel.TimerWheel<A>, now: number): Array<A> => {
  const fired: Array<A> = []
  for (let next = TimerWheel.poll(wheel, now); next !== undefined; next = TimerWheel.poll(wheel, now)) fired.push(next)
  return fired
}

/** The exact, slow model: one array, filtered and sorted. */
class Model {
  waiting: Array<{ id: number; deadline: number }> = []
  private elapsed: number
  constructor(elapsed: number) {
    this.elapsed = elapsed
  }
  schedule(id: number, deadline: number) {
    this.waiting.push({ id, deadline: Math.max(Math.ceil(deadline), this.elapsed) })
  }
  cancel(id: number) {
    const before = this.waiting.length
    this.waiting = this.waiting.filter((w) => w.id !== id)
    return this.waiting.length < before
  }
  due(now: number) {
    this.elapsed = Math.max(this.elapsed, Math.floor(now))
    const fired = this.waiting
      .filter((w) => w.deadline <= this.elapsed)
      .sort((a, b) => a.deadline - b.deadline || a.id - b.id)
    this.waiting = this.waiting.filter((w) => w.deadline > this.elapsed)
    return fired.map((w) => w.id)
  }
}

describe("TimerWheel", () => {
  it("is due at its deadline and not before", () => {
    const wheel = TimerWheel.make<string>(1_000)
    TimerWheel.schedule(wheel, 1_250.2, "a")
    expect(due(wheel, 1_250.9)).toEqual([])
    expect(due(wheel, 1_251)).toEqual(["a"])
    expect(wheel.size).toBe(0)
  })

  it("gives entries in order of deadline, and of scheduling within a millisecond", () => {
    const wheel = TimerWheel.make<string>(0)
    TimerWheel.schedule(wheel, 5_000, "late")
    TimerWheel.schedule(wheel, 70, "first at 70")
    due(wheel, 65)
    TimerWheel.schedule(wheel, 70, "second at 70")
    TimerWheel.schedule(wheel, 1, "past")
    expect(due(wheel, 10_000)).toEqual(["past", "first at 70", "second at 70", "late"])
  })

  it("cancels once, and never what took the place of the cancelled", () => {
    const wheel = TimerWheel.make<string>(0)
    const first = TimerWheel.schedule(wheel, 10, "first")
    expect(TimerWheel.cancel(wheel, first)).toBe(true)
    TimerWheel.schedule(wheel, 10, "second")
    expect(TimerWheel.cancel(wheel, first)).toBe(false)
    expect(due(wheel, 10)).toEqual(["second"])
  })

  it("ignores a clock that goes back", () => {
    const wheel = TimerWheel.make<string>(0)
    due(wheel, 1_000)
    expect(due(wheel, 10)).toEqual([])
    TimerWheel.schedule(wheel, 500, "due at once")
    TimerWheel.schedule(wheel, 1_001, "later")
    expect(due(wheel, 20)).toEqual(["due at once"])
    expect(due(wheel, 1_001)).toEqual(["later"])
  })

  it("keeps what is for ever, and says that nothing is next when nothing waits", () => {
    const wheel = TimerWheel.make<string>(0)
    expect(TimerWheel.nextPoll(wheel)).toBe(Number.POSITIVE_INFINITY)
    TimerWheel.schedule(wheel, Number.POSITIVE_INFINITY, "for ever")
    expect(due(wheel, 1e15)).toEqual([])
    expect(wheel.size).toBe(1)
  })

  it("does what the slow model does, over all levels, whatever is scheduled, cancelled and polled", () => {
    const far = fc.oneof(
      fc.integer({ min: -10, max: 200 }),
      fc.integer({ min: 0, max: 300_000 }),
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.double({ min: 0, max: 5_000, noNaN: true }),
    )
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant("schedule" as const), after: far }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("cancel" as const), which: fc.nat(60) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("poll" as const), after: far }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("next" as const) }) },
    )
    const start = fc.constantFrom(0, 63, 4_095, 2 ** 30 - 1, 1_763_000_000_000)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), start, (steps, begin) => {
        const wheel = TimerWheel.make<{ id: number }>(begin, 2)
        const model = new Model(begin)
        const handles: Array<TimerWheel.Handle> = []
        let now = begin
        for (const s of steps) {
          if (s.kind === "schedule") {
            model.schedule(handles.length, now + s.after)
            handles.push(TimerWheel.schedule(wheel, now + s.after, { id: handles.length }))
          } else if (s.kind === "cancel") {
            const handle = handles[s.which]
            if (handle !== undefined) expect(TimerWheel.cancel(wheel, handle)).toBe(model.cancel(s.which))
          } else if (s.kind === "poll") {
            now += s.after
            expect(due(wheel, now).map((e) => e.id)).toEqual(model.due(now))
          } else {
            const earliest = Math.min(...model.waiting.map((w) => w.deadline))
            expect(TimerWheel.nextPoll(wheel)).toBeLessThanOrEqual(earliest)
          }
          expect(wheel.size).toBe(model.waiting.length)
        }
        // Following nextPoll reaches every entry, each within its nine levels.
        let polls = 0
        const rest: Array<number> = []
        while (wheel.size > 0) {
          const at = TimerWheel.nextPoll(wheel)
          rest.push(...due(wheel, at).map((e) => e.id))
          polls++
        }
        expect(polls).toBeLessThanOrEqual(9 * rest.length)
        expect(rest).toEqual(model.due(Number.MAX_SAFE_INTEGER))
      }),
      { numRuns: 300 },
    )
  })

  it("cancels nothing by a handle that it never gave out", () => {
    const wheel = TimerWheel.make<string>(0)
    expect(TimerWheel.cancel(wheel, 5)).toBe(false)
    TimerWheel.schedule(wheel, 10, "a")
    expect(TimerWheel.cancel(wheel, 1)).toBe(false)
    expect(wheel.size).toBe(1)
    expect(TimerWheel.poll(wheel, 10)).toBe("a")
  })
})
