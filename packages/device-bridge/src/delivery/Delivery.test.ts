/** The bridge against a real WebSocket server: what goes well, and what a server cannot or will not do. */
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, test } from "vitest"
import {
  all,
  append,
  bufferPath,
  count,
  events,
  network,
  open,
  quick,
  serve,
  server,
  until,
} from "../../test/Delivering.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { directLine } from "../verify/DirectLine.ts"
import { SimulatedServer } from "../verify/SimulatedServer.ts"
import type { Dial } from "./Connection.ts"

describe("a good network", () => {
  test("everything arrives, in order, as it was appended, and the buffer is empty", async () => {
    serve()
    const bridge = open()
    await append(bridge, 60)
    await bridge.drained()
    expect(server.values).toEqual(all())
    expect(server.redeliveries).toBe(0)
    expect(server.mostUnacknowledged).toBeLessThanOrEqual(server.behaviour.window)
    expect(bridge.status()).toMatchObject({
      connected: true,
      transport: "websocket",
      state: "connected",
      recordedSamples: 60,
      pendingSamples: 0,
      waitingChunks: 0,
      waitingBytes: 0,
      oldestWaitingAtMs: null,
      deliveredChunks: 60,
      quarantinedChunks: 0,
      lastAckAtMs: expect.any(Number),
      lastProblem: null,
    })
  })

  test("the hello names the device, its key and what waits, oldest incarnation first", async () => {
    serve()
    for (let restart = 0; restart < 3; restart++) {
      const bridge = open({ url: "ws://127.0.0.1:9" })
      await append(bridge, 2)
      await bridge.close()
    }
    const bridge = open()
    await bridge.drained()
    expect(server.hellos[0]).toMatchObject({ deviceId: "gateway-1", key: "secret" })
    expect(server.hellos[0]?.waiting.map(({ first }) => first)).toEqual([1, 1, 1])
    expect(server.values).toEqual(all())
  })

  test("live frames carry the newest reading of each stream, no more than one in 100 ms", async () => {
    serve()
    const bridge = open()
    await until(() => bridge.status().connected)
    const began = Date.now()
    for (let beat = 0; beat < 60; beat++) {
      bridge.record("strap-01", "heartRate", began + beat * 5, 100 + beat)
      bridge.record("strap-02", "heartRate", began + beat * 5, 60)
      bridge.record("strap-02", "altitude", began + beat * 5, 60)
      await sleep(5)
    }
    await until(() => server.live.at(-1)?.bundle.find((block) => block.sensor === "strap-01")?.values[0] === 159)
    const took = Date.now() - began
    expect(server.live.length).toBeLessThanOrEqual(took / 100 + 1)
    expect(server.live.length).toBeGreaterThan(2)
    const late = server.live.map(({ atMs, sensedAtMs }) => atMs - sensedAtMs).toSorted((a, b) => a - b)
    expect(late[Math.floor(late.length / 2)]).toBeLessThan(150)
    for (const { bundle } of server.live) {
      for (const block of bundle) expect([block.kind, block.values.length]).toEqual(["heartRate", 1])
    }
  })

  test("what was sensed while nobody could see it is not shown as new later", async () => {
    serve({ key: "other" })
    const bridge = open()
    bridge.record("strap-01", "heartRate", 1, 99)
    await until(() => bridge.status().state === "refused")
    server.behaviour.key = "secret"
    await until(() => bridge.status().connected)
    bridge.record("strap-02", "heartRate", 2, 77)
    await until(() => server.live.length > 0)
    expect(server.live[0]?.bundle).toEqual([{ sensor: "strap-02", kind: "heartRate", atMillis: [2], values: [77] }])
  })

  test("what was to be shown when the line was cut is let go, and the next line shows what is new", async () => {
    serve()
    const bridge = open({ limits: { ...quick, liveMillis: 500 } })
    await until(() => bridge.status().connected)
    bridge.record("s", "heartRate", 1, 60)
    await until(() => server.live.length === 1)
    // Within the half second after a live frame it waits.
    bridge.record("s", "heartRate", 2, 61)
    server.dropAll()
    await until(() => server.hellos.length === 2 && bridge.status().connected)
    bridge.record("s", "power", 3, 200)
    await until(() => server.live.length === 2)
    expect(server.live[1]?.bundle).toEqual([{ sensor: "s", kind: "power", atMillis: [3], values: [200] }])
  })

  test("what was acknowledged just before the line was cut is not named as waiting by the next hello", async () => {
    serve()
    const other = new SimulatedServer()
    const bridge = open({
      dial: directLine(other),
      limits: { ...quick, backoff: { baseMillis: 1, maxMillis: 1, factor: 1 } },
    })
    await until(() => bridge.status().connected)
    // The acknowledgement is on its way before the cut.
    other.onChunk = () => setTimeout(() => other.dropAll(), 0)
    await append(bridge, 1)
    await until(() => other.hellos.length > 1)
    expect(other.hellos[1]?.waiting).toEqual([])
    expect(other.redeliveries).toBe(0)
  })

  test("a socket that holds much already is given no more until it has sent some", async () => {
    serve()
    const other = new SimulatedServer()
    let held = 0
    const dial: Dial = async (url, events) => {
      const line = await directLine(other)(url, events)
      return {
        send: (bytes) => line.send(bytes),
        hangUp: () => line.hangUp(),
        get bufferedBytes() {
          return held
        },
      }
    }
    const bridge = open({ dial })
    await until(() => bridge.status().connected)
    held = 65_537
    await append(bridge, 3)
    await sleep(80)
    expect(other.stored.length).toBe(0)
    held = 0
    await bridge.drained()
    expect(other.stored.length).toBe(3)
  })

  test("a server and a bridge with nothing to say stay connected", async () => {
    serve()
    const bridge = open({ limits: { ...quick, deadMillis: 400 } })
    await until(() => bridge.status().connected)
    await sleep(1_000)
    expect(server.hellos.length).toBe(1)
    expect(bridge.status().connected).toBe(true)
  })

  test("drained resolves at once when nothing waits, and rejects when the bridge closes first", async () => {
    serve({ losesAcks: true })
    const bridge = open()
    await bridge.drained()
    await append(bridge, 1)
    const drained = bridge.drained()
    await bridge.close()
    await expect(drained).rejects.toMatchObject({ _tag: "BufferClosed" })
    await expect(bridge.flush()).rejects.toMatchObject({ _tag: "BufferClosed" })
    expect(bridge.status()).toMatchObject({ state: "closed", waitingChunks: 1 })
  })

  test("listeners hear of changes with the status, until they stop", async () => {
    serve()
    const bridge = open()
    const heard: Array<string> = []
    const stop = bridge.subscribe((status) => heard.push(`${status.state} ${status.waitingChunks}`))
    await append(bridge, 1)
    await bridge.drained()
    await Promise.resolve()
    expect(heard[0]).toMatch(/^connect(ing|ed) 1$/)
    expect(heard.at(-1)).toBe("connected 0")
    stop()
    const before = heard.length
    await append(bridge, 1)
    await bridge.drained()
    expect(heard.length).toBe(before)
  })
})

