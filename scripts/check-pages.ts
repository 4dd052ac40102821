/**
 * Opens the pages of a real server, with the demo class, in a real Chromium, and checks what a person would
 * notice: tiles appear at once, numbers move, nothing jumps, nothing is asked of the internet, nothing is logged
 * as an error; the wall says so when its server dies, and is live again when it is back; an athlete who changes the
 * same of their profile on two phones sees both values and chooses; one reads, parts, takes along and erases what they did.
 *
 *   bash scripts/with-chromium.sh bun scripts/check-pages.ts [--pictures FOLDER]
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { type Browser, chromium, type Page } from "playwright-core"
import { checkMyPage, train } from "./my-page.ts"
import { startPaceline } from "./server-under-test.ts"

const { values: options } = parseArgs({ options: { pictures: { type: "string" } } })

const executablePath = process.env["PACELINE_CHROMIUM"]
if (executablePath === undefined) {
  console.error("PACELINE_CHROMIUM names no browser. Run this through scripts/with-chromium.sh.")
  process.exit(1)
}

const DEMO_ATHLETES = 12
const TELEVISION = { width: 1920, height: 1080 }
const PHONE = { width: 390, height: 844 }

let failed = 0
const check = (holds: boolean, what: string): void => {
  console.log(`${holds ? "ok  " : "FAIL"} ${what}`)
  if (!holds) failed++
}

/** A page whose errors and foreign requests are collected. */
const openPage = async (browser: Browser, viewport: { width: number; height: number }, url: string) => {
  const page = await browser.newPage({ viewport, colorScheme: "dark" })
  const errors: Array<string> = []
  const foreign: Array<string> = []
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text())
  })
  page.on("pageerror", (error) => errors.push(String(error)))
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url())
    if (protocol !== "data:" && protocol !== "blob:" && host !== new URL(url).host) foreign.push(request.url())
  })
  await page.goto(url)
  return { page, errors, foreign }
}

const picture = async (page: Page, name: string, fullPage = false): Promise<void> => {
  if (options.pictures === undefined) return
  mkdirSync(options.pictures, { recursive: true })
  await page.screenshot({ path: join(options.pictures, `${name}.png`), fullPage })
}

const boxes = (page: Page) =>
  page.$$eval("article.tile", (tiles) =>
    tiles.map((tile) => {
      const { x, y, width, height } = tile.getBoundingClientRect()
      return [x, y, width, height].map(Math.round).join(" ")
    }),
  )

const figures = (page: Page) =>
  page.$$eval("article.tile .tile-figure", (all) => all.map((figure) => figure.textContent ?? ""))

const checkWall = async (browser: Browser, url: string): Promise<Page> => {
  const { page, errors, foreign } = await openPage(browser, TELEVISION, `${url}/wall`)
  await page.waitForFunction((count) => document.querySelectorAll("article.tile").length === count, DEMO_ATHLETES, {
    timeout: 15_000,
  })
  await page.waitForSelector('.wall[data-state="live"]', { timeout: 15_000 })
  check(true, `the wall shows ${DEMO_ATHLETES} tiles and says that it is live`)
  const before = { boxes: await boxes(page), figures: await figures(page) }
  await page.waitForTimeout(4000)
  const after = { boxes: await boxes(page), figures: await figures(page) }
  check(before.figures.join() !== after.figures.join(), "heart rates move")
  check(before.boxes.join() === after.boxes.join(), "no tile moves or changes its size")
  const scrolls = await page.evaluate(
    () => document.documentElement.scrollHeight > innerHeight || document.documentElement.scrollWidth > innerWidth,
  )
  check(!scrolls, "a television does not scroll")
  await picture(page, "wall-dark")
  await page.emulateMedia({ colorScheme: "light" })
  await picture(page, "wall-light")
  await page.emulateMedia({ colorScheme: "dark" })
  check(errors.length === 0, `no errors in the wall's console ${errors.join("; ")}`)
  check(foreign.length === 0, `the wall asks nothing of other hosts ${foreign.join(" ")}`)
  return page
}

const checkPhone = async (browser: Browser, url: string): Promise<void> => {
  const { page } = await openPage(browser, PHONE, `${url}/wall`)
  await page.waitForSelector("article.tile", { timeout: 15_000 })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  check(!wide, "on a phone the wall does not scroll sideways")
  await picture(page, "wall-phone")
  await page.close()
}

const checkOthers = async (browser: Browser, url: string): Promise<void> => {
  for (const path of ["/", "/me", "/docs"]) {
    const { errors, foreign, page } = await openPage(browser, TELEVISION, `${url}${path}`)
    await page.waitForLoadState("networkidle")
    // biome-ignore lint/performance/useDomNodeTextContent: what a person sees, without scripts and hidden text
    const text = await page.evaluate(() => document.body.innerText.trim().length)
    check(text > 40, `${path} shows something (${text} characters)`)
    check(errors.length === 0, `no errors in the console of ${path} ${errors.join("; ")}`)
    check(foreign.length === 0, `${path} asks nothing of other hosts ${foreign.join(" ")}`)
    await picture(page, `page${path.replaceAll("/", "-")}`)
    await page.close()
  }
}

