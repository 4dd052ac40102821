import type { TelemetryFrame } from "@paceline/core/wire"
import { describe, expect, test } from "vitest"
import { type DeliveryState, initial, step, wakeAt } from "./DeliveryState.ts"
import { type Command, type Input, type SentChunk, standardLimits } from "./Protocol.ts"

const limits = standardLimits

/** A machine with a clock that stands still until told, and no luck in its jitter. */
const machine = () => {
  let state: DeliveryState = initial
  const at = { now: 0, random: 0.5, limits }
  return {
    at,
    get state() {
      return state
    },
    give: (input: Input): ReadonlyArray<Command> => {
      const result = step(state, input, at)
      state = result.state
      return result.commands
    },
    receive(frame: TelemetryFrame.TelemetryFrame, connection = state.connection): ReadonlyArray<Command> {
      return this.give({ _tag: "Received", connection, frame })
    },
    send(chunks: ReadonlyArray<SentChunk>, congested = false, drained = false): ReadonlyArray<Command> {
      return this.give({ _tag: "Sent", connection: state.connection, chunks, congested, drained })
    },
    /** Up to a welcome that allows `window` chunks on their way. */
    connect(window = 4, marks: TelemetryFrame.Welcome["marks"] = []): ReadonlyArray<Command> {
      if (state.link._tag === "Idle") this.give({ _tag: "Start" })
      if (state.link._tag === "Waiting") {
        at.now = state.link.until
        this.give({ _tag: "Tick" })
      }
      this.give({ _tag: "Opened", connection: state.connection })
      this.give({ _tag: "Greeted", connection: state.connection, own: { incarnation: "own", n: 9 } })
      return this.receive({ _tag: "Welcome", marks, window })
    },
  }
}

const chunk = (n: number, bytes = 1_000): SentChunk => ({ incarnation: "own", n, opened: 1, bytes })
const budgetBytes = expect.any(Number)
const gaps = false
const appended = { _tag: "Appended", waitingBytes: 1_000 } as const
const waitMillis = ({ state, at }: ReturnType<typeof machine>): number =>
  state.link._tag === "Waiting" ? state.link.until - at.now : Number.NaN

