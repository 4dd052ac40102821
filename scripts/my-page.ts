/**
 * What an athlete does on their own page, in a real browser: they read an activity that strap and watch recorded, by
 * pointer and by key, part it and put it together again, take their data along, and erase themselves to the end.
 *
 * The recordings come in as a bridge sends them, so that the page shows what the whole server made of them.
 */
import { readFileSync } from "node:fs"
import { Bundle, crc32, FrameSequence, TelemetryFrame } from "@paceline/core/wire"
import type { Page } from "playwright-core"

const MINUTE = 60_000

export interface Trained {
  readonly link: string
  readonly athleteId: string
}

const ask = async (url: string, adminKey: string, method: string, path: string, body: object): Promise<unknown> => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  })
  const answer: unknown = await response.json()
  if (!response.ok) throw new Error(JSON.stringify(answer))
  return answer
}

const fieldOf = (value: unknown, ...path: ReadonlyArray<string>): string => {
  let at = value
  for (const name of path) at = typeof at === "object" && at !== null ? Reflect.get(at, name) : undefined
  return String(at)
}

/** A heart in a class: it warms up, works in intervals, and calms down. Beats a minute at a second. */
const heartAt = (second: number, length: number): number => {
  const warm = Math.min(1, second / 480)
  const calm = Math.min(1, (length - second) / 300)
  const interval = 16 * Math.sin((second / 360) * Math.PI * 2)
  const breath = 2.5 * Math.sin(second / 7) + 1.5 * Math.sin(second * 1.7)
  return Math.round(92 + 55 * Math.min(warm, calm) + interval * Math.min(warm, calm) + breath)
}

interface Recording {
  readonly fromMs: number
  readonly minutes: number
  /** Minutes from, to, in which nothing was heard. */
  readonly hole?: readonly [number, number]
  /** The watch reads a little less. */
  readonly lower?: number
}

const CHUNK_SECONDS = 600

/** Sends what a sensor recorded, as its bridge would after a day without a network. */
const deliver = async (
  url: string,
  device: { readonly deviceId: string; readonly key: string },
  sensor: string,
  recordings: ReadonlyArray<Recording>,
): Promise<void> => {
  const frames: Array<TelemetryFrame.TelemetryFrame> = [{ _tag: "Hello", ...device, waiting: [] }]
  const add = (kind: "heartRate" | "activity", atMillis: ReadonlyArray<number>, values: ReadonlyArray<number>) => {
    const payload = Bundle.encode([{ sensor, kind, atMillis, values }])
    frames.push({ _tag: "Chunk", incarnation: "run-1", n: frames.length, crc: crc32(payload), payload })
  }
  for (const { fromMs, hole = [0, 0], lower = 0, minutes } of recordings) {
    const length = minutes * 60
    for (let start = 0; start < length; start += CHUNK_SECONDS) {
      const seconds = Array.from({ length: Math.min(CHUNK_SECONDS, length - start) }, (_, i) => start + i).filter(
        (second) => second < hole[0] * 60 || second >= hole[1] * 60,
      )
      const times = seconds.map((second) => fromMs + second * 1000)
      if (seconds.length > 0) {
        add(
          "heartRate",
          times,
          seconds.map((second) => heartAt(second, length) - lower),
        )
      }
    }
    add("activity", [fromMs + length * 1000], [0])
  }
  const body = FrameSequence.join(frames.map(TelemetryFrame.encode))
  const response = await fetch(`${url}/v1/telemetry`, { method: "POST", body })
  const answers = FrameSequence.split(new Uint8Array(await response.arrayBuffer()))?.map(TelemetryFrame.decode)
  const last = answers?.at(-1)
  if (last?._tag !== "Ack" || last.n !== frames.length - 1) throw new Error(`It was not taken: ${JSON.stringify(last)}`)
}

/** An athlete with a class of today that strap and watch recorded, a long ride of yesterday, and a short one before. */
export const train = async (url: string, adminKey: string, alias: string): Promise<Trained> => {
  const added = await ask(url, adminKey, "POST", "/v1/athletes", { alias, maxHeartRateBpm: 184 })
  const athleteId = fieldOf(added, "profile", "athleteId")
  const bridgeFor = async (name: string, sensor: string, source: string) => {
    const device = await ask(url, adminKey, "POST", "/v1/devices", { name })
    const deviceId = fieldOf(device, "deviceId")
    const pairing = { athleteId, classId: "main", source }
    await ask(url, adminKey, "PUT", `/v1/devices/${deviceId}/sensors/${sensor}`, pairing)
    return { deviceId, key: fieldOf(device, "key") }
  }
  const now = Math.floor(Date.now() / 1000) * 1000
  const today = { fromMs: now - 70 * MINUTE, minutes: 47 }
  await deliver(url, await bridgeFor("Studio", "strap-07", "strap"), "strap-07", [
    { fromMs: now - 40 * 24 * 60 * MINUTE, minutes: 12 },
    { fromMs: now - 26 * 60 * MINUTE, minutes: 160, hole: [70, 82] },
    { ...today, hole: [20, 24] },
  ])
  await deliver(url, await bridgeFor("Phone", "watch", "watch"), "watch", [
    { ...today, fromMs: today.fromMs + 20_000, minutes: 19, lower: 3 },
    { fromMs: today.fromMs + 22 * MINUTE, minutes: 25, lower: 3 },
  ])
  return { link: `${url}/me#key=${fieldOf(added, "key")}`, athleteId }
}

export interface Checks {
  readonly check: (holds: boolean, what: string) => void
  readonly picture: (page: Page, name: string, whole?: boolean) => Promise<void>
}

const isNarrowEnough = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)