/** A new athlete's own page, as their link opens it. */
const addAthlete = async (url: string, adminKey: string, alias: string): Promise<string> => {
  const response = await fetch(`${url}/v1/athletes`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ alias }),
  })
  const added: unknown = await response.json()
  if (typeof added !== "object" || added === null || !("key" in added)) throw new Error(JSON.stringify(added))
  return `${url}/me#key=${added.key}`
}

const save = async (page: Page): Promise<void> => {
  await page.getByRole("button", { name: "Save", exact: true }).click()
}

/** Two phones of one athlete. */
const checkConflict = async (browser: Browser, url: string, adminKey: string): Promise<void> => {
  const link = await addAthlete(url, adminKey, "Marlene")
  const here = await openPage(browser, PHONE, link)
  const there = await openPage(browser, PHONE, link)
  const name = "Name on the wall"
  await here.page.getByLabel(name).waitFor({ timeout: 15_000 })
  await there.page.getByLabel(name).waitFor({ timeout: 15_000 })

  await there.page.getByLabel("Highest heart rate").fill("184")
  await save(there.page)
  await there.page.getByText("Saved.").waitFor()
  await here.page.getByRole("switch").click()
  await save(here.page)
  await here.page.getByText("What you changed on another device is kept too.").waitFor()
  check(
    (await here.page.getByLabel("Highest heart rate").inputValue()) === "184",
    "changes of two phones are both kept",
  )

  await there.page.reload()
  await there.page.getByLabel(name).fill("Marlene van der Noordkap")
  await there.page.getByLabel("Highest heart rate").fill("186")
  await save(there.page)
  await there.page.getByText("Saved.").waitFor()
  await here.page.getByLabel(name).fill("Lene")
  await here.page.getByLabel("Highest heart rate").fill("190")
  await save(here.page)
  const button = here.page.getByRole("button", { name: "Save my choice" })
  await button.waitFor()
  check((await here.page.getByRole("radio").count()) === 4, "both values of both fields are shown")
  check(await button.isDisabled(), "nothing is chosen for the athlete")
  const heading = await here.page.evaluate(() => document.activeElement?.textContent?.trim())
  check(heading === "Which one is right?", "the question is what a screen reader reads next")
  const wide = await here.page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  check(!wide, "on a phone the choice does not scroll sideways")
  await picture(here.page, "me-conflict")

  const alias = here.page.getByRole("group", { name })
  await alias.getByRole("radio", { name: /Keep mine/ }).focus()
  await here.page.keyboard.press("Space")
  await here.page.getByRole("group", { name: "Highest heart rate" }).getByText("186 beats a minute").click()
  await picture(here.page, "me-conflict-chosen")
  await button.click()
  await here.page.getByText("Saved.").waitFor()
  const chosen = [
    await here.page.getByLabel(name).inputValue(),
    await here.page.getByLabel("Highest heart rate").inputValue(),
  ]
  check(chosen.join() === "Lene,186", `what was chosen is saved, field by field (${chosen.join()})`)
  await there.page.reload()
  await there.page.getByRole("heading", { name: "Hello, Lene" }).waitFor()
  check(true, "the other phone sees what was chosen")
  for (const { errors, foreign, page } of [here, there]) {
    // The browser itself writes each answer of 409 into its console.
    const unexpected = errors.filter((error) => !error.includes("409"))
    check(unexpected.length === 0, `no errors in the console of /me ${unexpected.join("; ")}`)
    check(foreign.length === 0, `/me asks nothing of other hosts ${foreign.join(" ")}`)
    await page.close()
  }
}

/** What one athlete did, until nothing of it is left. */
const checkActivities = async (browser: Browser, url: string, adminKey: string): Promise<void> => {
  const alias = "Wilhelmina"
  const trained = await train(url, adminKey, alias)
  const { errors, foreign, page } = await openPage(browser, PHONE, trained.link)
  await checkMyPage(page, trained, alias, { check, picture })
  // The browser itself writes the refusals that were put in the way into its console.
  const unexpected = errors.filter((error) => !/ 403 | 503 /.test(error))
  check(unexpected.length === 0, `no errors in the console of /me ${unexpected.join("; ")}`)
  check(foreign.length === 0, `/me asks nothing of other hosts ${foreign.join(" ")}`)
  await page.close()
}

const folder = mkdtempSync(join(tmpdir(), "paceline-pages-"))
let server = await startPaceline(join(folder, "data"))
const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
})
try {
  const wall = await checkWall(browser, server.url)
  await checkPhone(browser, server.url)
  await checkOthers(browser, server.url)
  const adminKey = readFileSync(join(folder, "data", "admin.key"), "utf8").trim()
  await checkConflict(browser, server.url, adminKey)
  await checkActivities(browser, server.url, adminKey)

  const { port } = new URL(server.url)
  await server.stop()
  await wall.waitForSelector('.wall[data-state="lost"]', { timeout: 15_000 })
  check(true, "the wall says so when the server is gone")
  await picture(wall, "wall-lost")
  server = await startPaceline(join(folder, "data"), Number(port))
  await wall.waitForSelector('.wall[data-state="live"]', { timeout: 20_000 })
  check(true, "the wall is live again when the server is back")
} catch (error) {
  check(false, String(error))
} finally {
  await browser.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(failed === 0 ? 0 : 1)