describe("a conversation", () => {
  test("dials, greets, drops what the welcome says is stored, then sends from the oldest that waits", () => {
    const m = machine()
    expect(m.give({ _tag: "Start" })).toEqual([{ _tag: "Dial", connection: 1, transport: "websocket" }])
    expect(m.give({ _tag: "Opened", connection: 1 })).toEqual([{ _tag: "SendHello" }])
    m.give({ _tag: "Greeted", connection: 1, own: { incarnation: "own", n: 9 } })
    const marks = [
      { incarnation: "old", mark: 7 },
      { incarnation: "own", mark: 0 },
    ]
    expect(m.receive({ _tag: "Welcome", marks, window: 4 })).toEqual([
      { _tag: "Acknowledge", incarnation: "old", n: 7 },
      { _tag: "SendChunks", after: null, limit: 4, budgetBytes, gaps },
    ])
  })

  test("the window closes with what is sent and opens with what is acknowledged, cumulatively", () => {
    const m = machine()
    m.connect(3)
    m.send([chunk(1), chunk(2), chunk(3)])
    expect(m.give(appended)).toEqual([])
    expect(m.receive({ _tag: "Ack", incarnation: "own", n: 2 })).toEqual([
      { _tag: "Acknowledge", incarnation: "own", n: 2 },
      { _tag: "SendChunks", after: { opened: 1, n: 3 }, limit: 2, budgetBytes, gaps },
    ])
  })

  test("[bridge 19] no credits: nothing is sent, however much is appended", () => {
    const m = machine()
    expect(m.connect(0)).toEqual([])
    for (let i = 0; i < 5; i++) expect(m.give(appended)).toEqual([])
  })

  test("a quarantined chunk leaves the window without acknowledging what came before it", () => {
    const m = machine()
    m.connect(2)
    m.send([chunk(1), chunk(2)])
    expect(m.receive({ _tag: "Quarantined", incarnation: "own", n: 2, reason: "crc" })).toEqual([
      { _tag: "Quarantine", incarnation: "own", n: 2, reason: "crc" },
      { _tag: "SendChunks", after: { opened: 1, n: 2 }, limit: 1, budgetBytes, gaps },
    ])
    expect(m.state.link).toMatchObject({ inFlight: [{ incarnation: "own", n: 1 }] })
  })

  test("a socket that takes no more is left alone for a while", () => {
    const m = machine()
    m.connect(4)
    m.send([chunk(1)], true)
    expect(m.give(appended)).toEqual([])
    expect(wakeAt(m.state, limits)).toBe(m.at.now + limits.congestedMillis)
    m.at.now += limits.congestedMillis
    expect(m.give({ _tag: "Tick" })).toEqual([
      { _tag: "SendChunks", after: { opened: 1, n: 1 }, limit: 3, budgetBytes, gaps },
    ])
  })

  test("no more bytes are on their way than the budget allows, but one chunk always may be", () => {
    const m = machine()
    m.connect(100)
    m.send([chunk(1, 60_000)])
    expect(m.give(appended)).toMatchObject([{ _tag: "SendChunks", budgetBytes: 2 * 32_768 - 60_000 }])
    m.send([chunk(2, 900_000)])
    expect(m.give(appended)).toEqual([])
    m.at.now += 1_000
    m.receive({ _tag: "Ack", incarnation: "own", n: 1 })
    expect(m.receive({ _tag: "Ack", incarnation: "own", n: 2 })).toContainEqual({
      _tag: "SendChunks",
      after: { opened: 1, n: 2 },
      limit: 100,
      budgetBytes: 32_768,
      gaps,
    })
  })

  test("[bridge 20] live frames do not wait for the backlog, and are at most one in 100 ms", () => {
    const m = machine()
    m.connect(1)
    m.send([chunk(1)])
    expect(m.give({ _tag: "Sensed" })).toEqual([{ _tag: "SendLive" }])
    m.at.now += 40
    expect(m.give({ _tag: "Sensed" })).toEqual([])
    expect(m.give({ _tag: "Tick" })).toEqual([])
    expect(wakeAt(m.state, limits)).toBe(100 + m.at.now - 40)
    m.at.now += 60
    expect(m.give({ _tag: "Tick" })).toEqual([{ _tag: "SendLive" }])
    m.at.now += 100
    expect(m.give({ _tag: "Tick" })).toEqual([])
  })

  test("stopping hangs up, and nothing is answered any more", () => {
    const m = machine()
    m.connect()
    expect(m.give({ _tag: "Stop" })).toEqual([{ _tag: "HangUp" }])
    expect(m.receive({ _tag: "Heartbeat", echo: false })).toEqual([])
    expect(wakeAt(m.state, limits)).toBe(null)
  })
})

