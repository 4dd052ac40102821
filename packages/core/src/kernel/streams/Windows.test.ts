import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as CalendarWindows from "./CalendarWindows.ts"
import * as TimeWindows from "./TimeWindows.ts"
import * as Watermark from "./Watermark.ts"
import { isSame, type Span, type WindowEvent } from "./WindowPane.ts"
import * as Windows from "./Windows.ts"
import * as ZoneOffset from "./ZoneOffset.ts"

type Ids = ReadonlyArray<number>
type Options = Windows.WindowOptions<number, Ids>

/** Gathers the ids of the events, so that a test can name each one. */
const gather = (
  spansOf: (event: WindowEvent<number>) => ReadonlyArray<Span>,
  graceMillis: number,
  disorderMillis: number,
): Options => ({
  shape: { kind: "fixed", spansOf },
  initial: [],
  add: (ids, event) => [...ids, event.value],
  graceMillis,
  watermark: { disorderMillis, idleAfterMillis: 1_000 },
})

let lastId = 0
const event = (atMillis: number, partition = "p", readAtMillis = 0): WindowEvent<number> => ({
  key: "anna",
  partition,
  atMillis,
  readAtMillis,
  value: ++lastId,
})

const said = (emitted: ReadonlyArray<Windows.Emission<Ids>>) =>
  emitted.map(
    (one) => `${one._tag}${one._tag === "Update" && one.late ? " late" : ""} ${one.startMillis} [${one.value}]`,
  )

