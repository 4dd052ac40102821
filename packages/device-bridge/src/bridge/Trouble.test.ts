/** What the bridge does when its disk, its listeners or its callers do what they should not. */
import { readFileSync, writeFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, describe, expect, test, vi } from "vitest"
import { append, bufferPath, events, open, serve, server, until } from "../../test/Delivering.ts"
import { failingDisk } from "../../test/FailingDisk.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import type { SqliteCode } from "../drivers/SqliteDriver.ts"
import type { BridgeStatus } from "../index.ts"

/** Errors that were thrown where nobody's call was. */
const uncaught = (): Array<unknown> => {
  const thrown: Array<unknown> = []
  vi.stubGlobal("queueMicrotask", (task: () => void) => {
    void Promise.resolve()
      .then(task)
      .catch((error: unknown) => thrown.push(error))
  })
  return thrown
}

afterEach(() => void vi.unstubAllGlobals())

const tags = (): Array<string> => events.map(({ _tag }) => _tag)

describe("a disk that fails for a while", () => {
  test("what cannot be read is an event and a part of the status, and nothing is thrown where nobody's call is", async () => {
    const thrown = uncaught()
    serve()
    let code: SqliteCode | null = null
    const bridge = open({ driver: failingDisk(bunSqlite(), () => code), flushMillis: 20 })
    const heard: Array<BridgeStatus> = []
    bridge.subscribe((status) => heard.push(status))
    await append(bridge, 3)
    await bridge.drained()
    bridge.record("s", "power", 1, 1)
    const drained = bridge.drained()
    code = "SQLITE_IOERR"
    server.dropAll()
    await until(() => events.length > 0)
    await sleep(60)
    expect(bridge.status()).toMatchObject({ recordedSamples: 4, lastProblem: { code: "BufferFailed" } })
    expect(heard.at(-1)).toMatchObject({ lastProblem: { code: "BufferFailed" } })
    code = null
    await drained
    expect(tags()).toEqual(["WritingFailed", "WritingWorksAgain"])
    expect(thrown).toEqual([])
    expect(bridge.status()).toMatchObject({ waitingChunks: 0, lastProblem: null })
  })

  test("listeners hear that writing works again, also when nothing but a cursor was to be written", async () => {
    serve()
    let code: SqliteCode | null = null
    const bridge = open({
      driver: failingDisk(bunSqlite(), (sql) => (/cursor/.test(sql) ? code : null)),
      flushMillis: 20,
    })
    await until(() => bridge.status().connected)
    code = "SQLITE_FULL"
    bridge.moveCursor("watch", "7")
    const drained = bridge.drained()
    expect(bridge.status().lastProblem).toMatchObject({ code: "BufferFull" })
    let last = bridge.status()
    bridge.subscribe((status) => {
      last = status
    })
    code = null
    await drained
    await until(() => last.lastProblem === null)
  })

  test("an acknowledgement that the buffer cannot take now is taken later, without another word of the server", async () => {
    serve()
    let code: SqliteCode | null = null
    const bridge = open({ driver: failingDisk(bunSqlite(), (sql) => (/total|count\(\*\)/.test(sql) ? code : null)) })
    await until(() => bridge.status().connected)
    code = "SQLITE_IOERR"
    await append(bridge, 3)
    await until(() => events.length > 0 && server.stored.length === 3)
    // All have been tried.
    await sleep(80)
    server.behaviour.silent = true
    code = null
    const began = performance.now()
    await bridge.drained()
    // Long before the silence is noticed, which would make it say hello, and hear of them, again.
    expect(performance.now() - began).toBeLessThan(9_000)
    expect(bridge.status()).toMatchObject({ deliveredChunks: 3, waitingChunks: 0 })
  })

  test("closing frees the file, whatever fails", async () => {
    serve()
    let code: SqliteCode | null = null
    const bridge = open({ driver: failingDisk(bunSqlite(), () => code) })
    bridge.record("s", "power", 1, 1)
    code = "SQLITE_IOERR"
    await expect(bridge.close()).rejects.toMatchObject({ _tag: "BufferFailed" })
    expect(bridge.status().state).toBe("closed")
    code = null
    await open().close()
  })
})

