/** The import as a process of its own, on both runtimes, against a real server. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { setTimeout as sleep } from "node:timers/promises"
import { Bundle } from "@paceline/core/wire"
import { gzipSync, strToU8, zipSync } from "fflate"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { bun, node, type Runtime } from "../../test/Runtimes.ts"
import { TelemetryServer } from "../../test/TelemetryServer.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { runBridge } from "./index.ts"

const main = join(import.meta.dirname, "..", "main.ts")
const key = "hush-hush-secret"

let folder = ""
let server: TelemetryServer
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline import ü-"))
  server = TelemetryServer.start({ key })
})
afterEach(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const START = Date.UTC(2026, 2, 1, 8)

/** A GPX file of so many seconds of heart rate, which begins at this hour. */
const gpx = (hour: number, seconds: number): Uint8Array => {
  const points = Array.from({ length: seconds }, (_, second) => {
    const time = new Date(START + 3_600_000 * hour + 1000 * second).toISOString()
    return `<trkpt><time>${time}</time><extensions><hr>${100 + (second % 50)}</hr></extensions></trkpt>`
  })
  return strToU8(`<gpx><trk><type>running</type><trkseg>${points.join("")}</trkseg></trk></gpx>`)
}

const stored = (): ReadonlyArray<string> =>
  server.stored.flatMap(({ payload }) => {
    const bundle = Bundle.decode(payload)
    if ("_tag" in bundle) throw new Error(bundle.detail)
    return bundle.flatMap(({ sensor, kind, atMillis, values }) =>
      atMillis.map((at, i) => `${sensor} ${kind} ${at} ${values[i]}`),
    )
  })

const start = ({ command, args }: Runtime, flags: ReadonlyArray<string>) => {
  const where = ["--url", server.url, "--device", "importer-1", "--data", join(folder, "data")]
  const child = spawn(command, [...args, main, "import", ...where, ...flags], {
    env: { ...process.env, PACELINE_DEVICE_KEY: key },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const exited = once(child, "close").then(([code]): unknown => code)
  return { child, said: Promise.all([text(child.stdout), text(child.stderr), exited]) }
}

describe.each([node, bun])("on $name", { timeout: 120_000 }, (runtime) => {
  test("imports a folder, tells what came of each file, and exits with 65 when one could not be read", async () => {
    const files = join(folder, "files")
    mkdirSync(files)
    writeFileSync(join(files, "a.gpx"), gpx(0, 90))
    writeFileSync(
      join(files, "b.zip"),
      zipSync({ "activities/c.gpx.gz": gzipSync(gpx(2, 60)), "a copy.gpx": gpx(0, 90) }),
    )
    writeFileSync(join(files, "d.fit"), "no activity")
    writeFileSync(join(files, "photo.jpg"), "")
    const [out, errors, code] = await start(runtime, [files]).said
    expect(out.replaceAll(`${files}/`, "").trim().split("\n")).toEqual([
      "a.gpx: running, 2026-03-01 08:00 UTC, 00:01:29, 92 samples",
      "b.zip/activities/c.gpx.gz: running, 2026-03-01 10:00 UTC, 00:00:59, 62 samples",
      "b.zip/a copy.gpx: running, 2026-03-01 08:00 UTC, 00:01:29, imported before",
      "2 files imported with 154 samples; 1 imported before, 1 could not be read, 1 passed over.",
      "The server has everything.",
    ])
    expect(errors).toContain("d.fit: This is no activity")
    expect(code).toBe(65)
    expect(stored()).toHaveLength(154)
  })

  test("[bridge 11] killed again and again, each sample and mark of each file is stored once", async () => {
    const files = join(folder, "export.zip")
    const hours = [0, 1, 2, 3, 4, 5]
    writeFileSync(files, zipSync(Object.fromEntries(hours.map((hour) => [`${hour}.gpx`, gpx(hour, 3_000)]))))
    // Each death comes some moments after the first file of its life: in the middle of another, or of delivering.
    for (const waitMillis of [0, 5, 20, 60]) {
      const life = start(runtime, [files, "--json"])
      await new Promise<void>((resolve) => {
        life.child.stdout?.on("data", (said: Buffer) => said.includes('"event":"file"') && resolve())
        life.child.once("exit", () => resolve())
      })
      await sleep(waitMillis)
      life.child.kill("SIGKILL")
      await life.said
    }
    const [out, errors, code] = await start(runtime, [files, "--json"]).said
    expect([errors, code]).toEqual(["", 0])
    const said = out
      .trim()
      .split("\n")
      .map((line): Record<string, unknown> => JSON.parse(line))
    expect(said.filter(({ event }) => event === "file")).toHaveLength(hours.length)
    expect(said.find(({ event }) => event === "report")).toMatchObject({ failed: 0, stopped: false, inThread: true })
    const all = hours.length * (3_000 + 2)
    expect([stored().length, new Set(stored()).size]).toEqual([all, all])
  })
})

describe("what cannot be done is said", () => {
  const run = async (...argv: ReadonlyArray<string>) => {
    const out: Array<string> = []
    const errors: Array<string> = []
    const code = await runBridge(["import", ...argv], {
      driver: bunSqlite(),
      env: { PACELINE_DEVICE_KEY: "wrong" },
      signal: AbortSignal.timeout(20_000),
      write: (line) => out.push(line),
      writeError: (line) => errors.push(line),
    })
    return { code, out: out.join("\n"), error: errors.join("\n") }
  }

  test.each([
    [[], "There is nothing to import"],
    [["a.fit", "--device", "d"], "--url is missing."],
    [["a.fit", "--url", "ws://gym", "--device", "d", "--sensor", "ä"], '--sensor: "ä" is no name'],
    [["a.fit", "--speed", "2"], "Unknown option '--speed'"],
  ])("wrong flags: exit code 64 (%j)", async (argv, message) => {
    expect(await run(...argv)).toMatchObject({ code: 64, error: expect.stringContaining(message) })
  })

  test("--help tells about every flag, and exits with 0", async () => {
    const { code, out } = await run("--help")
    expect(code).toBe(0)
    for (const flag of "url device key sensor data no-wait json help".split(" ")) expect(out).toContain(`  --${flag} `)
  })

  test("a wrong key: exit code 77, and what was read waits on the disk", async () => {
    const file = join(folder, "a.gpx")
    writeFileSync(file, gpx(0, 10))
    const { code, error } = await run(file, "--url", server.url, "--device", "d", "--data", join(folder, "data"))
    expect(code).toBe(77)
    expect(error).toContain("The server refuses this device (unauthorized)")
  })

  test("a data folder that cannot be: exit code 73", async () => {
    writeFileSync(join(folder, "file"), "")
    const { code, error } = await run(
      "a.fit",
      "--url",
      server.url,
      "--device",
      "d",
      "--data",
      join(folder, "file", "x"),
    )
    expect(code).toBe(73)
    expect(error).toContain("Choose another with --data.")
  })
})
