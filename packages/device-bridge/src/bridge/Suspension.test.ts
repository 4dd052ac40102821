/** A bridge that sleeps and wakes with its application. */
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, test } from "vitest"
import { append, bufferPath, count, events, open, serve, server, until } from "../../test/Delivering.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { type AppStateLike, followAppState, followPage } from "../index.ts"
import { smallDisk } from "../verify/SmallDisk.ts"

describe("suspending", () => {
  test("[bridge 42] what was recorded is on the disk before the call returns, long before the deadline", async () => {
    serve()
    const bridge = open()
    await until(() => bridge.status().connected)
    bridge.record("s", "power", 1, 7)
    const began = performance.now()
    const suspended = bridge.suspend({ deadlineMillis: 2_000 })
    // A frozen page runs nothing after its event: the first step must be enough.
    expect(count("chunk")).toBe(1)
    await suspended
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(bridge.status()).toMatchObject({ state: "suspended", connected: false, pendingSamples: 0 })
  })

  test("[bridge 42] a disk that takes nothing is tried again until the deadline, and then it is an error", async () => {
    serve()
    let pages = 1_000
    const bridge = open({ driver: smallDisk(bunSqlite(), () => pages) })
    pages = 1
    for (let at = 0; at < 3_000; at++) bridge.record("s", "power", at, Math.sin(at))
    const began = performance.now()
    await expect(bridge.suspend({ deadlineMillis: 200 })).rejects.toMatchObject({ _tag: "BufferFull" })
    expect(performance.now() - began).toBeGreaterThan(100)
    // A flush that fails takes some milliseconds; the rest is for a busy machine.
    expect(performance.now() - began).toBeLessThan(1_500)
    expect(events.map(({ _tag }) => _tag)).toEqual(["WritingFailed"])
    bridge.resume()
    const second = bridge.suspend({ deadlineMillis: 8_000 })
    await sleep(60)
    pages = 1_000
    await second
    expect(bridge.status()).toMatchObject({ state: "suspended", pendingSamples: 0 })
  })

  test("woken while a flush is still tried, it has one connection, not two", async () => {
    serve()
    let pages = 1_000
    const bridge = open({ driver: smallDisk(bunSqlite(), () => pages) })
    await until(() => bridge.status().connected)
    pages = 1
    for (let at = 0; at < 3_000; at++) bridge.record("s", "power", at, Math.sin(at))
    const suspended = bridge.suspend({ deadlineMillis: 5_000 })
    bridge.resume()
    await suspended
    await until(() => server.hellos.length === 2 && bridge.status().connected)
    await until(() => server.connections === 1)
    pages = 1_000
    await bridge.drained()
    expect(server.values.length).toBe(3_000)
  })

  test("asleep, nothing connects and no timer flushes; what is recorded then is on the disk with its packet", async () => {
    serve()
    const bridge = open({ flushMillis: 20 })
    await bridge.suspend()
    const { length } = server.hellos
    bridge.record("s", "power", 1, 1)
    bridge.record("s", "heartRate", 1, 60)
    bridge.stream({ kind: "tHb", unit: "g/dL" }).record(1, 12)
    await Promise.resolve()
    expect(count("chunk")).toBe(1)
    await sleep(100)
    expect(server.hellos.length).toBe(length)
    expect(bridge.status()).toMatchObject({ state: "suspended", waitingChunks: 1 })
    bridge.recordRaw({ sensor: "s", source: "2A37", atMillis: 1, bytes: Uint8Array.of(0, 60) })
    await Promise.resolve()
    expect(count("packet")).toBe(1)
  })

  test("awake again it delivers, and what it counted goes on", async () => {
    serve()
    const bridge = open()
    await append(bridge, 3)
    await bridge.drained()
    await bridge.suspend()
    await append(bridge, 2)
    let drained = false
    const draining = bridge.drained().then(() => {
      drained = true
    })
    await sleep(50)
    expect(drained).toBe(false)
    bridge.resume()
    bridge.resume()
    await draining
    expect(server.values).toEqual([0, 1, 2, 3, 4])
    expect(bridge.status()).toMatchObject({ deliveredChunks: 5, waitingChunks: 0, state: "connected" })
    expect(bridge.status().lastAckAtMs).toEqual(expect.any(Number))
  })

  test("closing a bridge that sleeps keeps what waits", async () => {
    serve()
    const bridge = open()
    await bridge.suspend()
    bridge.record("s", "power", 1, 7)
    await bridge.close()
    bridge.resume()
    await expect(bridge.suspend()).rejects.toMatchObject({ _tag: "BufferClosed" })
    expect(count("chunk")).toBe(1)
    expect(bufferPath()).toContain("buffer.sqlite")
  })
})

/** Notes what is asked of a bridge. */
const noted = () => {
  const calls: Array<string> = []
  const call = (name: string) => async () => void calls.push(name)
  return { calls, bridge: { flush: call("flush"), suspend: call("suspend"), resume: () => void calls.push("resume") } }
}

test("[bridge 42] it follows a phone's application: inactive flushes, background suspends, active wakes", () => {
  const { bridge, calls } = noted()
  let tell: (state: string) => void = () => {}
  let removed = false
  const appState: AppStateLike = {
    addEventListener: (_, listener) => {
      tell = listener
      return {
        remove: () => {
          removed = true
        },
      }
    },
  }
  const stop = followAppState(bridge, appState)
  for (const state of ["inactive", "background", "active"]) tell(state)
  expect(calls).toEqual(["flush", "suspend", "resume"])
  stop()
  expect(removed).toBe(true)
})

test("[bridge 42] it follows a browser's page: hidden flushes, frozen or left suspends, back wakes", () => {
  const { bridge, calls } = noted()
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" })
  const window = new EventTarget()
  const stop = followPage(bridge, { document, window })
  document.visibilityState = "hidden"
  document.dispatchEvent(new Event("visibilitychange"))
  document.dispatchEvent(new Event("freeze"))
  document.dispatchEvent(new Event("resume"))
  document.visibilityState = "visible"
  document.dispatchEvent(new Event("visibilitychange"))
  window.dispatchEvent(new Event("pagehide"))
  window.dispatchEvent(new Event("pageshow"))
  expect(calls).toEqual(["flush", "suspend", "resume", "resume", "suspend", "resume"])
  stop()
  document.dispatchEvent(new Event("freeze"))
  expect(calls.length).toBe(6)
})
