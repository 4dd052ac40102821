/** What the state machine makes of gaps, credit, keys that change, a server that asks for peace, HTTP, and low power. */
import { TelemetryFrame } from "@paceline/core/wire"
import { describe, expect, test } from "vitest"
import { type DeliveryState, initial, step, wakeAt } from "./DeliveryState.ts"
import { type Command, type Input, standardLimits as limits, type SentChunk } from "./Protocol.ts"

const machine = (renewsKey = false) => {
  let state: DeliveryState = initial
  const at = { now: 0, random: 0.5, limits, renewsKey }
  const give = (input: Input): ReadonlyArray<Command> => {
    const result = step(state, input, at)
    state = result.state
    return result.commands
  }
  const receive = (frame: TelemetryFrame.TelemetryFrame) =>
    give({ _tag: "Received", connection: state.connection, frame })
  return {
    at,
    give,
    receive,
    get state() {
      return state
    },
    get waits(): number {
      return state.link._tag === "Waiting" ? state.link.until - at.now : Number.NaN
    },
    sent: (chunks: ReadonlyArray<SentChunk>, more: Partial<Extract<Input, { _tag: "Sent" }>> = {}) =>
      give({ _tag: "Sent", connection: state.connection, chunks, congested: false, drained: false, ...more }),
    lose: () => give({ _tag: "Lost", connection: state.connection, reason: "gone" }),
    /** Time goes on to the next thing to do. */
    wake: () => {
      at.now = Math.max(at.now, wakeAt(state, limits) ?? at.now)
      return give({ _tag: "Tick" })
    },
    /** Up to a welcome. */
    connect: (welcome: Partial<TelemetryFrame.Welcome> = {}): ReadonlyArray<Command> => {
      if (state.link._tag === "Idle") give({ _tag: "Start" })
      if (state.link._tag === "Waiting") {
        at.now = state.link.until
        give({ _tag: "Tick" })
      }
      give({ _tag: "Opened", connection: state.connection })
      give({ _tag: "Greeted", connection: state.connection, own: { incarnation: "own", n: 9 } })
      return receive({ _tag: "Welcome", marks: [], window: 8, ...welcome })
    },
  }
}

const chunk = (n: number, bytes = 1_000): SentChunk => ({ incarnation: "own", n, opened: 1, bytes })
const ack = (n: number) => ({ _tag: "Ack", incarnation: "own", n }) as const
const appended = (waitingBytes = 1_000) => ({ _tag: "Appended", waitingBytes }) as const
const { features } = TelemetryFrame

describe("gaps", () => {
  test("are sent to a server that says it knows them, and not to any other", () => {
    expect(machine().connect({ speaks: [features.gap] })).toMatchObject([{ _tag: "SendChunks", gaps: true }])
    expect(machine().connect({ speaks: ["something else"] })).toMatchObject([{ _tag: "SendChunks", gaps: false }])
    expect(machine().connect()).toMatchObject([{ _tag: "SendChunks", gaps: false }])
  })

  test("a server of before there were gaps hears of one by a new hello, when all before it is stored", () => {
    const m = machine()
    m.connect()
    m.sent([chunk(1)], { untellable: { incarnation: "own", n: 5 } })
    expect(m.receive(ack(1))).toMatchObject([{ _tag: "Acknowledge" }, { _tag: "SendChunks" }])
    expect(m.sent([], { untellable: { incarnation: "own", n: 5 } })).toEqual([
      { _tag: "Acknowledge", incarnation: "own", n: 5 },
      { _tag: "HangUp" },
      { _tag: "Dial", connection: 2, transport: "websocket" },
    ])
  })
})

describe("credit", () => {
  test("[bridge 19] no more bytes go out than the server allows; with more credit they go on at once", () => {
    const m = machine()
    expect(m.connect({ credit: 1_500 })).toMatchObject([{ _tag: "SendChunks", budgetBytes: 1_500 }])
    m.sent([chunk(1)])
    expect(m.give(appended())).toMatchObject([{ _tag: "SendChunks", budgetBytes: 500 }])
    m.sent([chunk(2)])
    expect(m.give(appended())).toEqual([])
    // An acknowledgement alone makes no room.
    expect(m.receive(ack(2))).toEqual([{ _tag: "Acknowledge", incarnation: "own", n: 2 }])
    expect(m.receive({ _tag: "Credit", bytes: 3_000 })).toMatchObject([{ _tag: "SendChunks", budgetBytes: 1_000 }])
    expect(m.receive({ _tag: "Credit", bytes: 2_000 })).toEqual([])
  })

  test("[bridge 19] a server without credit for this bridge is waited for, alive, however long", () => {
    const m = machine()
    expect(m.connect({ credit: 0 })).toEqual([])
    for (let i = 0; i < 1_000; i++) {
      expect(m.give(appended())).toEqual([])
      m.wake()
      m.receive({ _tag: "Heartbeat", echo: true })
    }
    expect(m.state.link._tag).toBe("Streaming")
  })

  test("[bridge 20] live frames need no credit", () => {
    const m = machine()
    m.connect({ credit: 0 })
    expect(m.give({ _tag: "Sensed" })).toEqual([{ _tag: "SendLive" }])
  })

  test("credit of one connection is worth nothing on the next", () => {
    const m = machine()
    m.connect({ credit: 9_000 })
    m.lose()
    expect(m.connect({ credit: 10 })).toMatchObject([{ _tag: "SendChunks", budgetBytes: 10 }])
  })
})