describe("a damaged file", () => {
  /** Overwrites all but the first pages, as a dying flash chip may. */
  const damage = (): void => {
    const bytes = readFileSync(bufferPath())
    bytes.fill(0x55, 3 * 4_096)
    writeFileSync(bufferPath(), bytes)
  }

  test("[bridge 24] found while somebody waits until all is delivered: set aside, and recording goes on", async () => {
    const thrown = uncaught()
    serve()
    await server.stop()
    const bridge = open()
    // More than SQLite keeps in its own memory.
    for (let chunk = 0; chunk < 60; chunk++) {
      for (let at = 0; at < 10_000; at++) bridge.record("s", "speed", at, Math.sin(at + chunk))
      await bridge.flush()
    }
    damage()
    server.start()
    bridge.record("s", "power", 1, 1_000)
    await bridge.drained()
    expect(tags()).toEqual(["BufferSetAside"])
    bridge.record("s", "power", 2, 1_001)
    await bridge.drained()
    expect(server.values.at(-1)).toBe(1_001)
    expect(thrown).toEqual([])
  })

  test("[bridge 24] found by a flush: who waits, waits for what goes into the fresh file, and for nothing after it", async () => {
    serve()
    await server.stop()
    let code: SqliteCode | null = null
    const bridge = open({ driver: failingDisk(bunSqlite(), (sql) => (/into stored_chunk/.test(sql) ? code : null)) })
    await append(bridge, 5)
    const drained = bridge.drained()
    code = "SQLITE_CORRUPT"
    bridge.record("s", "power", 1, 1_000)
    await expect(bridge.flush()).rejects.toMatchObject({ _tag: "BufferFailed" })
    code = null
    // What could not be flushed, and what came since.
    await append(bridge, 1)
    server.onChunk = (count) => {
      server.behaviour.losesAcks = count === 2
    }
    await append(bridge, 1)
    server.start()
    await drained
    expect(bridge.status().waitingChunks).toBe(1)
  })

  test("[bridge 24] a disk that has no room for a fresh file: it is set aside as soon as there is, and said once", async () => {
    serve()
    await server.stop()
    let code: SqliteCode | null = null
    const bridge = open({ driver: failingDisk(bunSqlite(), (sql) => (sql.startsWith("open") ? code : null)) })
    for (let chunk = 0; chunk < 60; chunk++) {
      for (let at = 0; at < 10_000; at++) bridge.record("s", "speed", at, Math.sin(at + chunk))
      await bridge.flush()
    }
    damage()
    code = "SQLITE_FULL"
    server.start()
    await until(() => events.length > 0)
    bridge.record("s", "power", 1, 1_000)
    await expect(bridge.flush()).rejects.toMatchObject({ _tag: "BufferFull" })
    code = null
    await bridge.drained()
    expect(tags()).toEqual(["WritingFailed", "BufferSetAside", "WritingWorksAgain"])
    expect(server.values.at(-1)).toBe(1_000)
  })
})

describe("listeners that throw", () => {
  const fault = new Error("the listener's own")

  test("keep neither the others from hearing nor the bridge from its work, and are reported as uncaught", async () => {
    const thrown = uncaught()
    serve()
    const bridge = open()
    let heard = 0
    bridge.subscribe(() => {
      throw fault
    })
    bridge.subscribe(() => heard++)
    await append(bridge, 2)
    await bridge.drained()
    expect(heard).toBeGreaterThan(0)
    expect(server.values.length).toBe(2)
    await bridge.close()
    await open().close()
    expect(new Set(thrown)).toEqual(new Set([fault]))
  })

  test("the same of events: what was flushed counts as flushed", async () => {
    const thrown = uncaught()
    serve()
    let code: SqliteCode | null = null
    const bridge = open({
      driver: failingDisk(bunSqlite(), (sql) => (/insert into stored_chunk/.test(sql) ? code : null)),
      onEvent: () => {
        throw fault
      },
    })
    code = "SQLITE_FULL"
    bridge.record("s", "power", 1, 1)
    await expect(bridge.flush()).rejects.toMatchObject({ _tag: "BufferFull" })
    code = null
    await bridge.flush()
    expect(bridge.status()).toMatchObject({ pendingSamples: 0, lastProblem: null })
    await bridge.drained()
    expect(server.values).toEqual([1])
    expect(thrown).toEqual([fault, fault])
  })
})

