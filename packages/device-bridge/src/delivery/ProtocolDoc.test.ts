/** The state diagram and the times in docs/protocol.md, held to the state machine. */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { Backoff } from "@paceline/core/kernel"
import type { TelemetryFrame } from "@paceline/core/wire"
import fc from "fast-check"
import { expect, test } from "vitest"
import { initial, step, wakeAt } from "./DeliveryState.ts"
import { type Input, standardLimits as limits } from "./Protocol.ts"

const text = readFileSync(resolve(import.meta.dirname, "../../../../docs/protocol.md"), "utf8")

const own = { incarnation: "own", n: 9 }
const frames: ReadonlyArray<TelemetryFrame.TelemetryFrame> = [
  { _tag: "Welcome", marks: [], window: 4 },
  { _tag: "Ack", incarnation: "own", n: 1 },
  { _tag: "Problem", code: "unavailable", message: "busy" },
  { _tag: "Credit", bytes: 10_000 },
  { _tag: "Heartbeat", echo: true },
]

type Happening = (connection: number) => Input
const single: ReadonlyArray<Happening> = [
  () => ({ _tag: "Start" }),
  () => ({ _tag: "Tick" }),
  (connection) => ({ _tag: "Opened", connection }),
  (connection) => ({ _tag: "Greeted", connection, own }),
  (connection) => ({ _tag: "Lost", connection, reason: "gone" }),
  () => ({ _tag: "Appended", waitingBytes: 70_000 }),
  (connection) => ({
    _tag: "Sent",
    connection,
    chunks: [{ ...own, n: 1, opened: 1, bytes: 10 }],
    congested: false,
    drained: true,
  }),
  (connection) => ({ _tag: "Sent", connection, chunks: [], congested: false, drained: false, untellable: own }),
  () => ({ _tag: "Sensed" }),
  () => ({ _tag: "Hurry" }),
  () => ({ _tag: "Power", power: "low" }),
  () => ({ _tag: "Power", power: "normal" }),
  ...frames.map(
    (frame): Happening =>
      (connection) => ({ _tag: "Received", connection, frame }),
  ),
]

/** What mostly comes together: dialling up to the welcome, and a chunk that is acknowledged; the rest by itself. */
const welcome: ReadonlyArray<Happening> = [
  () => ({ _tag: "Start" }),
  () => ({ _tag: "Tick" }),
  (connection) => ({ _tag: "Opened", connection }),
  (connection) => ({ _tag: "Greeted", connection, own }),
  (connection) => ({ _tag: "Received", connection, frame: { _tag: "Welcome", marks: [], window: 4 } }),
]
const delivered: ReadonlyArray<Happening> = [
  (connection) => ({
    _tag: "Sent",
    connection,
    chunks: [{ ...own, n: 1, opened: 1, bytes: 10 }],
    congested: false,
    drained: true,
  }),
  (connection) => ({ _tag: "Received", connection, frame: { _tag: "Ack", incarnation: "own", n: 1 } }),
]
const happenings = [welcome, delivered, ...single.map((happening) => [happening])]

test("the state diagram shows every way from one state to another, and no other", () => {
  const taken = new Set<string>()
  const note = (from: string, to: string): void => {
    if (from !== to) taken.add(`${from} --> ${to}`)
  }
  const walk = fc.array(fc.tuple(fc.constantFrom(...happenings), fc.constantFrom(0, 100, 70_000)), { maxLength: 40 })
  fc.assert(
    fc.property(walk, (all) => {
      let state = initial
      let now = 0
      for (const [happening, passed] of all.flatMap(([some, wait]) => some.map((one) => [one, wait] as const))) {
        now += passed
        const at = { now, random: 0.5, limits }
        note(state.link._tag, step(state, { _tag: "Stop" }, at).state.link._tag)
        const next = step(state, happening(state.connection), at).state
        note(state.link._tag, next.link._tag)
        state = next
        expect(wakeAt(state, limits) ?? now).not.toBeNaN()
      }
    }),
    { numRuns: 3_000, seed: 20_261_120 },
  )
  const diagram = text.split("stateDiagram-v2")[1]?.split("```")[0] ?? ""
  const drawn = Array.from(diagram.matchAll(/^ {2}(\w+ --> \w+):/gm), ([, arrow]) => arrow)
  expect(drawn.toSorted()).toEqual([...taken].toSorted())
})

test("the times are those of the code", () => {
  const seconds = (millis: number): string => `${millis / 1_000} s`
  expect(text).toContain(`nothing went in one direction for ${seconds(limits.heartbeatMillis)}`)
  expect(text).toContain(`heard nothing for ${seconds(limits.deadMillis)}`)
  expect(text).toContain(`not acknowledged for ${seconds(limits.ackMillis)}`)
  expect(text).toContain(`At most one in ${limits.liveMillis} ms`)
  expect(text).toContain(
    `${Backoff.standard.baseMillis} ms · 2^attempt, at most ${seconds(Backoff.standard.maxMillis)}`,
  )
  expect(text).toContain(`a connection lasted ${seconds(limits.steadyMillis)}`)
  expect(text).toContain(`more than ${limits.maxRetryAfterMillis / 60_000} minutes are not believed`)
  expect(text).toContain(`${limits.gatherMillis / 1_000} s, or ${limits.gatherBytes / 1_024} KiB`)
  expect([limits.webSocketFailures, limits.retryWebSocketMillis]).toEqual([3, 300_000])
  expect(limits.backoff).toEqual(Backoff.standard)
})
