import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bench } from "../../../test/BreakerUnderTest.ts"
import * as BreakerSettings from "./BreakerSettings.ts"
import * as BreakerSnapshot from "./BreakerSnapshot.ts"
import * as CircuitBreaker from "./CircuitBreaker.ts"

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

  it("[resilience 23] a burst after a long pause fills a step, and does not make it stuck", () => {
    const { breaker, admit, succeed, wait } = closing([10, 40])
    wait(60_000)
    const first = admitted(admit, 100)
    expect(first).toHaveLength(10)
    expect(breaker.phase).toBe("closed")
    for (const ticket of first) succeed(ticket)
    expect(CircuitBreaker.stepLimit(breaker)).toBe(40)
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