describe("liveness", () => {
  test("a heartbeat is answered at once, an answer is not", () => {
    const m = machine()
    m.connect()
    expect(m.receive({ _tag: "Heartbeat", echo: false })).toEqual([{ _tag: "SendHeartbeat", echo: true }])
    expect(m.receive({ _tag: "Heartbeat", echo: true })).toEqual([])
  })

  test("[bridge 16] a half-open connection: asked after 5 s of silence, given up after 12 s", () => {
    const m = machine()
    m.connect()
    const since = m.at.now
    expect(wakeAt(m.state, limits)).toBe(since + 5_000)
    m.at.now = since + 5_000
    expect(m.give({ _tag: "Tick" })).toEqual([{ _tag: "SendHeartbeat", echo: false }])
    m.at.now = since + 11_999
    expect(m.give({ _tag: "Tick" })).toEqual([{ _tag: "SendHeartbeat", echo: false }])
    m.at.now = since + 12_000
    expect(m.give({ _tag: "Tick" })).toEqual([{ _tag: "HangUp" }])
    expect(m.state.problem).toEqual({ code: "dead", message: "Nothing was heard from the server for 12 s." })
  })

  test("talking does not hide that nothing is heard: live frames alone keep no connection alive", () => {
    const m = machine()
    m.connect()
    for (let i = 0; i < 120; i++) {
      m.at.now += 100
      m.give({ _tag: "Sensed" })
      m.give({ _tag: "Tick" })
    }
    expect(m.state.link._tag).toBe("Waiting")
  })

  test("any frame keeps it alive, but chunks that nobody acknowledges end it after 20 s", () => {
    const m = machine()
    m.connect()
    m.send([chunk(1)])
    for (let i = 0; i < 19; i++) {
      m.at.now += 1_000
      m.receive({ _tag: "Heartbeat", echo: true })
      // That more is sent changes nothing about it.
      if (i % 9 === 0) m.send([chunk(2 + i)])
      m.give({ _tag: "Tick" })
    }
    expect(m.state.link._tag).toBe("Streaming")
    m.at.now += 1_000
    m.receive({ _tag: "Heartbeat", echo: true })
    expect(m.give({ _tag: "Tick" })).toEqual([{ _tag: "HangUp" }])
    expect(m.state.problem?.message).toBe("Nothing was acknowledged from the server for 20 s.")
  })

  test.each(["Dialling", "Greeting"])("%s may take 12 s", (phase) => {
    const m = machine()
    m.give({ _tag: "Start" })
    if (phase === "Greeting") m.give({ _tag: "Opened", connection: 1 })
    expect(m.state.link._tag).toBe(phase)
    m.at.now = 11_999
    expect(m.give({ _tag: "Tick" })).toEqual([])
    m.at.now = 12_000
    expect(m.give({ _tag: "Tick" })).toEqual([{ _tag: "HangUp" }])
  })
})

