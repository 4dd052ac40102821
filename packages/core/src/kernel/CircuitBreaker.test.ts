import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as BreakerSettings from "./BreakerSettings.ts"
import * as BreakerSnapshot from "./BreakerSnapshot.ts"
import * as CircuitBreaker from "./CircuitBreaker.ts"

/** A breaker with a clock of its own, and calls that take no time. */
const bench = (changes: Partial<BreakerSettings.BreakerSettings> = {}) => {
  const settings = BreakerSettings.make({ steps: [], ...changes })
  const breaker = CircuitBreaker.make(settings)
  const clock = { now: 1_000_000 }
  const admit = () => CircuitBreaker.admit(breaker, clock.now)
  const succeed = (ticket = admit(), durationMillis = 0) =>
    CircuitBreaker.succeed(breaker, ticket, clock.now, durationMillis)
  const fail = (ticket = admit(), timedOut = false) => CircuitBreaker.fail(breaker, ticket, clock.now, 0, timedOut)
  const times = (n: number, action: () => void) => {
    for (let i = 0; i < n; i++) action()
  }
  const trip = () => {
    times(settings.minimumCalls, () => fail())
    expect(breaker.phase).toBe("open")
  }
  const wait = (millis: number) => {
    clock.now += millis
  }
  const tags = () => breaker.events.map((event) => event._tag)
  return { breaker, settings, clock, admit, succeed, fail, times, trip, wait, tags }
}

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

describe("CircuitBreaker, half-open", () => {
  const opened = (changes: Partial<BreakerSettings.BreakerSettings> = {}) => {
    const it = bench(changes)
    it.trip()
    it.wait(5_000)
    return it
  }

  it("[resilience 12] half-open admits exactly N probes; callers beyond are rejected at once", () => {
    const { admit } = opened({ probes: 5 })
    const tickets = Array.from({ length: 100 }, () => admit())
    expect(tickets.filter((ticket) => ticket !== CircuitBreaker.REFUSED)).toHaveLength(5)
    expect(new Set(tickets.slice(0, 5)).size).toBe(5)
  })

  it("[resilience 14] [resilience 15] a released probe (ignored error, interruption) gives its place to another", () => {
    const { breaker, admit, succeed, times } = opened({ probes: 2 })
    const ticket = admit()
    admit()
    expect(admit()).toBe(CircuitBreaker.REFUSED)
    CircuitBreaker.release(breaker, ticket)
    CircuitBreaker.release(breaker, ticket)
    const next = admit()
    expect(next).not.toBe(CircuitBreaker.REFUSED)
    expect(admit()).toBe(CircuitBreaker.REFUSED)
    times(1, () => succeed(next))
    expect(breaker.phase).toBe("half-open")
  })

  it("[resilience 16] a hung probe is replaced after the longest half-open wait, and its late result is ignored", () => {
    const { breaker, admit, fail, succeed, wait } = opened({ probes: 1, probeMaxMillis: 30_000 })
    const hung = admit()
    wait(30_000)
    expect(admit()).toBe(CircuitBreaker.REFUSED)
    wait(1)
    const second = admit()
    expect(second).not.toBe(CircuitBreaker.REFUSED)
    fail(hung)
    expect(breaker.phase).toBe("half-open")
    succeed(second)
    expect(breaker.phase).toBe("closed")
  })

  it("[resilience 17] half-open decides by a threshold over N, not by the first result", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), (results) => {
        const { breaker, admit, succeed, fail } = opened({ probes: 6 })
        const tickets = results.map(() => admit())
        results.forEach((failed, i) => {
          if (failed) fail(tickets[i])
          else succeed(tickets[i])
        })
        expect(breaker.phase).toBe(results.filter(Boolean).length > 3 ? "open" : "closed")
      }),
    )
    const { breaker, fail, succeed, times } = opened({ probes: 6 })
    fail()
    expect(breaker.phase).toBe("half-open")
    times(5, () => succeed())
    expect(breaker.phase).toBe("closed")
  })

  it("[resilience 17] a slow probe counts as a failed one", () => {
    const { breaker, admit, succeed } = opened({ probes: 1 })
    succeed(admit(), 5_001)
    expect(breaker.phase).toBe("open")
  })

  it("[resilience 18] failure in half-open reopens and lengthens the open time", () => {
    const { breaker, clock, fail, times, wait } = opened({ probes: 1 })
    const waits: Array<number> = []
    times(6, () => {
      fail()
      waits.push(CircuitBreaker.retryAfterMillis(breaker, clock.now))
      wait(waits.at(-1) ?? 0)
    })
    expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 120_000, 120_000])
  })

  it("[resilience 19] closing resets open time and metrics", () => {
    const { breaker, clock, fail, succeed, times, wait } = opened({ probes: 1 })
    fail()
    wait(10_000)
    succeed()
    expect(breaker.phase).toBe("closed")
    expect(breaker.window.calls).toBe(0)
    times(19, () => fail())
    expect(breaker.phase).toBe("closed")
    times(1, () => fail())
    expect(CircuitBreaker.retryAfterMillis(breaker, clock.now)).toBe(5_000)
  })

  it("[resilience 28] events come in order, one a transition", () => {
    const { fail, succeed, times, wait, tags } = opened({ probes: 2, steps: [2, 4] })
    times(2, () => fail())
    wait(10_000)
    times(2, () => succeed())
    times(2, () => succeed())
    times(4, () => succeed())
    expect(tags()).toEqual(["Opened", "HalfOpened", "Opened", "HalfOpened", "Closed", "Stepped", "Stepped"])
  })
})