/** Reads the newest activity by key and by pointer. */
const checkChart = async (page: Page, { check, picture }: Checks): Promise<void> => {
  const newest = page.locator(".activity").first()
  await newest.getByRole("button", { expanded: false }).first().click()
  const chart = newest.getByRole("slider", { name: "Heart rate over time" })
  await chart.waitFor({ timeout: 15_000 })
  const { band, mean } = await newest.evaluate((item) => ({
    mean: item.querySelector(".chart-mean")?.getAttribute("d") ?? "",
    band: item.querySelector(".chart-band")?.getAttribute("d") ?? "",
  }))
  check(mean.length > 500 && band.endsWith("Z"), "an activity shows its heart rate")
  await chart.focus()
  await page.keyboard.press("End")
  const last = await chart.getAttribute("aria-valuetext")
  check(/^\d+ bpm .* · 46:\d\d in · \d\d:\d\d$/.test(last ?? ""), `the keys read it (${last})`)
  const box = await chart.boundingBox()
  if (box !== null) await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  const middle = await newest.locator(".chart-reading").textContent()
  check(/ · 2\d:\d\d in · /.test(middle ?? ""), `so does the pointer (${middle})`)
  check(await isNarrowEnough(page), "on a phone it does not scroll sideways")
  await picture(page, "me-activity", true)
}

const checkParting = async (page: Page, { check, picture }: Checks): Promise<void> => {
  const items = page.locator(".activity")
  const before = await items.count()
  await page.getByRole("button", { name: "These are different activities" }).click()
  await page.waitForFunction(() => document.activeElement?.textContent?.trim() === "Part this activity?")
  check(true, "parting is asked for, and a screen reader hears it")
  await page.getByRole("button", { name: "Keep as one" }).click()
  check((await items.count()) === before, "nothing is parted unless it is said")
  await page.getByRole("button", { name: "These are different activities" }).click()
  await page.route("**/merges/*", (route) =>
    route.fulfill({ status: 403, json: { _tag: "Forbidden", message: "Not just now." } }),
  )
  await page.getByRole("button", { name: "Part them" }).click()
  await page.getByRole("alert").getByText("It could not be parted. Not just now.").waitFor()
  check((await items.count()) === before, "when it fails, the page says why and shows what is")
  await picture(page, "me-part", true)
  await page.unroute("**/merges/*")
  await page.getByRole("button", { name: "Part them" }).click()
  await page.getByText("Parted. Each recording counts by itself now.").waitFor()
  check((await items.count()) > before, `what was one is several (${before}, ${await items.count()})`)
  const sources = await page.locator(".activity-sources").allTextContents()
  check(sources.slice(0, 3).toSorted().join() === "strap,watch,watch", `each says what recorded it (${sources.join()})`)
  await page.locator(".activity", { hasText: "19 min" }).getByRole("button", { expanded: false }).click()
  const own = await page.locator(".chart figcaption").textContent()
  check(!own?.includes("nothing was heard"), `and shows what that one heard (${own})`)
  await picture(page, "me-parted", true)
  await page.getByRole("button", { name: "Put together again" }).click()
  await page.getByText("Parted.").waitFor({ state: "detached" })
  check((await items.count()) === before, "and can be put together again")
}

const checkDownload = async (page: Page, { athleteId }: Trained, { check }: Checks): Promise<void> => {
  const coming = page.waitForEvent("download")
  // By key: what stands above may still change its height, and a click would miss.
  await page.getByRole("button", { name: "Download my data" }).press("Enter")
  const file = await (await coming).path()
  const lines = readFileSync(file, "utf8").trimEnd().split("\n")
  const [first, last] = [lines[0] ?? "", lines.at(-1) ?? ""]
  check(first.includes(`"athleteId":"${athleteId}"`), "the download is the athlete's")
  check(last === `{"type":"end","records":${lines.length - 1}}`, `and whole (${lines.length} records)`)
  await page.getByText("Downloaded, all of it").waitFor()
}

const checkErasure = async (page: Page, alias: string, { check, picture }: Checks): Promise<void> => {
  await page.getByRole("button", { name: "Erase everything about me…" }).click()
  const button = page.getByRole("button", { name: "Erase everything", exact: true })
  const confirm = page.getByLabel(`Type ${alias} to confirm`)
  await confirm.fill(alias.slice(0, -1))
  check(await button.isDisabled(), "nothing is erased before the whole name is typed")
  await confirm.fill(alias)
  await picture(page, "me-erase", true)
  await page.route("**/v1/athletes/*", (route) =>
    route.fulfill({ status: 503, json: { _tag: "Unavailable", message: "Not just now." } }),
  )
  await button.click()
  await page.getByRole("alert").getByText("Not just now.").waitFor({ timeout: 30_000 })
  check(await confirm.isVisible(), "when it does not begin, the page says why and asks again")
  await page.unroute("**/v1/athletes/*")
  await button.click()
  await page.getByRole("heading", { name: "It is done" }).waitFor({ timeout: 30_000 })
  check(true, "the page says when it is done")
  check(!page.url().includes("key="), "the key is out of the address")
  await picture(page, "me-erased", true)
  await page.reload()
  await page.getByRole("heading", { name: "It is done" }).waitFor()
  check(true, "and says so when it is opened again")
}

/** All of it, in this order; the athlete is gone afterwards. */
export const checkMyPage = async (page: Page, trained: Trained, alias: string, checks: Checks): Promise<void> => {
  const merged = page.getByText("strap and watch")
  await merged.waitFor({ timeout: 15_000 })
  checks.check((await page.locator(".activity").count()) === 3, "an activity that strap and watch recorded is one")
  await checks.picture(page, "me-activities", true)
  await checkChart(page, checks)
  await checkParting(page, checks)
  await checkDownload(page, trained, checks)
  await checkErasure(page, alias, checks)
}