describe("a refused key", () => {
  const refuse = { _tag: "Problem", code: "unauthorized", message: "no" } as const

  test("[bridge 17] that can be renewed is: soon, and without troubling people", () => {
    const m = machine(true)
    m.connect()
    m.receive(refuse)
    expect(m.state.link).toMatchObject({ _tag: "Waiting", refused: false })
    expect(m.waits).toBe(50)
    m.connect()
    expect(m.state).toMatchObject({ keyRefused: false, problem: null })
  })

  test("[bridge 17] that was renewed in vain is a refusal like any other: said, and asked again slowly", () => {
    const m = machine(true)
    m.connect()
    m.receive(refuse)
    m.wake()
    m.give({ _tag: "Opened", connection: m.state.connection })
    m.receive(refuse)
    expect(m.state.link).toMatchObject({ _tag: "Waiting", refused: true })
    expect(m.waits).toBe(7_500)
  })

  test("whoever does not give one is asked again with backoff, and no transport is blamed for it", () => {
    const m = machine(true)
    m.give({ _tag: "Start" })
    m.give({ _tag: "Lost", connection: 1, reason: "the key store is locked", code: "no-key" })
    expect(m.state).toMatchObject({ problem: { code: "no-key" }, choice: { blocked: 0 } })
    expect(m.waits).toBe(50)
  })
})

describe("a server that asks to be left alone", () => {
  test("[bridge 17] is, for as long as it asked and some more, spread by chance; then all goes on", () => {
    const m = machine()
    m.connect()
    m.sent([chunk(1)])
    const commands = m.receive({ _tag: "Problem", code: "unavailable", message: "busy", retryAfterMillis: 8_000 })
    expect(commands).toEqual([{ _tag: "HangUp" }])
    expect(m.waits).toBe(8_000 * 1.125 + 50)
    expect(m.connect()).toMatchObject([{ _tag: "SendChunks", after: null }])
  })

  test("[bridge 17] so is one that answers the WebSocket with 429 or 503", () => {
    const m = machine()
    m.give({ _tag: "Start" })
    m.give({ _tag: "Lost", connection: 1, reason: "HTTP 429", code: "unavailable", retryAfterMillis: 3_000 })
    expect(m.waits).toBe(3_000 * 1.125 + 50)
    expect(m.state.choice).toEqual({ blocked: 0, webSocketAt: null })
  })

  test("is not believed when it asks for a week", () => {
    const m = machine()
    m.connect()
    m.receive({ _tag: "Problem", code: "unavailable", message: "busy", retryAfterMillis: 7 * 86_400_000 })
    expect(m.waits).toBeLessThan(limits.maxRetryAfterMillis * 1.5)
  })
})

