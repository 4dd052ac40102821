import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { encode } from "../gatt/index.ts"
import { heardBeats } from "./HeardBeats.ts"
import { type LogRecord, offload } from "./Offload.ts"
import { peripheral } from "./Peripheral.ts"
import type { CursorBridge } from "./SourceBridge.ts"

const START = 1_763_600_000_000

interface Stored {
  readonly kind: string
  readonly atMillis: number
  readonly value: number
}

/** A buffer as the bridge has it: samples and cursors become durable together, at a flush; a crash loses the rest. */
const buffer = (room = Number.POSITIVE_INFINITY) => {
  let durable: { samples: Array<Stored>; cursors: Map<string, string> } = { samples: [], cursors: new Map() }
  let now = { samples: [...durable.samples], cursors: new Map(durable.cursors) }
  const state = { room }
  const bridge: CursorBridge = {
    record: (_, kind, atMillis, value) => {
      if (now.samples.length >= state.room) return false
      now.samples.push({ kind, atMillis, value })
      return true
    },
    moveCursor: (source, position) => void now.cursors.set(source, position),
    cursor: (source) => now.cursors.get(source) ?? null,
  }
  return {
    bridge,
    state,
    flush: () => {
      durable = { samples: [...now.samples], cursors: new Map(now.cursors) }
    },
    crash: () => {
      now = { samples: [...durable.samples], cursors: new Map(durable.cursors) }
    },
    samples: () => now.samples,
    cursors: () => now.cursors,
  }
}

/** A strap that logs a beat a record, by a clock that runs off and began at some moment of its own. */
const strap = (ticks: ReadonlyArray<number>, driftSecondsPerHour: number, beganAt: number) => {
  const rate = 1 + driftSecondsPerHour / 3_600
  let at = 0
  const beats = ticks.map((count) => {
    at += (1_000 * count) / 1024
    // Its intervals are measured by the same crystal.
    return { trueMs: at / rate, strapMillis: beganAt + at, ticks: count }
  })
  const records = beats.map(
    ({ strapMillis, ticks: count }, index): LogRecord => ({
      index,
      strapMillis,
      samples: [{ kind: "rrInterval", value: count / 1024 }],
    }),
  )
  const look = (trueMs: number, lateMs = 0) => ({
    strapMillis: beganAt + trueMs * rate,
    wallMillis: START + trueMs + lateMs,
  })
  return { beats, records, look, endMs: at / rate }
}

/** A resting heart with some variability, as ticks of 1/1024 s. */
const heartTicks = (length: number, draw: (n: number) => number): Array<number> => {
  let centre = 800
  return Array.from({ length }, (_, n) => {
    centre = Math.min(1_100, Math.max(450, centre + (draw(2 * n) % 41) - 20))
    return centre + (draw(2 * n + 1) % 61) - 30
  })
}

const draws = fc.array(fc.nat(1_000_000), { minLength: 64, maxLength: 64 }).map((seeds) => (n: number) => {
  const seed = seeds[n % 64] ?? 0
  return Math.abs(Math.imul(seed + n * 2_654_435_761, 2_246_822_519) >>> 7)
})

const sortedValues = (samples: ReadonlyArray<Stored>) => samples.map(({ value }) => value).toSorted((a, b) => a - b)