describe("CircuitBreaker, returning traffic", () => {
  const closing = (steps: ReadonlyArray<number>) => {
    const it = bench({ steps, probes: 1 })
    it.trip()
    it.wait(5_000)
    it.succeed()
    expect(it.breaker.phase).toBe("closed")
    return it
  }
  const admitted = (admit: () => number, callers: number) =>
    Array.from({ length: callers }, () => admit()).filter((ticket) => ticket !== CircuitBreaker.REFUSED)

  it("[resilience 23] after closing, traffic returns in steps", () => {
    const { admit, succeed } = closing([10, 40])
    const first = admitted(admit, 10_000)
    expect(first).toHaveLength(10)
    for (const ticket of first) succeed(ticket)
    const second = admitted(admit, 10_000)
    expect(second).toHaveLength(40)
    for (const ticket of second) succeed(ticket)
    expect(admitted(admit, 10_000)).toHaveLength(10_000)
  })

  it("[resilience 23] and steps back on failure: one step, and from the first it opens", () => {
    const { breaker, admit, succeed, fail } = closing([10, 40])
    for (const ticket of admitted(admit, 10)) succeed(ticket)
    const second = admitted(admit, 40)
    for (const ticket of second.slice(0, 21)) fail(ticket)
    expect(breaker.phase).toBe("closed")
    expect(CircuitBreaker.stepLimit(breaker)).toBe(10)
    for (const ticket of second.slice(21)) fail(ticket)
    expect(breaker.phase).toBe("closed")
    const third = admitted(admit, 100)
    expect(third).toHaveLength(10)
    for (const ticket of third.slice(0, 6)) fail(ticket)
    expect(breaker.phase).toBe("open")
    expect(breaker.events.at(-1)).toMatchObject({ _tag: "Opened", reason: "step" })
  })

  it("[resilience 23] a step whose calls all hang opens again instead of refusing for ever", () => {
    const { breaker, admit, wait } = closing([10, 40])
    admitted(admit, 10)
    wait(30_001)
    expect(admit()).toBe(CircuitBreaker.REFUSED)
    expect(breaker.phase).toBe("open")
  })

  it("[resilience 23] a quiet service passes its steps by time", () => {
    const { breaker, succeed, wait, times } = closing([10, 40])
    times(2, () => {
      wait(10_000)
      succeed()
    })
    expect(CircuitBreaker.stepLimit(breaker)).toBe(Number.POSITIVE_INFINITY)
  })

  it("[resilience 23] calls in flight never exceed the step under random results (exact model)", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ call: fc.boolean(), pick: fc.nat(50), end: fc.nat(9) }), { maxLength: 300 }),
        (actions) => {
          const { breaker, admit, succeed, fail } = closing([3, 6, 12])
          let flying: Array<number> = []
          for (const { call, pick, end } of actions) {
            if (breaker.phase !== "closed" || breaker.free) break
            if (call) {
              const before = flying.length
              const ticket = admit()
              if (ticket !== CircuitBreaker.REFUSED) flying.push(ticket)
              expect(ticket === CircuitBreaker.REFUSED).toBe(before >= CircuitBreaker.stepLimit(breaker))
            } else if (flying.length > 0) {
              const ticket = flying[pick % flying.length] ?? 0
              flying = flying.filter((_, i) => i !== pick % flying.length)
              if (end < 6) succeed(ticket)
              else if (end < 9) fail(ticket)
              else CircuitBreaker.release(breaker, ticket)
            }
            if (breaker.phase === "closed" && !breaker.free) expect(breaker.inFlight).toBe(flying.length)
          }
        },
      ),
    )
  })
})