describe("a server that cannot or will not", () => {
  test("[bridge 19] no credits: buffering goes on, and no more than the window is on its way", async () => {
    serve({ losesAcks: true, window: 3 })
    const bridge = open()
    await append(bridge, 200)
    await until(() => server.stored.length === 3)
    await sleep(50)
    expect(server.stored.length).toBe(3)
    expect(server.hellos.length).toBe(1)
    expect(bridge.status()).toMatchObject({ connected: true, waitingChunks: 200 })
  })

  test("[bridge 17] a server that cannot store: tried again without a new write", async () => {
    serve({ unavailable: true })
    const bridge = open()
    await append(bridge, 4)
    const before = server.hellos.length
    await until(() => server.hellos.length > before + 3)
    expect(bridge.status()).toMatchObject({ waitingChunks: 4 })
    server.behaviour.unavailable = false
    await bridge.drained()
    expect(server.values).toEqual(all())
    expect(server.stored.map(({ n }) => n)).toEqual([1, 2, 3, 4])
  })

  test("a wrong key: it says so once, keeps recording, and goes on when the key is right", async () => {
    serve({ key: "other" })
    const bridge = open()
    await append(bridge, 5)
    await until(() => server.hellos.length >= 3)
    await until(() => bridge.status().state === "refused")
    const problem = { code: "unauthorized", message: "The key of this device is wrong." }
    expect(bridge.status().lastProblem).toEqual(problem)
    expect(events).toEqual([{ _tag: "Refused", problem }])
    expect(server.stored).toEqual([])
    server.behaviour.key = "secret"
    await bridge.drained()
    expect(server.values).toEqual(all())
  })

  test("a server of another version: the same", async () => {
    serve({ otherVersion: true })
    const bridge = open()
    await append(bridge, 2)
    await until(() => bridge.status().state === "refused")
    expect(bridge.status().lastProblem).toMatchObject({ code: "unknown-version" })
    server.behaviour.otherVersion = false
    await bridge.drained()
    expect(server.values).toEqual(all())
  })

  test("a door that is not there is a clear problem", async () => {
    serve()
    const bridge = open({ url: `${server.url}/elsewhere` })
    await until(() => bridge.status().lastProblem !== null)
    expect(bridge.status().lastProblem?.message).toContain(`${server.url}/elsewhere/v1/telemetry`)
  })

  test("[bridge 18] a chunk that the server cannot take is kept aside on the device, the rest flows", async () => {
    serve({ cannotRead: new Set([3]) })
    const bridge = open()
    await append(bridge, 6)
    await bridge.drained()
    expect(server.values).toEqual([0, 1, 3, 4, 5])
    expect(bridge.status()).toMatchObject({ quarantinedChunks: 1, waitingChunks: 0 })
    expect(events).toMatchObject([{ _tag: "ChunkQuarantined", n: 3, reason: "unreadable" }])
    await bridge.close()
    expect([count("chunk"), count("quarantine")]).toEqual([0, 1])
  })

  test("[bridge 24] a chunk that rotted on the device is quarantined there, the server is told of the gap, its neighbours are delivered", async () => {
    serve()
    const first = open({ url: "ws://127.0.0.1:9" })
    await append(first, 5)
    await first.close()
    const database = bunSqlite().open(bufferPath())
    database.exec("update stored_chunk set payload = x'01ffee' where position % 4294967296 = 2")
    database.close()
    const bridge = open()
    await bridge.drained()
    expect(server.values).toEqual([0, 2, 3, 4])
    expect(server.setAside).toEqual([])
    expect(server.gaps).toMatchObject([{ first: 2, last: 2, samples: 1, reason: "damaged" }])
    expect(count("quarantine")).toBe(1)
    expect(bridge.status()).toMatchObject({ quarantinedChunks: 1, droppedSamples: 1, waitingChunks: 0, waitingGaps: 0 })
    expect(events.map(({ _tag }) => _tag)).toEqual(["ChunkQuarantined", "GapRecorded"])
  })

  test("[bridge 27] a chunk in a codec that this version does not know is passed on as it is", async () => {
    serve()
    const first = open({ url: "ws://127.0.0.1:9" })
    await append(first, 1)
    await first.close()
    const database = bunSqlite().open(bufferPath())
    // Version 99 and two bytes, with the checksum of just these.
    database.exec(`update stored_chunk set payload = x'630102', signed_crc = ${0x42c5fc06}`)
    database.close()
    const bridge = open()
    await until(() => server.stored.length + server.setAside.length === 1)
    expect([...server.stored, ...server.setAside][0]?.payload).toEqual(new Uint8Array([0x63, 1, 2]))
    expect(bridge.status().connected).toBe(true)
  })
})

