/** Page and worker of the browser's bridge without a browser: what they say to each other, and what becomes of it. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Bundle } from "@paceline/core/wire"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { OpenBridge } from "../bridge/OpenBridge.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { directLine } from "../verify/DirectLine.ts"
import { SimulatedServer } from "../verify/SimulatedServer.ts"
import type { ToPage, ToWorker } from "./Messages.ts"
import { PageBridge } from "./PageBridge.ts"
import { BUFFER, ServedBridge } from "./ServedBridge.ts"

let folder = ""
let toWorker: Array<ToWorker> = []
let toPage: Array<ToPage> = []
let server: SimulatedServer

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-page-"))
  toWorker = []
  toPage = []
  server = new SimulatedServer()
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }))
  vi.stubGlobal("postMessage", (message: ToPage) => void toPage.push(message))
})
afterEach(() => {
  vi.unstubAllGlobals()
  rmSync(folder, { recursive: true, force: true })
})

const openPage = (): PageBridge => {
  const worker = Object.assign(new EventTarget(), {
    postMessage: (message: ToWorker) => void toWorker.push(structuredClone(message)),
    terminate: () => {},
    onmessage: null,
    onmessageerror: null,
    onerror: null,
  })
  return new PageBridge({ worker, url: "ws://nowhere", deviceId: "d", key: "secret", persist: false })
}

const serveInWorker = (): ServedBridge => {
  const driver = {
    ...bunSqlite(),
    read: () => new Uint8Array(),
    write: () => {},
    files: () => [],
    release: async () => {},
  }
  return new ServedBridge({ ...driver, open: (path) => driver.open(join(folder, path)) }, (watched) => {
    const files = { exists: () => false, remove: () => {}, occupy: () => {}, rename: () => {} }
    const dial = directLine(server)
    return new OpenBridge({
      path: BUFFER,
      driver: { ...watched, ...files },
      url: "ws://nowhere",
      deviceId: "d",
      key: "secret",
      dial,
    })
  })
}

/** All that the page said, taken by the worker. */
const carryOver = (served: ServedBridge): void => {
  for (const message of toWorker.splice(0)) if (message._tag === "Record") served.take(message)
}

describe("what a page records", () => {
  test("[bridge 11] samples and the cursor behind them go to the worker in one message, so that no flush comes between", async () => {
    const page = openPage()
    toWorker = []
    page.record("watch", "heartRate", 1, 60)
    page.recordRaw({ sensor: "watch", source: "2A37", atMillis: 1, bytes: Uint8Array.of(0, 60) })
    page.moveCursor("watch", "2")
    page.record("watch", "heartRate", 2, 61)
    await Promise.resolve()
    expect(toWorker).toEqual([
      {
        _tag: "Record",
        samples: [
          ["watch", "heartRate", 1, 60, true],
          ["watch", "heartRate", 2, 61, true],
        ],
        packets: [{ sensor: "watch", source: "2A37", atMillis: 1, bytes: Uint8Array.of(0, 60) }],
        cursors: [["watch", "2"]],
      },
    ])
  })

  test("a cursor alone is sent, too", async () => {
    const page = openPage()
    toWorker = []
    page.moveCursor("watch", "2")
    await Promise.resolve()
    expect(toWorker).toMatchObject([{ _tag: "Record", cursors: [["watch", "2"]] }])
  })

  test("the bytes of a packet are copied at once, also those of a Buffer", async () => {
    const page = openPage()
    toWorker = []
    const bytes = Buffer.from([1, 2])
    page.recordRaw({ sensor: "s", source: "2A37", atMillis: 1, bytes })
    bytes.fill(9)
    await Promise.resolve()
    expect(toWorker).toMatchObject([{ packets: [{ bytes: Uint8Array.of(1, 2) }] }])
  })

  test("streams of one name in two units keep their units, and what is history is not shown as the present", async () => {
    const page = openPage()
    toWorker = []
    page.stream({ kind: "skin", unit: "°C", sensor: "s" }).record(1, 33)
    page.stream({ kind: "skin", unit: "°F", sensor: "s" }).record(1, 91.5)
    page.record("s", "heartRate", 1, 60, { live: false })
    page.record("s", "power", 2, 200)
    await Promise.resolve()
    const served = serveInWorker()
    for (let turn = 0; !served.bridge.status().connected && turn < 1_000; turn++)
      await new Promise((r) => setTimeout(r, 2))
    carryOver(served)
    await served.bridge.drained()
    const stored = server.stored.flatMap(({ payload }) => {
      const bundle = Bundle.decode(payload)
      return "_tag" in bundle
        ? []
        : bundle.map((block) => [block.kind === "custom" ? block.unit : block.kind, ...block.values])
    })
    expect(stored).toEqual([
      ["°C", 33],
      ["°F", 91.5],
      ["heartRate", 60],
      ["power", 200],
    ])
    for (let turn = 0; server.live.length === 0 && turn < 1_000; turn++) await new Promise((r) => setTimeout(r, 2))
    expect(server.live.flatMap(({ bundle }) => bundle.map(({ kind }) => kind))).toEqual(["power"])
    await served.bridge.close()
  })
})
