/** The example page, served by its own program, in a real Chromium: the simulated strap is recorded and delivered. */
import { join, resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import { Browser } from "./Chromium.ts"
import { PaceServer } from "./PaceServer.ts"

const repository = resolve(import.meta.dirname, "../../../..")
const browser = new Browser()
let server: PaceServer
let child: Bun.Subprocess<"ignore", "pipe", "inherit">
let address = ""

beforeAll(async () => {
  server = await PaceServer.start()
  child = Bun.spawn([process.execPath, join("examples", "web-bluetooth", "main.ts"), "--stay", "--port", "0"], {
    cwd: repository,
    env: { ...process.env, PACELINE_URL: server.url, PACELINE_DATA: server.folder },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  })
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    address += piece.match(/with a simulated strap at (\S+)/)?.[1] ?? ""
    if (address !== "") break
  }
}, 60_000)
afterAll(async () => {
  await browser.quit()
  child.kill()
  await child.exited
  await server.stop()
})

test("a strap is shown, recorded and delivered; the activity can be ended; nothing is wrong", async () => {
  const page = await browser.open(address)
  const errors: Array<string> = []
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text())
  })
  await page.waitForFunction(() => /^\d{2,3}$/.test(document.getElementById("bpm")?.textContent ?? ""))
  await page.waitForFunction(() => Number(document.getElementById("delivered")?.textContent) > 1)
  await page.getByRole("button", { name: "End the activity" }).click()
  await page.waitForFunction(() => document.getElementById("waiting")?.textContent === "0")
  await page.getByRole("button", { name: "Connect a strap" }).waitFor()
  const deviceId = await page.evaluate(async () => String(Object(await (await fetch("/strap.json")).json()).deviceId))
  // The marks of the activity's begin and end are samples too. The page hears of the last ones a moment later.
  let shown = 0
  let stored = -1
  for (let looks = 0; shown !== stored && looks < 100; looks++) {
    await sleep(50)
    stored = server.valuesOf(deviceId).length
    shown = Number(await page.locator("#recorded").textContent())
  }
  expect(stored).toBe(shown)
  expect(shown).toBeGreaterThan(5)
  expect(await page.locator("#notice").isVisible()).toBe(false)
  expect(errors).toEqual([])
}, 60_000)
