/** What the bridge says and does when its own disk fails, while a server listens. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { TelemetryServer } from "../../test/TelemetryServer.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { type Bridge, type BridgeEvent, type BridgeOptions, openBridge } from "../index.ts"
import { smallDisk } from "../verify/SmallDisk.ts"

let folder = ""
let path = ""
let server: TelemetryServer
let bridge: Bridge | undefined
let events: Array<BridgeEvent> = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-bridge-"))
  path = join(folder, "buffer.sqlite")
  server = TelemetryServer.start()
  events = []
})
afterEach(async () => {
  await bridge?.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const open = (options: Partial<BridgeOptions> = {}): Bridge => {
  bridge = openBridge({
    path,
    driver: bunSqlite(),
    url: server.url,
    deviceId: "gateway-1",
    key: "secret",
    flushMillis: 60_000,
    onEvent: (event) => events.push(event),
    ...options,
  })
  return bridge
}

/** Samples that no codec makes small. */
const recordMany = (to: Bridge, count: number): void => {
  for (let i = 0; i < count; i++) to.record("s", "power", i, Math.sin(i))
}

const tags = (): Array<string> => events.map((event) => event._tag)

describe("a full disk", () => {
  test("[bridge 21] flushing is a typed error, said once; when there is room again all is written and delivered", async () => {
    let pages = 1_000
    const recording = open({ driver: smallDisk(bunSqlite(), () => pages) })
    pages = 1
    recordMany(recording, 3_000)
    await expect(recording.flush()).rejects.toMatchObject({ _tag: "BufferFull", path })
    await expect(recording.flush()).rejects.toMatchObject({ _tag: "BufferFull" })
    expect(tags()).toEqual(["WritingFailed"])
    expect(recording.status()).toMatchObject({ pendingSamples: 3_000, lastProblem: { code: "BufferFull" } })
    recordMany(recording, 10)
    pages = 1_000
    await recording.drained()
    expect(tags()).toEqual(["WritingFailed", "WritingWorksAgain"])
    expect(server.values.length).toBe(3_010)
    expect(recording.status()).toMatchObject({ pendingSamples: 0, droppedSamples: 0, lastProblem: null })
  })

  test("[bridge 22] samples beyond what memory may hold are turned away, which is said and counted, and declared to the server", async () => {
    let pages = 1_000
    const recording = open({ driver: smallDisk(bunSqlite(), () => pages), maxPendingSamples: 2_000 })
    pages = 1
    recordMany(recording, 2_005)
    expect(recording.record("s", "power", 1, 1)).toBe(false)
    expect(tags()).toEqual(["SamplesTurnedAway"])
    expect(recording.status()).toMatchObject({ recordedSamples: 2_000, droppedSamples: 6 })
    pages = 1_000
    await recording.drained()
    expect(recording.record("s", "power", 1, 1)).toBe(true)
    await recording.drained()
    expect(server.values.length).toBe(2_001)
    expect(server.gaps).toMatchObject([{ samples: 6, reason: "refused", fromMillis: 1, toMillis: 2_004 }])
    expect(tags()).toEqual(["SamplesTurnedAway", "GapRecorded"])
  })

  test("what is drained is drained: a promise made while nothing could be written waits for it", async () => {
    let pages = 1_000
    const recording = open({ driver: smallDisk(bunSqlite(), () => pages), flushMillis: 20 })
    pages = 1
    recordMany(recording, 3_000)
    let done = false
    const drained = recording.drained().then(() => {
      done = true
    })
    await sleep(100)
    expect(done).toBe(false)
    pages = 1_000
    await drained
    expect(server.values.length).toBe(3_000)
  })

  test("closing with a disk that takes nothing rejects, and frees the buffer all the same", async () => {
    let pages = 1_000
    const recording = open({ driver: smallDisk(bunSqlite(), () => pages) })
    pages = 1
    recordMany(recording, 3_000)
    await expect(recording.close()).rejects.toMatchObject({ _tag: "BufferFull" })
    pages = 1_000
    const again = open()
    again.record("s", "power", 1, 1)
    await again.drained()
    expect(server.values).toEqual([1])
  })
})

