/** The whole bridge in a real Chromium, against the real server. */
import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { BrowserBridgeEvent } from "../../src/browser/index.ts"
import { Browser, type Site, serveSite } from "./Chromium.ts"
import { type Device, PaceServer } from "./PaceServer.ts"
import type { PageWithBridge } from "./programs/bridge-page.ts"

declare global {
  interface Window {
    page: PageWithBridge
  }
}

const browser = new Browser()
let site: Site
let server: PaceServer

beforeAll(async () => {
  site = await serveSite(["bridge-page", "bridge-worker"])
  server = await PaceServer.start()
}, 60_000)
afterAll(async () => {
  await browser.quit()
  await site.stop()
  await server.stop()
})

const NOBODY = "ws://127.0.0.1:9"

const openPage = async (): Promise<Page> => {
  const page = await browser.open(site.url)
  await page.addScriptTag({ url: "/bridge-page.js", type: "module" })
  await page.waitForFunction(() => "page" in window)
  return page
}

/** Opens the bridge in the page: null, or what was thrown. */
const openBridge = (
  page: Page,
  device: Device,
  store: string,
  url = server.url,
  more: { readonly flushMillis?: number } = {},
): Promise<string | null> =>
  page.evaluate((options) => window.page.openBridge(options), { ...device, store, url, ...more })

const record = (page: Page, from: number, to: number): Promise<void> =>
  page.evaluate(([first, end]) => window.page.record(first, end), [from, to] as const)

const flush = (page: Page): Promise<void> => page.evaluate(() => window.page.bridge?.flush())
const drained = (page: Page): Promise<void> => page.evaluate(() => window.page.bridge?.drained())
const events = (page: Page): Promise<Array<BrowserBridgeEvent>> => page.evaluate(() => window.page.events)

const upTo = (end: number): Array<number> => Array.from({ length: end }, (_, value) => value)

describe("delivery", () => {
  test("what is recorded is at the server once, and the status says so", async () => {
    const device = await server.addDevice()
    const page = await openPage()
    expect(await openBridge(page, device, "delivery")).toBeNull()
    await record(page, 0, 500)
    await drained(page)
    expect(server.valuesOf(device.deviceId)).toEqual(upTo(500))
    expect(await page.evaluate(() => window.page.bridge?.status())).toMatchObject({
      connected: true,
      recordedSamples: 500,
      waitingChunks: 0,
      lastProblem: null,
    })
    expect(await page.evaluate(() => window.page.keysGiven)).toBe(1)
    expect(await events(page)).toEqual([])
    await page.close()
  })

  test("pages that are reloaded and killed while they record and deliver lose nothing flushed and double nothing", async () => {
    const device = await server.addDevice()
    let page = await openPage()
    let recorded = 0
    for (let round = 0; round < 6; round++) {
      // Every other round there is no server, so that the next one finds a backlog.
      expect(await openBridge(page, device, "killed", round % 2 === 0 ? NOBODY : server.url)).toBeNull()
      for (let flushes = 0; flushes < 4; flushes++) {
        await record(page, recorded, recorded + 50)
        await flush(page)
        recorded += 50
      }
      if (round % 3 === 2) {
        await browser.kill(page)
        page = await openPage()
      } else if (round % 3 === 1) {
        await page.reload()
        await page.addScriptTag({ url: "/bridge-page.js", type: "module" })
        await page.waitForFunction(() => "page" in window)
      } else {
        await page.close()
        page = await openPage()
      }
    }
    expect(await openBridge(page, device, "killed")).toBeNull()
    await drained(page)
    expect(server.valuesOf(device.deviceId)).toEqual(upTo(recorded))
    await page.close()
  }, 60_000)

  test("a cursor is kept with the samples before it", async () => {
    const device = await server.addDevice()
    const page = await openPage()
    await openBridge(page, device, "cursor", NOBODY)
    expect(await page.evaluate(() => window.page.bridge?.cursor("watch"))).toBeNull()
    await record(page, 0, 3)
    await page.evaluate(() => window.page.bridge?.moveCursor("watch", "page 2"))
    await page.evaluate(() => window.page.bridge?.close())
    expect(await openBridge(page, device, "cursor")).toBeNull()
    expect(await page.evaluate(() => window.page.bridge?.cursor("watch"))).toBe("page 2")
    await drained(page)
    expect(server.valuesOf(device.deviceId)).toEqual([0, 1, 2])
    await page.close()
  })

  test("streams of any name are delivered, and packets are kept as they came", async () => {
    const device = await server.addDevice()
    const page = await openPage()
    await openBridge(page, device, "streams")
    const kept = await page.evaluate(async () => {
      const { bridge } = window.page
      const patch = bridge?.stream({ kind: "skinTemperature", unit: "°C", hz: 4, sensor: "patch-1" })
      patch?.recordAll(1_000, [33.25, 33.5, 33.75])
      const bytes = new Uint8Array([0x16, 128])
      bridge?.recordRaw({ sensor: "strap-01", source: "2A37", atMillis: 1_000, bytes })
      bytes.fill(0)
      await bridge?.flush()
      const packets = (await bridge?.rawPackets(0, 10)) ?? []
      return { packets: packets.map((packet) => [...packet.bytes]), gone: await bridge?.forgetRaw(packets[0]?.id ?? 0) }
    })
    expect(kept).toEqual({ packets: [[0x16, 128]], gone: 1 })
    await drained(page)
    expect(server.valuesOf(device.deviceId)).toEqual([33.25, 33.5, 33.75])
    await page.close()
  })

  test.each([
    ["hidden", "visibilitychange", "document"],
    ["left", "pagehide", "window"],
    ["frozen", "freeze", "document"],
  ] as const)(
    "[bridge 42] a page that is %s flushes at once, and not when its timer does",
    async (state, type, target) => {
      const device = await server.addDevice()
      const page = await openPage()
      await openBridge(page, device, `page-${state}`, NOBODY, { flushMillis: 600_000 })
      await record(page, 0, 20)
      const waiting = await page.evaluate(
        ([type, target]) =>
          new Promise<number>((resolve) => {
            window.page.bridge?.subscribe(({ waitingChunks }) => {
              if (waitingChunks > 0) resolve(waitingChunks)
            })
            if (type !== "freeze") Object.defineProperty(document, "visibilityState", { value: "hidden" })
            const events = target === "window" ? window : document
            events.dispatchEvent(new Event(type))
          }),
        [type, target] as const,
      )
      expect(waiting).toBe(1)
      await page.close()
    },
  )
})