describe("beside the backlog", () => {
  test("[bridge 20] live readings arrive soon although a large backlog is going up a slow line", async () => {
    serve({ window: 64 })
    const away = open({ url: "ws://127.0.0.1:9", maxPendingSamples: 10_000_000 })
    // Numbers that no codec makes small: two and a half megabytes, all of which the window would take at once.
    for (let chunk = 0; chunk < 40; chunk++) {
      for (let at = 0; at < 8_000; at++) away.record("s", "power", at, Math.sin(at * (chunk + 1)))
      await away.flush()
    }
    await away.close()
    const slow = await network()
    slow.slowDown(1_000_000)
    const bridge = open({ url: slow.url })
    await until(() => bridge.status().connected && server.stored.length > 0)
    const backlog = bridge.status().waitingChunks
    for (let beat = 0; beat < 100 && bridge.status().waitingChunks > 0; beat++) {
      bridge.record("strap-01", "heartRate", beat, 120)
      await sleep(10)
    }
    const late = server.live.map(({ atMs, sensedAtMs }) => atMs - sensedAtMs).toSorted((a, b) => a - b)
    expect(backlog).toBeGreaterThan(25)
    expect(late.length).toBeGreaterThan(2)
    expect(late.at(Math.floor(late.length / 2))).toBeLessThan(500)
    const gaps = server.live.slice(1).map(({ atMs }, i) => atMs - (server.live[i]?.atMs ?? 0))
    expect(Math.max(...gaps)).toBeLessThan(1_000)
    await bridge.drained()
    expect(server.stored.length).toBeGreaterThanOrEqual(40)
  })
})

test.each(["gym.example", "ftp://gym.example", "ws://"])("%s is no address of a server", async (url) => {
  serve()
  expect(() => open({ url })).toThrow(/It looks like ws:/)
})
