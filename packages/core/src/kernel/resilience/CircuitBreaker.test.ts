import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bench } from "../../../test/BreakerUnderTest.ts"
import * as BreakerSettings from "./BreakerSettings.ts"
import * as CircuitBreaker from "./CircuitBreaker.ts"

describe("CircuitBreaker, closed", () => {
  it.each([
    [49, "closed"],
    [50, "closed"],
    [51, "open"],
  ])("[resilience 1] opens strictly above 50 %%: with %i failures in 100 it is %s", (failures, phase) => {
    const { breaker, succeed, fail, times } = bench({ minimumCalls: 100 })
    times(100 - failures, () => succeed())
    times(failures, () => fail())
    expect(breaker.phase).toBe(phase)
  })

  it("[resilience 2] never opens below the minimum number of calls", () => {
    const { breaker, fail, times } = bench({ minimumCalls: 20 })
    times(19, () => fail())
    expect(breaker.phase).toBe("closed")
    fail()
    expect(breaker.phase).toBe("open")
  })

  it("[resilience 3] a consecutive count resets on success", () => {
    const { breaker, succeed, fail, times } = bench({ consecutiveFailures: 3, minimumCalls: 1_000 })
    times(2, () => fail())
    succeed()
    times(2, () => fail())
    expect(breaker.phase).toBe("closed")
    fail()
    expect(breaker.phase).toBe("open")
  })

  it("[resilience 6] stale successes never mask failures", () => {
    const { breaker, succeed, fail, times, wait } = bench()
    times(10_000, () => succeed())
    wait(30_000)
    times(20, () => fail())
    expect(breaker.phase).toBe("open")
  })

  it("[resilience 6] stale failures never open: after an idle gap only what is recent counts", () => {
    const { breaker, fail, times, wait } = bench()
    times(19, () => fail())
    wait(3_600_000)
    times(19, () => fail())
    expect(breaker.phase).toBe("closed")
  })

  it("[resilience 7] the slow-call rate opens without errors: above 5 % slower than 5 s", () => {
    const { breaker, succeed, times } = bench({ minimumCalls: 100 })
    times(95, () => succeed(undefined, 5_000))
    times(5, () => succeed(undefined, 5_001))
    expect(breaker.phase).toBe("closed")
    succeed(undefined, 5_001)
    expect(breaker.phase).toBe("open")
    expect(breaker.events).toMatchObject([{ _tag: "Opened", reason: "slow-calls" }])
  })

  it("[resilience 8] more than 10 timeouts in a minute open; exactly 10 do not", () => {
    const { breaker, succeed, fail, admit, times, wait } = bench({ minimumCalls: 10 })
    times(1_000, () => succeed())
    times(10, () => {
      fail(admit(), true)
      wait(5_999)
    })
    expect(breaker.phase).toBe("closed")
    fail(admit(), true)
    expect(breaker.events).toMatchObject([{ _tag: "Opened", reason: "timeouts" }])
  })

  it("[resilience 8] the eleventh timeout after a full minute does not open", () => {
    const { breaker, succeed, fail, admit, times, wait } = bench()
    times(11, () => {
      fail(admit(), true)
      times(5, () => succeed())
      wait(6_000)
    })
    expect(breaker.phase).toBe("closed")
  })
})

describe("CircuitBreaker, settings and clocks", () => {
  it("[resilience 8] timeouts of ten hours are not a minute's, also on a clock that went back", () => {
    const { breaker, succeed, fail, admit, times, wait } = bench()
    times(10, () => {
      fail(admit(), true)
      times(5, () => succeed())
      wait(3_600_000)
    })
    wait(-24 * 3_600_000)
    fail(admit(), true)
    times(5, () => succeed())
    expect(breaker.phase).toBe("closed")
  })

  it.each([
    [{ baseMillis: Number.NaN, maxMillis: 1, factor: 2 }, /openMillis.baseMillis must be from 0 milliseconds, not NaN/],
    [{ baseMillis: 1, maxMillis: -1, factor: 2 }, /openMillis.maxMillis must be from 0/],
    [{ baseMillis: 1, maxMillis: 10, factor: 0.5 }, /openMillis.factor must be from 1, not 0.5/],
  ])("an open time that cannot be is refused: %j", (openMillis, message) => {
    expect(() => BreakerSettings.make({ openMillis })).toThrow(message)
  })
})