describe("HTTP", () => {
  const blocked = () => {
    const m = machine()
    m.give({ _tag: "Start" })
    for (let i = 0; i < 3; i++) {
      m.lose()
      m.wake()
    }
    return m
  }

  test("[bridge 15] takes over where no WebSocket opens, and gives back when one does", () => {
    const m = blocked()
    expect(m.state).toMatchObject({ transport: "http", link: { _tag: "Dialling" } })
    m.connect()
    expect(m.state).toMatchObject({ transport: "http", problem: null, link: { _tag: "Streaming" } })
    m.at.now += 400_000
    expect(m.give({ _tag: "Tick" })).toEqual([
      { _tag: "HangUp" },
      { _tag: "Dial", connection: m.state.connection, transport: "websocket" },
    ])
    m.connect()
    expect(m.state).toMatchObject({ transport: "websocket", choice: { blocked: 0, webSocketAt: null } })
  })

  test("[bridge 15] goes on soon when a WebSocket that was tried failed", () => {
    const m = blocked()
    m.connect()
    m.at.now += 400_000
    m.give({ _tag: "Tick" })
    m.lose()
    expect(m.waits).toBeLessThanOrEqual(100)
    m.wake()
    expect(m.state).toMatchObject({ transport: "http", link: { _tag: "Dialling" } })
  })

  test("a connection that was lost after its welcome says nothing against WebSockets", () => {
    const m = machine()
    for (let i = 0; i < 9; i++) {
      m.connect()
      m.lose()
    }
    m.wake()
    expect(m.state).toMatchObject({ transport: "websocket", choice: { blocked: 0 } })
  })

  test("nor does a server that refuses this device", () => {
    const m = machine()
    m.give({ _tag: "Start" })
    for (let i = 0; i < 9; i++) {
      m.give({ _tag: "Opened", connection: m.state.connection })
      m.receive({ _tag: "Problem", code: "unauthorized", message: "no" })
      m.wake()
    }
    expect(m.state.transport).toBe("websocket")
  })

  test("shows live readings a second apart", () => {
    const m = blocked()
    m.connect()
    expect(m.give({ _tag: "Sensed" })).toEqual([{ _tag: "SendLive" }])
    m.at.now += 100
    expect(m.give({ _tag: "Sensed" })).toEqual([])
    expect(wakeAt(m.state, limits)).toBe(m.at.now + 900)
    m.at.now += 900
    expect(m.give({ _tag: "Tick" })).toEqual([{ _tag: "SendLive" }])
  })
})

describe("low power", () => {
  const resting = () => {
    const m = machine()
    m.give({ _tag: "Power", power: "low" })
    m.connect()
    m.sent([chunk(1)], { drained: true })
    return m
  }

  test("[bridge 40] hangs up when all is stored, and not before", () => {
    const m = resting()
    expect(m.state.link._tag).toBe("Streaming")
    expect(m.receive(ack(1))).toEqual([{ _tag: "Acknowledge", incarnation: "own", n: 1 }, { _tag: "HangUp" }])
    expect(m.state).toMatchObject({ link: { _tag: "Resting", until: null }, problem: null })
    expect(wakeAt(m.state, limits)).toBe(null)
  })

  test("[bridge 40] then gathers for a minute from the first chunk on", () => {
    const m = resting()
    m.receive(ack(1))
    m.at.now = 5_000
    expect(m.give(appended())).toEqual([])
    m.at.now = 64_000
    expect(m.give(appended())).toEqual([])
    expect(wakeAt(m.state, limits)).toBe(65_000)
    expect(m.wake()).toMatchObject([{ _tag: "Dial" }])
  })

  test("[bridge 40] or until 64 KiB wait", () => {
    const m = resting()
    m.receive(ack(1))
    expect(m.give(appended(64 * 1024 - 1))).toEqual([])
    expect(m.give(appended(64 * 1024))).toMatchObject([{ _tag: "Dial" }])
  })

  test("connects at once for whoever waits for delivery, or when there is power again", () => {
    const m = resting()
    m.receive(ack(1))
    expect(m.give({ _tag: "Hurry" })).toEqual([])
    m.give(appended())
    expect(m.give({ _tag: "Hurry" })).toMatchObject([{ _tag: "Dial" }])
    const other = resting()
    other.receive(ack(1))
    expect(other.give({ _tag: "Power", power: "normal" })).toMatchObject([{ _tag: "Dial" }])
  })

  test("searches seldom for a server that is away", () => {
    const m = machine()
    m.give({ _tag: "Power", power: "low" })
    m.give({ _tag: "Start" })
    m.lose()
    expect(m.waits).toBe(45_000)
    // With power again it is looked for as often as ever.
    m.at.now += 1_000
    m.give({ _tag: "Power", power: "normal" })
    expect(wakeAt(m.state, limits)).toBe(m.at.now + limits.backoff.maxMillis)
    m.at.now += limits.backoff.maxMillis - 1
    m.give({ _tag: "Power", power: "normal" })
    expect(wakeAt(m.state, limits)).toBe(m.at.now + 1)
  })

  test("power again is no reason to ask a server sooner that asked for peace", () => {
    const m = machine()
    m.give({ _tag: "Power", power: "low" })
    m.connect()
    m.receive({ _tag: "Problem", code: "unavailable", message: "busy", retryAfterMillis: 300_000 })
    const until = wakeAt(m.state, limits)
    expect(until).toBeGreaterThanOrEqual(300_000)
    m.give({ _tag: "Power", power: "normal" })
    expect(wakeAt(m.state, limits)).toBe(until)
  })
})