describe("Windows", () => {
  const minute = TimeWindows.tumbling(TimeWindows.MINUTE)

  it("[log 48] a window's start is in, its end is out, and the end is when it speaks", () => {
    lastId = 0
    const options = gather(minute, 0, 0)
    const events = [event(60_000), event(119_999), event(120_000)]
    const { emitted } = Windows.step(Windows.make<Ids>(["p"], 0), events, options)
    expect(said(emitted)).toEqual([
      "Update 60000 [1]",
      "Update 60000 [1,2]",
      "Update 120000 [3]",
      "OnTime 60000 [1,2]",
      "Final 60000 [1,2]",
    ])
  })

  it("[log 49] an athlete's day of 23 hours speaks after 23 hours, one of 25 after 25", () => {
    const spansOf = CalendarWindows.calendar<number>({ unit: "day" }, () => "Europe/Berlin", ZoneOffset.offsetMinutes)
    const options = gather(spansOf, 0, 0)
    for (const [noon, length] of [
      [Date.UTC(2026, 2, 29, 10), 23],
      [Date.UTC(2026, 9, 25, 11), 25],
    ] as const) {
      const first = Windows.step(Windows.make<Ids>(["p"], 0), [event(noon)], options)
      const { startMillis, endMillis } = first.emitted[0]!
      expect(endMillis - startMillis).toBe(length * TimeWindows.HOUR)
      const before = Windows.step(first.state, [event(endMillis - 1)], options)
      expect(before.emitted.map((one) => one._tag)).toEqual(["Update"])
      const after = Windows.step(before.state, [event(endMillis)], options)
      expect(after.emitted.map((one) => one._tag)).toEqual(["Update", "OnTime", "Final"])
    }
  })

  it("[log 50] a late event within the grace updates; after it goes to the side", () => {
    lastId = 0
    const options = gather(minute, 10_000, 0)
    const first = Windows.step(Windows.make<Ids>(["p"], 0), [event(1_000), event(69_999)], options)
    expect(said(first.emitted)).toEqual(["Update 0 [1]", "Update 60000 [2]", "OnTime 0 [1]"])

    const late = Windows.step(first.state, [event(59_999)], options)
    expect(said(late.emitted)).toEqual(["Update late 0 [1,3]"])
    expect(late.side).toEqual([])

    const closing = Windows.step(late.state, [event(70_000)], options)
    expect(said(closing.emitted)).toEqual(["Update 60000 [2,4]", "Final 0 [1,3]"])

    const tooLate = event(59_999)
    const after = Windows.step(closing.state, [tooLate], options)
    expect(after.emitted).toEqual([])
    expect(after.side).toEqual([{ event: tooLate, reason: "late", missed: [{ startMillis: 0, endMillis: 60_000 }] }])
  })

  it("[log 50] an event too late for one of its windows and in time for another is in both places", () => {
    lastId = 0
    const options = gather(TimeWindows.sliding(20, 10), 0, 0)
    const first = Windows.step(Windows.make<Ids>(["p"], 0), [event(10), event(25)], options)
    const half = event(15)
    const { emitted, side } = Windows.step(first.state, [half], options)
    expect(said(emitted)).toEqual(["Update 10 [1,2,3]"])
    expect(side).toEqual([{ event: half, reason: "late", missed: [{ startMillis: 0, endMillis: 20 }] }])
  })

  it("puts an event without a time to the side, and goes on as if it had not come", () => {
    const options = gather(minute, 0, 0)
    const before = Windows.step(Windows.make<Ids>(["p"], 0), [event(0)], options).state
    for (const none of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const untimed = event(none)
      expect(Windows.step(before, [untimed], options)).toEqual({
        state: before,
        emitted: [],
        side: [{ event: untimed, reason: "no-time", missed: [] }],
      })
    }
  })

  it("[log 52] an idle partition does not hold the watermark: the window speaks as time passes", () => {
    lastId = 0
    const options = gather(minute, 0, 0)
    const waiting = Windows.step(
      Windows.make<Ids>(["p", "silent"], 0),
      [event(1_000), event(60_000, "p", 999)],
      options,
    )
    expect(said(waiting.emitted)).toEqual(["Update 0 [1]", "Update 60000 [2]"])
    const { emitted } = Windows.tick(waiting.state, 1_000, options)
    expect(said(emitted)).toEqual(["OnTime 0 [1]", "Final 0 [1]"])
  })

  it("[log 52] a partition that left lets the windows speak that it held", () => {
    lastId = 0
    const options = gather(minute, 0, 0)
    const waiting = Windows.step(Windows.make<Ids>(["p", "gone"], 0), [event(1_000), event(60_000)], options).state
    expect(Windows.tick(waiting, 1, options).emitted).toEqual([])
    const left = Watermark.advance(Watermark.leave(waiting.watermark, "gone"), 1, options.watermark)
    expect(said(Windows.withWatermark(waiting, left, options).emitted)).toEqual(["OnTime 0 [1]", "Final 0 [1]"])
  })

  it("does not take a watermark that goes back: what was final stays so", () => {
    const options = gather(minute, 0, 0)
    const { state } = Windows.step(Windows.make<Ids>(["p"], 0), [event(0), event(60_000)], options)
    const back = Windows.withWatermark(state, { ...state.watermark, millis: 1_000 }, options)
    expect(back).toEqual({ state, emitted: [], side: [] })
    expect(Windows.withWatermark(state, Watermark.make(["p"], 0), options).state.watermark.millis).toBe(60_000)
  })

  it("[log 52] a restart keeps alignment: in the middle of a window, it goes on in the same window", () => {
    lastId = 0
    const options = gather(minute, 0, 0)
    const before = Windows.step(Windows.make<Ids>(["p"], 0), [event(61_000)], options).state
    const restarted = Windows.resume<Ids>(JSON.parse(JSON.stringify(before)), 7_777_777)
    const { emitted } = Windows.step(restarted, [event(95_000), event(120_000)], options)
    expect(said(emitted).slice(0, 3)).toEqual(["Update 60000 [1,2]", "Update 120000 [3]", "OnTime 60000 [1,2]"])
    const withoutState = Windows.step(Windows.make<Ids>(["p"], 0), [event(95_000)], options)
    expect(withoutState.emitted[0]).toMatchObject({ startMillis: 60_000, endMillis: 120_000 })
  })

  it("leaves the state that it was given as it was, for the commit may fail", () => {
    const options = gather(minute, 10_000, 0)
    const { state } = Windows.step(Windows.make<Ids>(["p"], 0), [event(1_000), event(65_000)], options)
    const before = JSON.stringify(state)
    Windows.step(state, [event(2_000), event(1_000_000)], options)
    expect(JSON.stringify(state)).toBe(before)
  })

  it("forgets a key whose windows are all final", () => {
    const options = gather(minute, 0, 0)
    const { state } = Windows.step(Windows.make<Ids>(["p"], 0), [event(0)], options)
    const other = { ...event(1_000_000), key: "ben" }
    expect(Windows.step(state, [other], options).state.keys.map(({ key }) => key)).toEqual(["ben"])
  })
})

const shapes = fc.constantFrom(
  TimeWindows.tumbling(50),
  TimeWindows.sliding(60, 20),
  TimeWindows.sliding(50, 7, 3),
  (one: { readonly atMillis: number }) => [
    // Days of 100 that are 30 shorter and 30 longer in turn: the shape of clocks that change.
    CalendarWindows.spanOf({ unit: "day" }, "invented", one.atMillis * 864_000, (_, t) =>
      t % 172_800_000 < 86_400_000 ? 0 : 432,
    ),
  ],
)

const histories = fc.array(
  fc.record({
    key: fc.constantFrom("anna", "ben", "__proto__"),
    partition: fc.constantFrom("p", "q"),
    back: fc.nat(150),
    after: fc.nat(30),
    pause: fc.constantFrom(0, 0, 0, 0, 0, 1_500),
  }),
  { maxLength: 50 },
)