describe("going to sleep", () => {
  test("closed while a flush is tried again: it ends in peace, and says nothing more", async () => {
    serve()
    let code: SqliteCode | null = null
    const bridge = open({
      driver: failingDisk(bunSqlite(), (sql) => (/insert into stored_chunk/.test(sql) ? code : null)),
    })
    code = "SQLITE_FULL"
    bridge.record("s", "power", 1, 1)
    const suspended = bridge.suspend({ deadlineMillis: 3_000 })
    await expect(bridge.close()).rejects.toMatchObject({ _tag: "BufferFull" })
    const said = events.length
    await suspended
    expect(events.length).toBe(said)
  })

  test("asked twice, both wait for the one flush", async () => {
    serve()
    let code: SqliteCode | null = null
    const bridge = open({
      driver: failingDisk(bunSqlite(), (sql) => (/insert into stored_chunk/.test(sql) ? code : null)),
    })
    code = "SQLITE_FULL"
    bridge.record("s", "power", 1, 1)
    const first = bridge.suspend({ deadlineMillis: 5_000 })
    let second = false
    const again = bridge.suspend().then(() => {
      second = true
    })
    await sleep(20)
    expect(second).toBe(false)
    code = null
    await Promise.all([first, again])
    expect(bridge.status()).toMatchObject({ state: "suspended", pendingSamples: 0 })
  })
})

describe("what cannot be stored is refused where it is given, and stops nothing", () => {
  test.each([
    ["a time that is not whole", { atMillis: 1.5 }],
    ["no time", { atMillis: Number.NaN }],
    ["no name", { sensor: "" }],
    ["no source", { source: undefined as never }],
    ["no bytes", { bytes: [1, 2] as never }],
  ])("a packet with %s", async (_, wrong) => {
    serve()
    const bridge = open()
    const packet = { sensor: "s", source: "2A37", atMillis: 1, bytes: new Uint8Array(2) }
    expect(() => bridge.recordRaw({ ...packet, ...wrong })).toThrow(expect.objectContaining({ _tag: "SampleRefused" }))
    expect(bridge.recordRaw(packet)).toBe(true)
    await bridge.flush()
    expect(bridge.status().keptPackets).toBe(1)
  })

  test("a cursor that is no text", async () => {
    serve()
    const bridge = open()
    expect(() => bridge.moveCursor("watch", 7 as never)).toThrow(TypeError)
    expect(() => bridge.moveCursor(undefined as never, "7")).toThrow(TypeError)
    await bridge.flush()
    expect(bridge.cursor("watch")).toBeNull()
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])("a flush every %s milliseconds", (flushMillis) => {
    serve()
    expect(() => open({ flushMillis })).toThrow(RangeError)
    // The file is free.
    open()
  })
})

test("the bytes of a packet are copied, also those of Node's Buffer, whose slices share memory", async () => {
  serve()
  const bridge = open()
  const bytes = Buffer.from([1, 2, 3])
  bridge.recordRaw({ sensor: "s", source: "2A37", atMillis: 1, bytes })
  bytes.fill(9)
  await bridge.flush()
  expect(bridge.rawPackets(0, 1)[0]?.bytes).toEqual(Uint8Array.of(1, 2, 3))
})

test("a key that does not come is a problem of the key, not of the server", async () => {
  serve()
  let asked = 0
  const key = (): Promise<string> => (++asked > 1 ? Promise.resolve("secret") : new Promise(() => {}))
  const bridge = open({ key, limits: { backoff: { baseMillis: 300, maxMillis: 300, factor: 1 }, deadMillis: 500 } })
  const problems: Array<BridgeStatus["lastProblem"]> = []
  bridge.subscribe(({ lastProblem }) => problems.push(lastProblem))
  await until(() => bridge.status().connected)
  expect(problems).toContainEqual({
    code: "no-key",
    message: "There is no key to connect with: it did not come within 0.5 s.",
  })
})

test("a key that comes late, for a connection that was given up, is not shown on the next one", async () => {
  serve()
  const answers: Array<(key: string) => void> = []
  const bridge = open({
    key: () => new Promise<string>((resolve) => answers.push(resolve)),
    limits: { backoff: { baseMillis: 2, maxMillis: 10, factor: 2 }, deadMillis: 500 },
  })
  await until(() => answers.length === 2)
  answers[1]?.("secret")
  answers[0]?.("the key of yesterday")
  await until(() => bridge.status().connected || server.hellos.length > 0)
  expect(server.hellos[0]?.key).toBe("secret")
})
