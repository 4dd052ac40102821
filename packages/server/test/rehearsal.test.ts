/**
 * The rehearsal as a user runs it: a process of its own, real servers and bridges, real kills. What it computes is
 * tested beside its parts; here it has to hold together, to be honest with its exit code, and to leave nothing behind.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const root = fileURLToPath(new URL("../../..", import.meta.url))

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline rehearsal test "))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Starts `paceline rehearse` with a temporary folder of its own, so that what it leaves there can be seen. */
const rehearse = (name: string, ...flags: ReadonlyArray<string>) => {
  const temporary = join(folder, name)
  mkdirSync(temporary)
  const child = Bun.spawn([process.execPath, join(root, "packages/server/src/main.ts"), "rehearse", ...flags], {
    env: { ...process.env, TMPDIR: temporary, NODE_ENV: "production" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const ended = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]).then(
    ([out, err, code]) => ({ out, err, code }),
  )
  return { child, ended, temporary }
}

/** The processes that run in this folder, by their command lines. Only Linux shows them. */
const processesIn = (path: string): ReadonlyArray<string> =>
  process.platform !== "linux"
    ? []
    : readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .flatMap((pid) => {
          try {
            return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")]
          } catch {
            return []
          }
        })
        .filter((command) => command.includes(path))

describe("paceline rehearse", () => {
  it("loses nothing, doubles nothing, and gets every point right, and says so in one JSON object", async () => {
    const { ended, temporary } = rehearse("whole", "--athletes", "4", "--seconds", "8", "--speed", "20", "--json")
    const { out, err, code } = await ended
    expect(code, err).toBe(0)
    expect(out.trimEnd().split("\n")).toHaveLength(1)
    const report: unknown = JSON.parse(out)
    expect(report).toMatchObject({ athletes: 4, lost: 0, duplicated: 0, mismatched: 0, kills: 3 })
    const figure = (name: string) => Number(Reflect.get(Object(report), name))
    expect(figure("samplesRecorded")).toBeGreaterThan(1000)
    expect(figure("samplesStored")).toBe(figure("samplesRecorded"))
    expect(figure("pointsExpected")).toBeGreaterThan(0)
    expect(figure("pointsAwarded")).toBe(figure("pointsExpected"))
    expect(figure("chunks")).toBeGreaterThan(20)
    expect(figure("networkCutSeconds")).toBeCloseTo(8 / 3, 1)
    for (const name of ["liveP50Ms", "liveP99Ms", "redeliveriesSuppressed", "seconds"]) {
      expect(Number.isFinite(figure(name)), name).toBe(true)
    }
    expect(err).toMatch(/All [\d,]+ samples arrived exactly once/)
    expect(readdirSync(temporary)).toEqual([])
    expect(processesIn(temporary)).toEqual([])
  }, 120_000)

  it("ends its processes and removes its folder when it is interrupted", async () => {
    const { child, ended, temporary } = rehearse("interrupted", "--athletes", "2", "--seconds", "60")
    const deadline = Date.now() + 20_000
    const running = () => readdirSync(temporary).flatMap((name) => readdirSync(join(temporary, name)))
    while (!running().includes("bridge") && Date.now() < deadline) await Bun.sleep(50)
    expect(running()).toEqual(expect.arrayContaining(["bridge", "server"]))
    child.kill("SIGINT")
    const { code } = await ended
    expect(code).toBe(130)
    expect(processesIn(temporary)).toEqual([])
    expect(readdirSync(temporary)).toEqual([])
  }, 60_000)

  it("refuses a file that is missing or no activity, before anything starts", async () => {
    const broken = join(folder, "broken.fit")
    writeFileSync(broken, "this is no FIT file")
    for (const [name, file, words] of [
      ["missing", join(folder, "nowhere.fit"), "nowhere.fit"],
      ["broken", broken, "broken.fit"],
    ] as const) {
      const { ended, temporary } = rehearse(name, "--file", file, "--json")
      const { out, err, code } = await ended
      expect(code).toBe(1)
      expect(out).toBe("")
      expect(err).toContain(words)
      expect(err).not.toContain("    at ")
      expect(readdirSync(temporary)).toEqual([])
    }
  }, 60_000)

  it("refuses to keep its data in a folder that holds something", async () => {
    const { ended, temporary } = rehearse("kept", "--keep", root, "--seconds", "6")
    const { err, code } = await ended
    expect(code).toBe(1)
    expect(err).toContain("is not empty")
    expect(readdirSync(temporary)).toEqual([])
  }, 60_000)
})