describe("what goes wrong is said", () => {
  test("[bridge 25] a second tab is told that the store is owned; when the first is closed it is free", async () => {
    const device = await server.addDevice()
    const [first, second] = [await openPage(), await openPage()]
    expect(await openBridge(first, device, "owned")).toBeNull()
    expect(await openBridge(second, device, "owned")).toMatch(/^BufferOwned: owned is in use/)
    await record(first, 0, 5)
    await flush(first)
    await first.close()
    expect(await openBridge(second, device, "owned")).toBeNull()
    await record(second, 5, 10)
    await drained(second)
    expect(server.valuesOf(device.deviceId)).toEqual(upTo(10))
    await second.close()
  })

  test("[bridge 30] storage that the browser evicted is noticed at the next opening, with what waited in it", async () => {
    const device = await server.addDevice()
    let page = await openPage()
    await openBridge(page, device, "evicted", NOBODY)
    for (let chunk = 0; chunk < 3; chunk++) {
      await record(page, chunk, chunk + 1)
      await flush(page)
    }
    await page.evaluate(() => window.page.bridge?.close())
    await browser.evict(page)
    await page.close()

    page = await openPage()
    expect(await openBridge(page, device, "evicted")).toBeNull()
    const [evicted, ...others] = await events(page)
    expect(others).toEqual([])
    expect(evicted).toMatchObject({ _tag: "StorageEvicted", store: "evicted", lost: [{ first: 1, last: 3 }] })
    // Recording goes on, and what was lost is told once.
    await record(page, 100, 103)
    await drained(page)
    expect(server.valuesOf(device.deviceId)).toEqual([100, 101, 102])
    await page.evaluate(() => window.page.bridge?.close())
    await openBridge(page, device, "evicted")
    expect((await events(page)).length).toBe(1)
    await page.close()
  })

  test("a sample that is none is an event, and the others are recorded", async () => {
    const device = await server.addDevice()
    const page = await openPage()
    await openBridge(page, device, "refused")
    await page.evaluate(() => {
      window.page.bridge?.record("", "power", 1, 1)
      window.page.bridge?.record("strap-01", "power", 1, 7)
    })
    await drained(page)
    expect(await events(page)).toMatchObject([{ _tag: "SampleRefused" }])
    expect(server.valuesOf(device.deviceId)).toEqual([7])
    await page.close()
  })

  test("a closed bridge takes no more, and gives its store free", async () => {
    const device = await server.addDevice()
    const page = await openPage()
    await openBridge(page, device, "closed")
    await page.evaluate(() => window.page.bridge?.close())
    const thrown = await page.evaluate(() => {
      try {
        window.page.bridge?.record("strap-01", "power", 1, 1)
        return "nothing"
      } catch (error) {
        return String(error)
      }
    })
    expect(thrown).toContain("The bridge is closed")
    expect(await page.evaluate(() => window.page.bridge?.status().state)).toBe("closed")
    expect(await openBridge(page, device, "closed")).toBeNull()
    await page.close()
  })
})
