import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const pages = ["home", "wall", "me"]

const built = async (page: string) => {
  const entry = fileURLToPath(new URL(`./${page}/index.html`, import.meta.url))
  const { outputs, success } = await Bun.build({ entrypoints: [entry], minify: true })
  expect(success).toBe(true)
  return Promise.all(outputs.map(async (output) => ({ path: output.path, text: await output.text() })))
}

/** Addresses that name something and are never asked for. */
const NAMES = /^https?:\/\/(www\.w3\.org\/|127\.0\.0\.1)/

describe.each(pages)("the page %s", (page) => {
  it("asks no other server for anything", async () => {
    const files = await built(page)
    const addresses = files.flatMap(({ text }) => text.match(/https?:\/\/[a-z0-9.-]+[^"'`\s)]*/gi) ?? [])
    expect(addresses.filter((address) => !NAMES.test(address))).toEqual([])
    expect(files.some(({ text }) => /@font-face|@import url/i.test(text))).toBe(false)
  })

  it("has a language, a title and room for a phone, and is small", async () => {
    const files = await built(page)
    const html = files.find(({ path }) => path.endsWith(".html"))?.text ?? ""
    expect(html).toMatch(/<html lang="en">/)
    expect(html).toMatch(/<title>[^<]*Paceline<\/title>/)
    expect(html).toMatch(/name="viewport"/)
    const scripts = files.filter(({ path }) => path.endsWith(".js"))
    const kilobytes = scripts.reduce((sum, { text }) => sum + Bun.gzipSync(text).byteLength, 0) / 1024
    expect(kilobytes).toBeGreaterThan(5)
    expect(kilobytes).toBeLessThan(40)
  })
})