describe("a strap with a memory", () => {
  test("[bridge 33] offloaded again and again while its clock drifts 8 s an hour: no copies, whatever the estimate says", () => {
    fc.assert(
      fc.property(
        draws,
        fc.double({ min: -8, max: 8, noNaN: true }),
        fc.array(
          fc.record({
            from: fc.nat(400),
            to: fc.nat(400),
            afterHours: fc.nat(12),
            late: fc.integer({ min: -900, max: 900 }),
            crash: fc.boolean(),
          }),
          { minLength: 1, maxLength: 12 },
        ),
        (draw, drift, offloads) => {
          const { records, look, endMs } = strap(heartTicks(400, draw), drift, 77_000)
          const store = buffer()
          let now = endMs
          for (const { from, to, afterHours, late, crash } of offloads) {
            now += afterHours * 3_600_000
            const page = records.slice(Math.min(from, to), Math.max(from, to))
            offload(store.bridge, { source: "watch-3", records: page, look: look(now, late) })
            if (crash) store.crash()
            else store.flush()
          }
          offload(store.bridge, { source: "watch-3", records, look: look(now) })
          expect(sortedValues(store.samples())).toEqual(
            records.flatMap(({ samples }) => samples.map(({ value }) => value)).toSorted((a, b) => a - b),
          )
          const again = offload(store.bridge, { source: "watch-3", records, look: look(now + 3_600_000) })
          expect(again).toMatchObject({ taken: 0, copies: 400, turnedAway: 0 })
        },
      ),
      { numRuns: 150 },
    )
  })

  test("[bridge 33] two looks a day apart tell the drift, and records between get their true times", () => {
    const { beats, records, look } = strap(
      heartTicks(3_000, (n) => (n * 7_919) % 997),
      8,
      5_000_000,
    )
    const store = buffer()
    offload(store.bridge, { source: "w", records: [], look: look(-12 * 3_600_000) })
    const { driftSecondsPerHour } = offload(store.bridge, { source: "w", records, look: look(12 * 3_600_000) })
    expect(driftSecondsPerHour).toBeCloseTo(8, 6)
    for (const [n, { atMillis }] of store.samples().entries()) {
      expect(Math.abs(atMillis - START - beats[n]!.trueMs)).toBeLessThanOrEqual(1)
    }
  })

  test("a strap that was erased counts anew: a log with another name is another log", () => {
    const store = buffer()
    const look = { strapMillis: 0, wallMillis: START }
    const one = [{ index: 0, strapMillis: 0, samples: [{ kind: "heartRate" as const, value: 60 }] }]
    expect(offload(store.bridge, { source: "w", log: "a", records: one, look }).taken).toBe(1)
    expect(offload(store.bridge, { source: "w", log: "b", records: one }).taken).toBe(1)
    expect(offload(store.bridge, { source: "w", log: "a", records: one }).taken).toBe(0)
  })

  test("what the bridge has no room for is taken by the next offload, and once", () => {
    const { records, look, endMs } = strap(
      heartTicks(50, (n) => n * 13),
      0,
      0,
    )
    const store = buffer(20)
    expect(offload(store.bridge, { source: "w", records, look: look(endMs) })).toMatchObject({
      taken: 20,
      turnedAway: 30,
    })
    store.state.room = 1_000
    expect(offload(store.bridge, { source: "w", records })).toMatchObject({ taken: 30, copies: 20, turnedAway: 0 })
    expect(store.samples().length).toBe(50)
  })

  test("without any look at the clocks nothing is taken", () => {
    expect(() => offload(buffer().bridge, { source: "w", records: [] })).toThrow(/clocks/)
  })
})

/** Plays the strap's beats live into a peripheral; `heardAt` says of each beat whether the radio is there. */
const hearLive = (
  store: ReturnType<typeof buffer>,
  beats: ReturnType<typeof strap>["beats"],
  isHeard: (n: number) => "connected" | "lost" | "away",
  delay: (n: number) => number,
): void => {
  const clock = { now: 0 }
  const heart = peripheral(store.bridge, {
    sensor: "strap-07",
    remember: heardBeats(store.bridge, "strap-07"),
    clock: { steadyMillis: () => clock.now, wallMillis: () => START + clock.now },
  })
  for (const [n, { trueMs, ticks }] of beats.entries()) {
    clock.now = Math.max(clock.now, trueMs + delay(n))
    if (isHeard(n) === "away") heart.disconnected()
    if (isHeard(n) !== "connected") continue
    const rrIntervalsSeconds = [ticks / 1024]
    heart.notify(
      "2a37",
      encode("2A37", {
        _tag: "HeartRate",
        contactDetected: false,
        contactSupported: false,
        heartRateBpm: 0,
        rrIntervalsSeconds,
      }),
    )
  }
}