describe("CircuitBreaker, modes", () => {
  it("[resilience 24] forced open refuses everything; disabled passes everything and measures nothing", () => {
    const { breaker, clock, admit, fail, times, tags } = bench()
    CircuitBreaker.setMode(breaker, "forced-open", clock.now)
    expect(admit()).toBe(CircuitBreaker.REFUSED)
    CircuitBreaker.setMode(breaker, "disabled", clock.now)
    times(1_000, () => fail())
    expect(breaker.window.calls).toBe(0)
    CircuitBreaker.setMode(breaker, "normal", clock.now)
    expect(admit()).toBeGreaterThan(0)
    expect(tags()).toEqual(["ModeChanged", "ModeChanged", "ModeChanged"])
  })

  it("[resilience 24] metrics-only measures, never refuses, and says once when it would open", () => {
    const { breaker, clock, admit, fail, times, tags } = bench()
    CircuitBreaker.setMode(breaker, "metrics-only", clock.now)
    times(1_000, () => fail())
    expect(breaker.window.failures).toBe(1_000)
    expect(admit()).not.toBe(CircuitBreaker.REFUSED)
    expect(tags()).toEqual(["ModeChanged", "WouldOpen"])
  })

  it("[resilience 25] isolations are counted", () => {
    const { breaker, clock, admit, tags } = bench()
    CircuitBreaker.isolate(breaker, clock.now)
    CircuitBreaker.isolate(breaker, clock.now)
    CircuitBreaker.unisolate(breaker, clock.now)
    expect(admit()).toBe(CircuitBreaker.REFUSED)
    CircuitBreaker.unisolate(breaker, clock.now)
    CircuitBreaker.unisolate(breaker, clock.now)
    expect(admit()).not.toBe(CircuitBreaker.REFUSED)
    expect(tags()).toEqual(["Isolated", "Unisolated"])
  })

  it("[resilience 26] state survives serialise and restore", () => {
    const { breaker, clock, settings, fail, succeed, times, wait } = bench()
    times(5, () => fail())
    times(4, () => succeed())
    const closed = BreakerSnapshot.restore(settings, JSON.parse(JSON.stringify(BreakerSnapshot.of(breaker))), clock.now)
    expect(closed).toMatchObject({ phase: "closed", free: true, window: { calls: 9, failures: 5 } })
    times(11, () => fail())

    wait(2_000)
    const open = BreakerSnapshot.restore(settings, JSON.parse(JSON.stringify(BreakerSnapshot.of(breaker))), clock.now)
    expect(CircuitBreaker.admit(open, clock.now)).toBe(CircuitBreaker.REFUSED)
    expect(CircuitBreaker.retryAfterMillis(open, clock.now)).toBe(3_000)
  })

  it("[resilience 26] half-open restores as open, ready to probe", () => {
    const { breaker, clock, settings, admit, trip, wait } = bench()
    trip()
    wait(5_000)
    admit()
    expect(breaker.phase).toBe("half-open")
    const restored = BreakerSnapshot.restore(
      settings,
      JSON.parse(JSON.stringify(BreakerSnapshot.of(breaker))),
      clock.now,
    )
    expect(restored.phase).toBe("open")
    expect(CircuitBreaker.admit(restored, clock.now)).not.toBe(CircuitBreaker.REFUSED)
    expect(restored.phase).toBe("half-open")
  })

  it("[resilience 27] arithmetic on durations never overflows", () => {
    const { breaker, clock, fail, trip, wait } = bench({
      probes: 1,
      openMillis: { baseMillis: 1, maxMillis: Number.MAX_SAFE_INTEGER, factor: 10 },
    })
    trip()
    breaker.openings = 1e9
    wait(1)
    fail()
    expect(breaker.openMillis).toBe(Number.MAX_SAFE_INTEGER)
    const millis = CircuitBreaker.retryAfterMillis(breaker, clock.now)
    expect(Number.isFinite(millis) && millis > 0).toBe(true)
  })

  it("a setting outside its range is refused by name", () => {
    expect(() => BreakerSettings.make({ errorRate: 1.5 })).toThrow(/errorRate must be from 0 to 1/)
    expect(() => BreakerSettings.make({ steps: [0] })).toThrow(/steps/)
  })
})
