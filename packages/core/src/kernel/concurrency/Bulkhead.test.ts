import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Bulkhead from "./Bulkhead.ts"
import { PRIORITIES, type Priority } from "./PriorityQueue.ts"

const settle = <A>(bulkhead: Bulkhead.Bulkhead<A>, now: number) => {
  const run: Array<A> = []
  const expired: Array<A> = []
  for (let next = Bulkhead.next(bulkhead, now); next !== undefined; next = Bulkhead.next(bulkhead, now)) {
    ;(next.held === 1 ? run : expired).push(next.value)
  }
  return { run, expired }
}

const enter = <A>(bulkhead: Bulkhead.Bulkhead<A>, value: A, priority: Priority, now = 0) =>
  Bulkhead.enter(bulkhead, Bulkhead.waiter(value, priority), now)

describe("Bulkhead", () => {
  it("runs up to the limit, lets wait up to the queue, refuses beyond", () => {
    const bulkhead = Bulkhead.make<number>({ limit: 2, queue: { high: 1, middle: 1, low: 1 } })
    expect([0, 1, 2, 3].map((i) => enter(bulkhead, i, "middle"))).toEqual(["run", "run", "wait", "full"])
  })

  it("lets nobody wait without a queue", () => {
    const bulkhead = Bulkhead.make<number>({ limit: 1 })
    expect([0, 1].map((i) => enter(bulkhead, i, "high"))).toEqual(["run", "full"])
  })

  it("[resilience 52] refuses low first as the queue fills, then middle, then high", () => {
    const refusedWith = (waiting: number) => {
      const refused: Array<Priority> = []
      for (const priority of PRIORITIES) {
        const bulkhead = Bulkhead.make<string>({ limit: 1, queue: 10 })
        for (let i = 0; i <= waiting; i++) enter(bulkhead, "other", "high")
        if (enter(bulkhead, "newcomer", priority) === "full") refused.push(priority)
      }
      return refused
    }
    expect(refusedWith(4)).toEqual([])
    expect(refusedWith(5)).toEqual(["low"])
    expect(refusedWith(8)).toEqual(["middle", "low"])
    expect(refusedWith(10)).toEqual(["high", "middle", "low"])
  })

  it("[resilience 50] ends a wait at its longest, neither before nor after, also when a place comes free then", () => {
    const bulkhead = Bulkhead.make<string>({ limit: 1, queue: 10, maxWaitMillis: 100 })
    enter(bulkhead, "running", "high")
    enter(bulkhead, "early", "low", 0)
    enter(bulkhead, "late", "high", 50)
    expect(Bulkhead.nextExpiry(bulkhead)).toBe(100)
    expect(settle(bulkhead, 99)).toEqual({ run: [], expired: [] })
    Bulkhead.leave(bulkhead)
    expect(settle(bulkhead, 100)).toEqual({ run: ["late"], expired: ["early"] })
  })

  it("[resilience 45] never rejects what it accepted: all that waits runs, unless it gives up or has waited its longest", () => {
    const priority = fc.constantFrom<Priority>("high", "middle", "low")
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant("enter" as const), priority }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("leave" as const), which: fc.nat(40) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("give up" as const), which: fc.nat(40) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("resize" as const), limit: fc.nat(4) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass" as const), millis: fc.nat(40) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.nat(12), (steps, queue) => {
        const bulkhead = Bulkhead.make<number>({ limit: 2, queue, maxWaitMillis: 100, aging: { middle: 20, low: 60 } })
        const calls: Array<{ waiter: Bulkhead.Waiter<number>; state: string; since: number }> = []
        let now = 0
        let limit = 2
        const settleNow = () => {
          const { run, expired } = settle(bulkhead, now)
          for (const id of run) {
            expect(calls[id]!.state).toBe("waiting")
            expect(now - calls[id]!.since).toBeLessThan(100)
            calls[id]!.state = "running"
          }
          for (const id of expired) {
            expect(calls[id]!.state).toBe("waiting")
            expect(now - calls[id]!.since).toBeGreaterThanOrEqual(100)
            calls[id]!.state = "expired"
          }
          // Exactly those are overdue that the kernel says are, and running never grows beyond the limit.
          for (const call of calls) if (call.state === "waiting") expect(now - call.since).toBeLessThan(100)
          const running = calls.filter((call) => call.state === "running").length
          expect(bulkhead.permits.inFlight).toBe(running)
          expect(bulkhead.permits.queue.size).toBe(calls.filter((call) => call.state === "waiting").length)
          if (run.length > 0) expect(running).toBeLessThanOrEqual(limit)
        }
        for (const s of steps) {
          if (s.kind === "enter") {
            const waiter = Bulkhead.waiter(calls.length, s.priority)
            const waiting = calls.filter((call) => call.state === "waiting").length
            const running = calls.filter((call) => call.state === "running").length
            const verdict = Bulkhead.enter(bulkhead, waiter, now)
            const mark = { high: queue, middle: Math.ceil(queue * 0.8), low: Math.ceil(queue * 0.5) }[s.priority]
            const expected = waiting === 0 && running < limit ? "run" : waiting < mark ? "wait" : "full"
            expect(verdict).toBe(expected)
            calls.push({ waiter, state: { run: "running", wait: "waiting", full: "refused" }[verdict], since: now })
          } else if (s.kind === "leave" || s.kind === "give up") {
            const call = calls[s.which]
            if (call?.state !== (s.kind === "leave" ? "running" : "waiting")) continue
            Bulkhead.end(bulkhead, call.waiter)
            call.state = "over"
          } else if (s.kind === "resize") {
            limit = s.limit
            Bulkhead.resize(bulkhead, limit)
          } else {
            now += s.millis
          }
          settleNow()
        }
        // Nothing is left behind: as places come free, every one that waits in time runs.
        limit = 50
        Bulkhead.resize(bulkhead, limit)
        settleNow()
        expect(calls.some((call) => call.state === "waiting")).toBe(false)
      }),
    )
  })
})