describe("heard live, and offloaded later", () => {
  test("[bridge 33] back-fill after drop-outs: every beat of the log is stored once, those heard live are not added again", () => {
    fc.assert(
      fc.property(
        draws,
        fc.double({ min: -8, max: 8, noNaN: true }),
        // Spans of beats: connected, one packet lost, out of range.
        fc.array(
          fc.record({
            beats: fc.integer({ min: 1, max: 120 }),
            state: fc.constantFrom("connected" as const, "connected" as const, "lost" as const, "away" as const),
          }),
          { minLength: 1, maxLength: 14 },
        ),
        fc.array(fc.integer({ min: 30, max: 600 }), { maxLength: 3 }),
        fc.boolean(),
        (draw, drift, spans, cuts, restart) => {
          const states = spans.flatMap(({ beats, state }) => new Array(state === "lost" ? 1 : beats).fill(state))
          const device = strap(heartTicks(states.length, draw), drift, 9_000)
          const store = buffer()
          hearLive(
            store,
            device.beats,
            (n) => states[n],
            (n) => draw(n) % 400,
          )
          const liveBeats = store.samples().length
          expect(liveBeats).toBe(states.filter((state) => state === "connected").length)
          if (restart) store.flush()
          if (restart) store.crash()
          const now = device.endMs + 1_800_000
          let heardLive = 0
          for (const to of [...cuts.toSorted((a, b) => a - b), states.length, states.length]) {
            heardLive += offload(store.bridge, {
              source: "strap-07",
              records: device.records.slice(0, to),
              look: device.look(now),
              heard: heardBeats(store.bridge, "strap-07"),
            }).heardLive
          }
          expect(heardLive).toBe(liveBeats)
          const stored = sortedValues(store.samples())
          const logged = device.records
            .flatMap(({ samples }) => samples.map(({ value }) => value))
            .toSorted((a, b) => a - b)
          expect(stored.length).toBe(logged.length)
          // A chance twin within the tolerance of a log that counts milliseconds is as good.
          for (const [n, value] of logged.entries()) expect(Math.abs(value - stored[n]!)).toBeLessThanOrEqual(0.001_5)
        },
      ),
      { numRuns: 200 },
    )
  }, 60_000)

  test("a log offloaded while the strap is heard leaves the newest beats to the air", () => {
    const device = strap(
      heartTicks(120, (n) => (n * 7_919) % 997),
      0,
      0,
    )
    const store = buffer()
    const heard = heardBeats(store.bridge, "s")
    const first = offload(store.bridge, {
      source: "s",
      records: device.records,
      look: device.look(device.endMs),
      heard,
    })
    expect(first.later).toBeGreaterThan(8)
    expect(first.taken + first.later).toBe(120)
    const rest = offload(store.bridge, {
      source: "s",
      records: device.records,
      look: device.look(device.endMs + 20_000),
      heard,
    })
    expect(rest).toMatchObject({ taken: first.later, copies: first.taken, later: 0 })
  })

  test("what was heard is forgotten when its log is in, so that it does not grow", () => {
    const device = strap(
      heartTicks(1_000, (n) => (n * 7_919) % 997),
      3,
      0,
    )
    const store = buffer()
    hearLive(
      store,
      device.beats,
      () => "connected",
      () => 0,
    )
    const heard = heardBeats(store.bridge, "strap-07")
    expect(heard.all().length).toBe(1_000)
    const look = device.look(device.endMs + 60_000)
    offload(store.bridge, { source: "strap-07", records: device.records, look, heard })
    expect(heard.all()).toEqual([])
    expect([...store.cursors()].filter(([name]) => name.startsWith("heard/")).join("").length).toBeLessThan(300)
    expect(store.samples().length).toBe(1_000)
  })
})

describe("what cannot be recorded", () => {
  const record = (index: number, strapMillis = 1_000 * index): LogRecord => ({
    index,
    strapMillis,
    samples: [{ kind: "heartRate", value: 60 + index }],
  })
  const look = { strapMillis: 0, wallMillis: START }

  test.each([
    ["a number that is none", record(1.5), look],
    ["a time that is none", record(2, Number.NaN), look],
    ["clocks that show nothing", record(2), { strapMillis: Number.NaN, wallMillis: START }],
  ])("%s is refused before anything is recorded", (_, wrong, clocks) => {
    const { bridge, samples, cursors } = buffer()
    expect(() => offload(bridge, { source: "w", records: [record(0), wrong, record(3)], look: clocks })).toThrow(
      RangeError,
    )
    expect(samples()).toEqual([])
    expect(cursors().size).toBe(0)
  })

  test("[bridge 11] a bridge that refuses in the middle: what was recorded counts as taken, and comes no second time", () => {
    const { bridge, samples } = buffer()
    const refusing: CursorBridge = {
      ...bridge,
      record: (sensor, kind, atMillis, value) => {
        if (value === 62) throw new Error("refused")
        return bridge.record(sensor, kind, atMillis, value)
      },
    }
    const records = [record(0), record(1), record(2), record(3)]
    expect(() => offload(refusing, { source: "w", records, look })).toThrow("refused")
    expect(offload(bridge, { source: "w", records, look })).toMatchObject({ taken: 2, copies: 2 })
    expect(samples().map(({ value }) => value)).toEqual([60, 61, 62, 63])
  })

  test("of a record that there was room for in part, nothing is recorded twice", () => {
    const { bridge, samples, state } = buffer(2)
    const both = { ...record(1), samples: [...record(1).samples, { kind: "power" as const, value: 200 }] }
    expect(offload(bridge, { source: "w", records: [record(0), both, record(2)], look })).toMatchObject({
      taken: 2,
      turnedAway: 1,
    })
    state.room = 99
    expect(offload(bridge, { source: "w", records: [record(0), both, record(2)], look })).toMatchObject({ taken: 1 })
    expect(samples().map(({ value }) => value)).toEqual([60, 61, 62])
  })

  test("is history: nothing of it is for screens", () => {
    const { bridge } = buffer()
    const options: Array<unknown> = []
    offload(
      { ...bridge, record: (...given) => options.push(given[4]) > 0 },
      { source: "w", records: [record(0), record(1)], look },
    )
    expect(options).toEqual([{ live: false }, { live: false }])
  })
})