describe("a damaged buffer", () => {
  /** Overwrites all but the first pages, as a dying flash chip may. */
  const damage = (): void => {
    const bytes = readFileSync(path)
    bytes.fill(0x55, 3 * 4_096)
    writeFileSync(path, bytes)
  }

  test("[bridge 24] found at opening: set aside, said, and what is recorded from then on is delivered", async () => {
    const before = open({ url: "ws://127.0.0.1:9" })
    for (let chunk = 0; chunk < 200; chunk++) {
      before.record("s", "power", chunk, chunk)
      await before.flush()
    }
    await before.close()
    damage()
    const recording = open()
    recording.record("s", "power", 1, 1_000)
    await recording.drained()
    expect(tags()).toEqual(["BufferSetAside"])
    expect(server.values).toEqual([1_000])
  })

  test("[bridge 24] found while delivering: the same, what was only in memory included", async () => {
    await server.stop()
    const recording = open({ limits: { backoff: { baseMillis: 20, maxMillis: 50, factor: 2 } } })
    // More than SQLite keeps in its own memory.
    for (let chunk = 0; chunk < 60; chunk++) {
      recordMany(recording, 10_000)
      await recording.flush()
    }
    recording.record("s", "power", 1, 1_000)
    damage()
    server.start()
    for (let waited = 0; events.length === 0 && waited < 5_000; waited += 5) await sleep(5)
    recording.record("s", "power", 2, 1_001)
    await recording.drained()
    expect(tags()).toEqual(["BufferSetAside"])
    expect(server.values.slice(-2)).toEqual([1_000, 1_001])
    expect(recording.status()).toMatchObject({ connected: true, waitingChunks: 0, lastProblem: null })
  })
})

test("samples are flushed by themselves", async () => {
  const recording = open({ flushMillis: 20 })
  recording.record("s", "power", 1, 7)
  for (let waited = 0; server.values.length === 0 && waited < 3_000; waited += 5) await sleep(5)
  expect(server.values).toEqual([7])
})

test("an activity's beginning and end are flushed at once, with what was recorded beside them", async () => {
  const recording = open({ flushMillis: 60_000 })
  recording.record("s", "power", 1, 7)
  recording.record("s", "activity", 1, 1)
  recording.record("s", "power", 2, 8)
  for (let waited = 0; server.values.length < 3 && waited < 3_000; waited += 5) await sleep(5)
  expect(server.values).toEqual([7, 8, 1])
  expect(server.stored.length).toBe(1)
})

describe("what the status says", () => {
  const MIB = 1024 * 1024

  test("[bridge 22] what waits, since when, its bytes and those of the files, what was lost and what is kept", async () => {
    await server.stop()
    const recording = open({ maxBufferBytes: MIB })
    const heard: Array<number> = []
    recording.subscribe(({ waitingGaps }) => heard.push(waitingGaps))
    const began = Date.now()
    for (let chunk = 0; chunk < 90; chunk++) {
      recordMany(recording, 1_000)
      await recording.flush()
    }
    recording.recordRaw({ sensor: "s", source: "2A63", atMillis: 1, bytes: new Uint8Array(5) })
    await recording.flush()
    recording.record("s", "power", 1, 1)
    const status = recording.status()
    expect(status).toMatchObject({
      recordedSamples: 90_001,
      pendingSamples: 1,
      waitingGaps: 1,
      droppedSamples: status.gapSamples,
      keptPackets: 1,
      keptPacketBytes: 5,
      deliveredChunks: 0,
      quarantinedChunks: 0,
      lastAckAtMs: null,
      connected: false,
    })
    expect(status.gapSamples).toBe((90 - status.waitingChunks) * 1_000)
    expect(status.gapSamples).toBeGreaterThan(0)
    expect(status.oldestWaitingAtMs).toBeGreaterThanOrEqual(began)
    expect(status.oldestWaitingAtMs).toBeLessThanOrEqual(Date.now())
    const onDisk = statSync(path).size + statSync(`${path}-wal`).size
    expect(status.bytesOnDisk).toBeGreaterThanOrEqual(onDisk)
    expect(status.bytesOnDisk).toBeLessThanOrEqual(MIB)
    expect(status.waitingBytes).toBeLessThan(onDisk)
    expect(heard.at(-1)).toBe(1)

    server.start()
    await recording.drained()
    expect(server.gaps).toMatchObject([{ first: 1, samples: status.gapSamples, reason: "evicted" }])
    expect(server.values.length).toBe(90_001 - status.gapSamples)
    expect(recording.status()).toMatchObject({
      waitingChunks: 0,
      waitingBytes: 0,
      waitingGaps: 0,
      gapSamples: 0,
      oldestWaitingAtMs: null,
      droppedSamples: status.gapSamples,
      lastAckAtMs: expect.any(Number),
    })
  })
})

test("a sample that is none is refused where it is given", () => {
  expect(() => open().record("", "power", 1, 1)).toThrow("The sensor name")
})