describe("CircuitBreaker, open", () => {
  it("[resilience 9] open rejects", () => {
    const { trip, admit, wait } = bench()
    trip()
    wait(4_999)
    expect(admit()).toBe(CircuitBreaker.REFUSED)
  })

  it("[resilience 10] the rejection carries when to try again", () => {
    const { breaker, clock, trip, wait } = bench()
    trip()
    wait(1_200)
    expect(CircuitBreaker.retryAfterMillis(breaker, clock.now)).toBe(3_800)
    expect(breaker.events).toMatchObject([{ _tag: "Opened", retryAtMillis: clock.now + 3_800 }])
  })

  it("[resilience 11] half-open only after the wait; closed to half-open is impossible", () => {
    const action = fc.record({
      what: fc.constantFrom("call", "ok", "fail", "timeout", "release") as fc.Arbitrary<string>,
      gap: fc.oneof(fc.nat(100), fc.nat(20_000)),
      pick: fc.nat(20),
    })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const { breaker, clock, admit } = bench({ minimumCalls: 3, steps: [2] })
        const tickets: Array<number> = []
        let openUntil = 0
        let phase: string = breaker.phase
        for (const { what, gap, pick } of actions) {
          clock.now += gap
          const ticket = what === "call" ? admit() : tickets.splice(pick % Math.max(1, tickets.length), 1)[0]
          if (what === "call" && ticket !== undefined && ticket !== CircuitBreaker.REFUSED) tickets.push(ticket)
          if (ticket !== undefined) {
            if (what === "ok") CircuitBreaker.succeed(breaker, ticket, clock.now, 0)
            if (what === "fail") CircuitBreaker.fail(breaker, ticket, clock.now, 0, false)
            if (what === "timeout") CircuitBreaker.fail(breaker, ticket, clock.now, 0, true)
            if (what === "release") CircuitBreaker.release(breaker, ticket)
          }
          for (const event of breaker.events.splice(0)) {
            if (event._tag === "Opened") {
              expect(["closed", "half-open"]).toContain(phase)
              openUntil = event.retryAtMillis
              phase = "open"
            } else if (event._tag === "HalfOpened") {
              expect(phase).toBe("open")
              expect(event.atMillis).toBeGreaterThanOrEqual(openUntil)
              phase = "half-open"
            } else if (event._tag === "Closed") {
              expect(phase).toBe("half-open")
              phase = "closed"
            }
          }
          expect(breaker.phase).toBe(phase)
        }
      }),
    )
  })

  it("[resilience 13] callers racing at expiry make one transition", () => {
    const { trip, admit, times, wait, tags } = bench()
    trip()
    wait(5_000)
    times(100, () => admit())
    expect(tags()).toEqual(["Opened", "HalfOpened"])
  })

  it("[resilience 20] results of an older generation are ignored", () => {
    const { breaker, admit, succeed, fail, trip, times, wait } = bench()
    const late = Array.from({ length: 50 }, () => admit())
    trip()
    wait(5_000)
    times(3, () => succeed())
    for (const ticket of late) fail(ticket)
    expect(breaker.phase).toBe("half-open")
    times(2, () => succeed())
    for (const ticket of late) fail(ticket)
    expect(breaker.phase).toBe("closed")
    expect(breaker.window.calls).toBe(0)
  })

  it("[resilience 21] failures while open neither emit again nor restart the timer", () => {
    const { breaker, clock, admit, fail, trip, wait, tags } = bench()
    const late = Array.from({ length: 50 }, () => admit())
    trip()
    wait(4_000)
    for (const ticket of late) fail(ticket)
    expect(tags()).toEqual(["Opened"])
    expect(CircuitBreaker.retryAfterMillis(breaker, clock.now)).toBe(1_000)
  })

  it("[resilience 22] simultaneous failures still reach half-open", () => {
    const { breaker, admit, fail, wait, tags } = bench()
    const tickets = Array.from({ length: 1_000 }, () => admit())
    for (const ticket of tickets) fail(ticket)
    wait(5_000)
    expect(admit()).not.toBe(CircuitBreaker.REFUSED)
    expect(breaker.phase).toBe("half-open")
    expect(tags()).toEqual(["Opened", "HalfOpened"])
  })

  it("a clock that goes back never lengthens the wait beyond one open time", () => {
    const { breaker, clock, trip, wait } = bench()
    trip()
    wait(-3_600_000)
    expect(CircuitBreaker.retryAfterMillis(breaker, clock.now)).toBe(5_000)
  })
})
