import { LiveFrame } from "@paceline/core/wire"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as Connection from "./Connection.ts"

/** A socket whose other end is the test. */
class FakeSocket {
  static made: Array<FakeSocket> = []
  static refuses = false
  binaryType = "blob"
  closed = false
  readonly sent: Array<LiveFrame.LiveFrame | { _tag: "FrameError" }> = []
  readonly #listeners = new Map<string, (event: { readonly data: unknown }) => void>()

  constructor(_url: string) {
    if (FakeSocket.refuses) throw new Error("not from a page served over https")
    FakeSocket.made.push(this)
  }

  addEventListener(type: string, listener: (event: { readonly data: unknown }) => void): void {
    this.#listeners.set(type, listener)
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    this.sent.push(LiveFrame.decode(data))
  }

  close(): void {
    this.closed = true
  }

  happens(type: "open" | "close" | "message", data: unknown = null): void {
    this.#listeners.get(type)?.({ data })
  }

  says(frame: LiveFrame.LiveFrame): void {
    this.happens("message", LiveFrame.encode(frame).buffer)
  }
}

const snapshot = (seq: number): LiveFrame.Snapshot => ({
  _tag: "Snapshot",
  channel: "a",
  at: { epoch: "e", seq },
  entries: [["k", seq]],
})

const start = () => {
  const contacts: Array<string> = []
  const connection = Connection.open({
    url: "ws://test/v1/live",
    WebSocket: FakeSocket,
    now: Date.now,
    random: () => 0.5,
  })
  const stop = connection.watch("a", ({ contact }) => contacts.push(contact))
  return { contacts, connection, stop }
}

/** A connection that is live. */
const live = async () => {
  const started = start()
  const socket = FakeSocket.made.at(-1)!
  socket.happens("open")
  socket.says(snapshot(1))
  await vi.advanceTimersByTimeAsync(0)
  expect(started.contacts.at(-1)).toBe("live")
  return { ...started, socket }
}

beforeEach(() => {
  vi.useFakeTimers()
  FakeSocket.made = []
  FakeSocket.refuses = false
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("the connection", () => {
  it("asks for binary frames as buffers, which browsers do not give by default", async () => {
    const { socket } = await live()
    expect(socket.binaryType).toBe("arraybuffer")
  })

  it("is given up after 6 s without a frame, closed, and tried again within 100 ms", async () => {
    const { contacts, socket } = await live()
    await vi.advanceTimersByTimeAsync(6_000)
    expect(contacts.at(-1)).toBe("live")
    await vi.advanceTimersByTimeAsync(1)
    expect(contacts.at(-1)).toBe("lost")
    expect(socket.closed).toBe(true)
    await vi.advanceTimersByTimeAsync(100)
    expect(FakeSocket.made).toHaveLength(2)
  })

  it("stays live on heartbeats alone, without telling the same thing twice", async () => {
    const { contacts, socket } = await live()
    for (let second = 0; second < 30; second++) {
      await vi.advanceTimersByTimeAsync(1_000)
      socket.says({ _tag: "Heartbeat", echo: false })
    }
    expect(contacts).toEqual(["live"])
    expect(socket.sent.filter(({ _tag }) => _tag === "Heartbeat")).toHaveLength(30)
  })

  it("gives up an attempt that does not open", async () => {
    start()
    await vi.advanceTimersByTimeAsync(6_101)
    expect(FakeSocket.made.map(({ closed }) => closed)).toEqual([true, false])
  })

  it("is lost, not broken, when the platform refuses to make a socket", async () => {
    FakeSocket.refuses = true
    const { contacts } = start()
    await vi.advanceTimersByTimeAsync(0)
    expect(contacts).toEqual(["lost"])
    FakeSocket.refuses = false
    await vi.advanceTimersByTimeAsync(1_000)
    expect(FakeSocket.made).toHaveLength(1)
  })

  it("does not let one listener's fault keep the others from hearing", async () => {
    const faults: Array<unknown> = []
    vi.stubGlobal("queueMicrotask", (run: () => void) =>
      Promise.resolve()
        .then(run)
        .catch((fault: unknown) => faults.push(fault)),
    )
    const { connection, contacts, socket } = await live()
    connection.watch("a", () => {
      throw new Error("a fault of the page")
    })
    const heard: Array<unknown> = []
    connection.watch("a", ({ channel }) => heard.push(channel.entries.get("k")))
    socket.says(snapshot(2))
    await vi.advanceTimersByTimeAsync(0)
    expect(heard.at(-1)).toBe(2)
    expect(contacts.at(-1)).toBe("live")
    expect(faults.length).toBeGreaterThan(0)
    expect(faults.every((fault) => fault instanceof Error && fault.message === "a fault of the page")).toBe(true)
  })

  it("leaves no timer and no socket behind when it is closed", async () => {
    const { connection, socket } = await live()
    connection.close()
    expect(socket.closed).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe("on a page", () => {
  const page = () => {
    const document = Object.assign(new EventTarget(), { visibilityState: "visible" })
    const window = new EventTarget()
    vi.stubGlobal("document", document)
    vi.stubGlobal("window", window)
    return { document, window }
  }

  it("that comes to the front, a waiting connection is tried at once", async () => {
    const { document } = page()
    const { socket } = await live()
    socket.happens("close")
    expect(FakeSocket.made).toHaveLength(1)
    document.visibilityState = "hidden"
    document.dispatchEvent(new Event("visibilitychange"))
    expect(FakeSocket.made).toHaveLength(1)
    document.visibilityState = "visible"
    document.dispatchEvent(new Event("visibilitychange"))
    expect(FakeSocket.made).toHaveLength(2)
  })

  it("that slept through its timers, the old connection is not believed", async () => {
    const { document } = page()
    const { contacts, socket } = await live()
    vi.setSystemTime(Date.now() + 60_000)
    document.dispatchEvent(new Event("visibilitychange"))
    await vi.advanceTimersByTimeAsync(0)
    expect(contacts.at(-1)).toBe("lost")
    expect(socket.closed).toBe(true)
  })

  it.each(["online", "offline"])("that goes %s, the connection is begun anew", async (event) => {
    const { window } = page()
    const { contacts, socket } = await live()
    window.dispatchEvent(new Event(event))
    await vi.advanceTimersByTimeAsync(0)
    expect(contacts.at(-1)).toBe("lost")
    expect(socket.closed).toBe(true)
    expect(FakeSocket.made).toHaveLength(2)
  })

  it("nothing is heard after the client was closed", async () => {
    const { window } = page()
    const { connection } = await live()
    connection.close()
    window.dispatchEvent(new Event("online"))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(FakeSocket.made).toHaveLength(1)
  })
})