/** Events in order of the log, that come up to 150 late, from two partitions of which one may fall silent. */
const eventsOf = (
  history: ReadonlyArray<{ key: string; partition: string; back: number; after: number; pause: number }>,
) => {
  let at = 0
  let now = 0
  return history.map(({ key, partition, back, after, pause }, value): WindowEvent<number> => {
    at += after
    now += after + pause
    return { key, partition, atMillis: at - back, readAtMillis: now, value }
  })
}

/** The watermark after each event, and before the first, from the whole history each time. */
const watermarksOf = (events: ReadonlyArray<WindowEvent<number>>, disorder: number): ReadonlyArray<number> => {
  const marks = [Number.NEGATIVE_INFINITY]
  events.forEach(({ readAtMillis: now }, i) => {
    const soFar = events.slice(0, i + 1)
    const awake = ["p", "q"].flatMap((name) => {
      const own = soFar.filter((one) => one.partition === name)
      const idle = now - (own.at(-1)?.readAtMillis ?? 0) >= 1_000
      return idle ? [] : [Math.max(...own.map((one) => one.atMillis))]
    })
    marks.push(Math.max(marks.at(-1)!, Math.min(...awake) - disorder))
  })
  return marks
}

describe("Windows against a slow model that keeps every event", () => {
  const settings = fc.record({ grace: fc.nat(60), disorder: fc.nat(60) })

  it("[log 48] [log 50] [log 52] every emission and every side event, at its step, is what the whole history says", () => {
    fc.assert(
      fc.property(histories, shapes, settings, (history, spansOf, { grace, disorder }) => {
        const events = eventsOf(history)
        const options = gather(spansOf, grace, disorder)
        const marks = watermarksOf(events, disorder)
        let state = Windows.make<Ids>(["p", "q"], 0)
        const taken: Array<{ readonly span: Span; readonly event: WindowEvent<number> }> = []
        events.forEach((one, i) => {
          const [before, after] = [marks[i]!, marks[i + 1]!]
          const idsOf = (key: string, span: Span): Ids =>
            taken.filter((other) => other.event.key === key && isSame(other.span, span)).map(({ event }) => event.value)
          const spans = spansOf(one)
          const missed = spans.filter((span) => span.endMillis + grace <= before)
          const expected: Array<unknown> = []
          for (const span of spans.filter((span) => !missed.includes(span))) {
            taken.push({ span, event: one })
            const value = idsOf(one.key, span)
            expected.push({
              _tag: "Update",
              key: one.key,
              ...span,
              value,
              late: span.endMillis <= before,
              replaces: [],
            })
          }
          const windows = new Map(taken.map(({ span, event: { key } }) => [JSON.stringify([key, span]), { key, span }]))
          const moved: Array<unknown> = []
          for (const { key, span } of windows.values()) {
            const pane = { key, ...span, value: idsOf(key, span) }
            if (before < span.endMillis && span.endMillis <= after) moved.push({ _tag: "OnTime", ...pane })
            if (before < span.endMillis + grace && span.endMillis + grace <= after)
              moved.push({ _tag: "Final", ...pane })
          }

          const next = Windows.step<number, Ids>(JSON.parse(JSON.stringify(state)), [one], options)
          state = next.state
          expect(next.emitted.slice(0, expected.length)).toEqual(expected)
          const rest = next.emitted.slice(expected.length)
          expect(rest).toHaveLength(moved.length)
          expect(rest).toEqual(expect.arrayContaining(moved))
          const dues = rest.map((said) => said.endMillis + (said._tag === "Final" ? grace : 0))
          expect(dues).toEqual(dues.toSorted((a, b) => a - b))
          expect(next.side).toEqual(missed.length === 0 ? [] : [{ event: one, reason: "late", missed }])
          const open = [...windows.values()].filter(({ span }) => span.endMillis + grace > after)
          expect(state.keys.reduce((sum, { panes }) => sum + panes.length, 0)).toBe(open.length)
        })
      }),
      { numRuns: 500 },
    )
  })

  it("[log 52] batches and restarts give what one run event by event gives", () => {
    fc.assert(
      fc.property(
        histories,
        shapes,
        settings,
        fc.integer({ min: 1, max: 9 }),
        (history, spansOf, { grace, disorder }, size) => {
          const events = eventsOf(history)
          const options = gather(spansOf, grace, disorder)
          const whole = Windows.step(Windows.make<Ids>(["p", "q"], 0), events, options)
          let state = Windows.make<Ids>(["p", "q"], 0)
          const emitted: Array<unknown> = []
          const side: Array<unknown> = []
          for (let from = 0; from < events.length; from += size) {
            const next = Windows.step<number, Ids>(
              JSON.parse(JSON.stringify(state)),
              events.slice(from, from + size),
              options,
            )
            state = next.state
            emitted.push(...next.emitted)
            side.push(...next.side)
          }
          expect({ state, emitted, side }).toEqual(whole)
          expect(JSON.parse(JSON.stringify(state))).toEqual(state)
        },
      ),
    )
  })
})
