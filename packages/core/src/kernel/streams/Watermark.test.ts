import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Watermark from "./Watermark.ts"

const options = { disorderMillis: 100, idleAfterMillis: 1_000 }

describe("Watermark", () => {
  it("is the least of the partitions' newest events, less the disorder allowed, and waits for all to speak", () => {
    let state = Watermark.make(["a", "b"], 0)
    state = Watermark.observe(state, "a", 5_000, 10, options)
    expect(state.millis).toBeNull()
    state = Watermark.observe(state, "b", 3_000, 20, options)
    expect(state.millis).toBe(2_900)
    state = Watermark.observe(state, "b", 7_000, 30, options)
    expect(state.millis).toBe(4_900)
    state = Watermark.observe(state, "a", 4_000, 40, options)
    expect(state.millis).toBe(4_900)
  })

  it("[log 52] an idle partition does not hold the watermark, one that wakes up does not pull it back", () => {
    let state = Watermark.make(["a", "b", "silent"], 0)
    state = Watermark.observe(state, "b", 1_000, 500, options)
    state = Watermark.observe(state, "a", 5_000, 999, options)
    expect(state.millis).toBeNull()
    state = Watermark.advance(state, 1_000, options)
    expect(state.millis).toBe(900)
    state = Watermark.advance(state, 1_500, options)
    expect(state.millis).toBe(4_900)
    state = Watermark.observe(state, "b", 2_000, 1_600, options)
    expect(state.millis).toBe(4_900)
    state = Watermark.observe(state, "a", 9_000, 1_700, options)
    expect(state.millis).toBe(4_900)
    state = Watermark.observe(state, "b", 6_000, 1_800, options)
    expect(state.millis).toBe(5_900)
  })

  it("[log 52] when all are idle, the furthest of them says how far time has come", () => {
    let state = Watermark.make(["a", "b"], 0)
    state = Watermark.observe(state, "a", 5_000, 0, options)
    state = Watermark.observe(state, "b", 3_000, 0, options)
    expect(Watermark.advance(state, 999, options).millis).toBe(2_900)
    expect(Watermark.advance(state, 1_000, options).millis).toBe(4_900)
  })

  it("[log 52] downtime is not silence: a restart leaves nobody idle", () => {
    let state = Watermark.make(["a", "b"], 0)
    state = Watermark.observe(state, "a", 5_000, 0, options)
    state = Watermark.observe(state, "b", 3_000, 0, options)
    const later = 3_600_000
    expect(Watermark.advance(state, later, options).millis).toBe(4_900)
    const resumed = Watermark.resume(state, later)
    expect(Watermark.advance(resumed, later, options).millis).toBe(2_900)
    expect(Watermark.advance(resumed, later + 999, options).millis).toBe(2_900)
    expect(Watermark.advance(resumed, later + 1_000, options).millis).toBe(4_900)
  })

  it("a reader that pauses a partition keeps it awake; one that left holds nothing", () => {
    let state = Watermark.make(["a", "b"], 0)
    state = Watermark.observe(state, "a", 5_000, 0, options)
    state = Watermark.observe(state, "b", 3_000, 0, options)
    state = Watermark.awake(state, "b", 900)
    expect(Watermark.advance(state, 1_800, options).millis).toBe(2_900)
    expect(Watermark.advance(Watermark.leave(state, "b"), 900, options).millis).toBe(4_900)
  })

  it("a reader's clock that goes back an hour does not keep a silent partition awake for an hour", () => {
    const hour = 3_600_000
    let state = Watermark.make(["a", "b"], hour)
    state = Watermark.observe(state, "b", 3_000, hour, options)
    state = Watermark.observe(state, "a", 5_000, 0, options)
    expect(state.millis).toBe(2_900)
    state = Watermark.observe(state, "a", 6_000, 1_000, options)
    expect(state.millis).toBe(5_900)
  })

  it("a device whose clock runs ahead does not make everybody else late", () => {
    const bounded = { ...options, maxAheadMillis: 500 }
    const state = Watermark.observe(Watermark.make(["a"], 0), "a", 9_999_999, 10_000, bounded)
    expect(state.millis).toBe(10_400)
  })

  const acts = fc.array(
    fc.record({ partition: fc.constantFrom("a", "b", "c"), at: fc.nat(5_000), after: fc.nat(700) }),
    { maxLength: 60 },
  )

  it("[log 52] is what the whole history says, at every step, and a restart changes nothing", () => {
    fc.assert(
      fc.property(acts, (history) => {
        let now = 0
        let state = Watermark.make(["a", "b"], 0)
        const heard = [
          { partition: "a", at: null as number | null, now: 0 },
          { partition: "b", at: null as number | null, now: 0 },
        ]
        let expected: number | null = null
        for (const { partition, at, after } of history) {
          now += after
          heard.push({ partition, at, now })
          state = Watermark.observe(JSON.parse(JSON.stringify(state)), partition, at, now, options)
          const all = [...new Set(heard.map((one) => one.partition))].map((name) => {
            const own = heard.filter((one) => one.partition === name)
            const times = own.flatMap((one) => (one.at === null ? [] : [one.at]))
            return { newest: times.length === 0 ? null : Math.max(...times), idle: now - own.at(-1)!.now >= 1_000 }
          })
          // The partition of this very event is awake, so there is always one that is.
          const awake = all.filter((one) => !one.idle)
          if (awake.every((one) => one.newest !== null)) {
            const least = Math.min(...awake.map((one) => one.newest!)) - 100
            expected = Math.max(least, expected ?? least)
          }
          expect(state.millis).toBe(expected)
        }
      }),
    )
  })
})