describe("failures", () => {
  test("[bridge 17] the wait doubles with each failure up to 10 s, full jitter, and nothing is written for it", () => {
    const m = machine()
    m.connect()
    const waits: Array<number> = []
    for (let i = 0; i < 9; i++) {
      const commands = m.receive({ _tag: "Problem", code: "unavailable", message: "disk full" })
      expect(commands).toEqual([{ _tag: "HangUp" }])
      waits.push(waitMillis(m))
      m.connect()
    }
    expect(waits).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
    // A fleet that was sent away together comes back spread over all of the wait.
    const spread = [0, 0.25, 0.75, 0.999].map((random) => {
      m.at.random = random
      m.receive({ _tag: "Problem", code: "unavailable", message: "disk full" })
      const wait = waitMillis(m)
      m.connect()
      return wait
    })
    expect(spread).toEqual([0, 2_500, 7_500, 9_990])
  })

  test("the backoff starts anew when something was stored, or when the connection lasted", () => {
    const m = machine()
    const loseAfter = (happening: () => void): number => {
      m.connect()
      happening()
      m.give({ _tag: "Lost", connection: m.state.connection, reason: "gone" })
      return waitMillis(m)
    }
    expect([loseAfter(() => {}), loseAfter(() => {}), loseAfter(() => {})]).toEqual([50, 100, 200])
    const acknowledge = (): void => {
      m.send([chunk(1)])
      m.receive({ _tag: "Ack", incarnation: "own", n: 1 })
    }
    expect([loseAfter(acknowledge), loseAfter(() => {})]).toEqual([50, 100])
    const last = (): void => {
      m.at.now += 10_000
    }
    expect([loseAfter(last), loseAfter(() => {})]).toEqual([50, 100])
  })

  test("superseded: mostly by its own former connection, so it comes back in a second or two, not at once", () => {
    const m = machine()
    m.connect()
    m.receive({ _tag: "Problem", code: "superseded", message: "another" })
    expect(m.state.link).toMatchObject({ _tag: "Waiting", refused: false })
    expect(waitMillis(m)).toBe(1_500)
  })

  test.each(["unauthorized", "unknown-version"] as const)("%s: it says so and asks again slowly", (code) => {
    const m = machine()
    m.connect()
    m.receive({ _tag: "Problem", code, message: "no" })
    expect(m.state.problem).toEqual({ code, message: "no" })
    expect(m.state.link).toMatchObject({ _tag: "Waiting", refused: true })
    expect(waitMillis(m)).toBe(7_500)
    m.connect()
    expect(m.state.problem).toBe(null)
  })

  test("a frame of a version that this bridge does not speak is such a refusal too", () => {
    const m = machine()
    m.connect()
    const frame = { _tag: "FrameError", reason: "unknown-version", detail: "frame version 2" } as const
    m.give({ _tag: "Received", connection: m.state.connection, frame })
    expect(m.state.problem).toMatchObject({ code: "unknown-version", message: expect.stringContaining("version 2") })
    expect(m.state.link).toMatchObject({ refused: true })
  })

  test("[bridge 12] out of order: a new connection, a new hello, and again from the oldest", () => {
    const m = machine()
    m.connect()
    m.send([chunk(1), chunk(2)])
    expect(m.receive({ _tag: "Problem", code: "out-of-order", message: "expected 1" })).toEqual([{ _tag: "HangUp" }])
    expect(m.connect()).toEqual([{ _tag: "SendChunks", after: null, limit: 4, budgetBytes, gaps }])
  })

  test.each<[string, TelemetryFrame.TelemetryFrame]>([
    ["an acknowledgement beyond what was sent", { _tag: "Ack", incarnation: "own", n: 3 }],
    ["one of an incarnation that was never sent", { _tag: "Ack", incarnation: "other", n: 1 }],
    ["a quarantine beyond what was sent", { _tag: "Quarantined", incarnation: "own", n: 3, reason: "crc" }],
  ])("[bridge 13] %s is refused: nothing is deleted, the connection ends", (_, frame) => {
    const m = machine()
    m.connect()
    m.send([chunk(1), chunk(2)])
    expect(m.receive(frame)).toEqual([{ _tag: "HangUp" }])
    expect(m.state.problem?.message).toContain("Nothing was deleted")
  })

  test("[bridge 13] so is a welcome that claims more of this opening than was ever appended", () => {
    const m = machine()
    expect(m.connect(4, [{ incarnation: "own", mark: 10 }])).toEqual([{ _tag: "HangUp" }])
    expect(m.connect(4, [{ incarnation: "own", mark: 9 }])).toContainEqual({
      _tag: "Acknowledge",
      incarnation: "own",
      n: 9,
    })
  })

  test("but of an older opening it may claim more: this buffer may be a restored backup", () => {
    const m = machine()
    expect(m.connect(4, [{ incarnation: "older", mark: 99 }])).toContainEqual({
      _tag: "Acknowledge",
      incarnation: "older",
      n: 99,
    })
  })

  test("[bridge 13] a stale acknowledgement is harmless: from an old connection, or of what is gone", () => {
    const m = machine()
    m.connect()
    m.send([chunk(1), chunk(2)])
    m.receive({ _tag: "Ack", incarnation: "own", n: 2 })
    expect(m.receive({ _tag: "Ack", incarnation: "own", n: 1 })).toEqual([])
    const old = m.state.connection
    m.give({ _tag: "Lost", connection: old, reason: "gone" })
    m.connect()
    const before = m.state
    expect(m.receive({ _tag: "Ack", incarnation: "own", n: 2 }, old)).toEqual([])
    expect(m.give({ _tag: "Lost", connection: old, reason: "again" })).toEqual([])
    expect(m.state).toBe(before)
  })

  test.each(["Welcome", "Hello", "Chunk", "Live"])("a %s in the middle of the stream breaks it", (tag) => {
    const m = machine()
    m.connect()
    const frames: ReadonlyArray<TelemetryFrame.TelemetryFrame> = [
      { _tag: "Welcome", marks: [], window: 1 },
      { _tag: "Hello", deviceId: "d", key: "k", waiting: [] },
      { _tag: "Chunk", incarnation: "own", n: 1, crc: 0, payload: new Uint8Array() },
      { _tag: "Live", sensedAtMs: 0, payload: new Uint8Array() },
    ]
    expect(m.receive(frames.find((frame) => frame._tag === tag)!)).toEqual([{ _tag: "HangUp" }])
    expect(m.state.problem?.code).toBe("protocol")
  })
})
