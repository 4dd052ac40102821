/** The browser's driver, in a real Chromium on its real storage. */

import type { Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { driverSuite } from "../../src/drivers/DriverSuite.ts"
import { Browser, type Site, serveSite } from "./Chromium.ts"

const browser = new Browser()
let site: Site

beforeAll(async () => {
  site = await serveSite(["driver-suite-worker", "store-worker"])
}, 60_000)
afterAll(async () => {
  await browser.quit()
  await site.stop()
})

describe("@sqlite.org/sqlite-wasm in Chromium", () => {
  let results: unknown = "nothing came"
  beforeAll(async () => {
    const page = await browser.open(site.url)
    results = await page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker("/driver-suite-worker.js", { type: "module" })
          worker.onmessage = ({ data }) => resolve(data)
          worker.onerror = ({ message }) => reject(new Error(message))
        }),
    )
    await page.close()
  }, 60_000)

  test.each(driverSuite)("$name", ({ name }) => {
    expect(results).toContainEqual({ name, failure: null })
  })
})

/** A tab whose worker does what it is told to. */
const openTab = async (): Promise<Tab> => {
  const page = await browser.open(site.url)
  await page.evaluate(() => {
    const worker = new Worker("/store-worker.js", { type: "module" })
    const waiting = new Map<number, (result: unknown) => void>()
    worker.onmessage = ({ data: [id, result] }) => waiting.get(id)?.(result)
    let last = 0
    Object.assign(window, {
      tell: (...message: ReadonlyArray<unknown>) =>
        new Promise((resolve) => {
          waiting.set(++last, resolve)
          worker.postMessage([last, ...message])
        }),
      terminate: () => worker.terminate(),
    })
  })
  return new Tab(page)
}

class Tab {
  readonly page: Page
  constructor(page: Page) {
    this.page = page
  }
  tell(...message: ReadonlyArray<unknown>): Promise<unknown> {
    // biome-ignore lint/suspicious/noExplicitAny: what `openTab` put there
    return this.page.evaluate((parameters) => (window as any).tell(...parameters), message)
  }
  /** Ends the worker alone, as a browser that is short of memory may. */
  terminate(): Promise<void> {
    // biome-ignore lint/suspicious/noExplicitAny: what `openTab` put there
    return this.page.evaluate(() => (window as any).terminate())
  }
}

describe("one owner across tabs", () => {
  test("[bridge 25] the second tab is told so and harms nothing; when the first is gone, the store is free", async () => {
    const first = await openTab()
    expect(await first.tell("own", "tabs", 1_000)).toEqual([])
    await first.tell("open", "buffer.sqlite")
    await first.tell("exec", "create table entry (value); insert into entry values ('kept')")

    const second = await openTab()
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await second.tell("own", "tabs", 100)).toMatchObject({ code: "SQLITE_BUSY" })
    }
    expect(await second.tell("own", "another", 1_000)).toEqual([])
    await second.page.close()
    expect(await first.tell("all", "select value from entry")).toEqual([{ value: "kept" }])

    await first.page.close()
    const third = await openTab()
    expect(await third.tell("own", "tabs", 5_000)).toEqual(["buffer.sqlite", "buffer.sqlite-wal"])
    await third.tell("open", "buffer.sqlite")
    expect(await third.tell("all", "select value from entry")).toEqual([{ value: "kept" }])
    await third.page.close()
  })

  test("[bridge 25] a worker that is terminated frees the store, and so does one that releases it", async () => {
    const tab = await openTab()
    await tab.tell("own", "ended", 1_000)
    await tab.tell("open", "buffer.sqlite")
    await tab.terminate()
    const next = await openTab()
    expect(await next.tell("own", "ended", 5_000)).toContain("buffer.sqlite")
    await next.tell("release")
    const last = await openTab()
    expect(await last.tell("own", "ended", 5_000)).toContain("buffer.sqlite")
    await last.tell("release")
    expect(await next.tell("own", "ended", 5_000)).toContain("buffer.sqlite")
    for (const { page } of [tab, next, last]) await page.close()
  })
})

test("[bridge 21] an origin without more storage is SQLITE_FULL; deleting works, and there is room again", async () => {
  const tab = await openTab()
  await tab.tell("own", "full", 1_000)
  await tab.tell("open", "buffer.sqlite")
  await tab.tell("exec", "create table entry (id integer primary key, value); insert into entry values (1, 'kept')")
  await tab.tell("occupy", "reserve", 1_000_000)
  await browser.limitStorage(tab.page, 12_000_000)
  expect(await tab.tell("fill", "", 400)).toEqual({
    code: "SQLITE_FULL",
    message: "SqliteFailure: the browser gives this site no more storage",
  })
  expect(await tab.tell("occupy", "more", 5_000_000)).toMatchObject({ code: "SQLITE_FULL" })
  expect(await tab.tell("exists", "more")).toBe(false)
  expect(await tab.tell("all", "select value from entry where id = 1")).toEqual([{ value: "kept" }])
  expect(await tab.tell("all", "pragma integrity_check")).toEqual([{ integrity_check: "ok" }])
  await browser.limitStorage(tab.page, null)
  expect(await tab.tell("exec", "delete from entry where id > 1")).toBeUndefined()
  expect(await tab.tell("fill", "", 20)).toBeUndefined()
  await tab.page.close()
})

test("what was committed is there after the browser crashed", async () => {
  const tab = await openTab()
  await tab.tell("own", "crash", 1_000)
  await tab.tell("open", "buffer.sqlite")
  await tab.tell("exec", "create table entry (value)")
  await tab.tell("fill", "", 7)
  await browser.kill(tab.page)

  const again = await openTab()
  expect(await again.tell("own", "crash", 5_000)).toEqual(["buffer.sqlite", "buffer.sqlite-wal"])
  await again.tell("open", "buffer.sqlite")
  expect(await again.tell("all", "select count(*) as entries from entry")).toEqual([{ entries: 7 }])
  await again.page.close()
})

test("with synchronous = full a commit flushes the file before it returns", async () => {
  const tab = await openTab()
  await tab.tell("own", "flushes", 1_000)
  await tab.tell("open", "buffer.sqlite")
  await tab.tell("exec", "create table entry (value)")
  await tab.tell("fill", "", 1)
  expect(await tab.tell("flushes")).toBeGreaterThan(0)
  await tab.tell("fill", "", 5)
  expect(await tab.tell("flushes")).toBeGreaterThanOrEqual(5)
  await tab.tell("exec", "pragma synchronous = off")
  await tab.tell("flushes")
  await tab.tell("fill", "", 5)
  expect(await tab.tell("flushes")).toBe(0)
  await tab.page.close()
})
