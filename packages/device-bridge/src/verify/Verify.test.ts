/** The kit as makers run it: it finds a good bridge good, on both runtimes, and a bad one bad. */
import { spawn } from "node:child_process"
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { text } from "node:stream/consumers"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { bun, node } from "../../test/Runtimes.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { openBridge } from "../index.ts"
import type { BridgeIo } from "../process/index.ts"
import { Bench, type Check } from "./Check.ts"
import type { Report } from "./Report.ts"
import { checks, resultOf, runVerify } from "./Verify.ts"
import { VERIFY_HELP } from "./VerifyFlags.ts"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-verify-test-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const said: Array<string> = []
beforeEach(() => {
  said.length = 0
})

const io: BridgeIo = {
  driver: bunSqlite(),
  env: {},
  signal: new AbortController().signal,
  write: (line) => said.push(line),
  writeError: (line) => said.push(line),
}

const MAIN = resolve(import.meta.dirname, "../main.ts")

describe.each([node, bun])("this package, on $name", { timeout: 120_000 }, ({ command, args }) => {
  test("passes, and the report says so in each form", async () => {
    const report = join(folder, "report.html")
    const only = ["bytes", "delivery/http", "crash", "disk", "clock"].flatMap((name) => ["--only", name])
    const child = spawn(command, [...args, MAIN, "verify", "--json", "--seed", "7", "--report", report, ...only])
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect(errors).toBe("")
    const found: Report = JSON.parse(output)
    expect(found.checks.filter(({ passed }) => !passed)).toEqual([])
    expect(found).toMatchObject({ failed: 0, passed: 13, seed: 7, subject: "@paceline/device-bridge 0.1.0" })
    expect(found.sqlite).toMatch(/^3\.\d+\.\d+ \(/)
    const page = readFileSync(report, "utf8")
    expect(page).toContain("All 13 checks passed.")
    expect(page).not.toMatch(/(src|href)=/)
  })
})

describe("a bridge that breaks promises is found out", () => {
  const bench = (driver = bunSqlite()) => new Bench({ driver, seed: 1, self: [process.execPath, MAIN] })
  const check = (name: string): Check => {
    const found = checks.find((one) => one.name === name)
    if (found === undefined) throw new Error(`no check is called ${name}`)
    return found
  }

  test("one that forgets what it flushed when it is started again", async () => {
    const forgetful = {
      ...bunSqlite(),
      open: (path: string) => {
        if (!path.endsWith(".lock")) for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true })
        return bunSqlite().open(path)
      },
    }
    expect(await resultOf(check("network/absent"), bench(forgetful))).toMatchObject({
      passed: false,
      seen: "of 200 samples 200 are lost and 0 stored twice or more",
    })
  }, 30_000)

  test("one whose errors are not typed", async () => {
    const coarse = {
      ...bunSqlite(),
      open: (path: string) => {
        const database = bunSqlite().open(path)
        const transaction = <A>(body: () => A): A => {
          try {
            return database.transaction(body)
          } catch {
            throw new Error("it does not work")
          }
        }
        return { ...database, transaction }
      },
    }
    expect(await resultOf(check("disk/full"), bench(coarse))).toMatchObject({
      passed: false,
      seen: expect.stringContaining("flush said: Error: it does not work"),
    })
  }, 30_000)
})

describe("a bridge of others", () => {
  const visit = async (listed: (line: string) => string): Promise<number> => {
    const recorded = join(folder, "recorded.ndjson")
    const running = runVerify(["--listen", "0", "--recorded", recorded, "--timeout", "40", "--seed", "1"], io)
    while (said.length === 0) await Bun.sleep(5)
    const url = /ws:\S+\d/.exec(said[0] ?? "")?.[0] ?? ""
    const backoff = { baseMillis: 5, maxMillis: 60, factor: 2 }
    const bridge = openBridge({
      path: join(folder, "theirs.sqlite"),
      driver: bunSqlite(),
      url,
      deviceId: "theirs",
      key: "secret",
      flushMillis: 600_000,
      limits: { backoff, heartbeatMillis: 100, deadMillis: 400, ackMillis: 400 },
    })
    try {
      let atMs = 1_700_000_000_000
      // Until the script is over.
      for (let over = false; !over; atMs += 1_000) {
        bridge.record("strap-1", "heartRate", atMs, 60 + ((atMs / 1_000) % 100))
        await bridge.flush()
        const line = { sensor: "strap-1", kind: "heartRate", atMs, value: 60 + ((atMs / 1_000) % 100) }
        appendFileSync(recorded, listed(`${JSON.stringify(line)}\n`))
        await Bun.sleep(15)
        over = said.some((line) => line.startsWith("The script is over"))
      }
      appendFileSync(recorded, '{"end":true}\n')
      return await running
    } finally {
      await bridge.close()
    }
  }

  test("that delivers everything through all that the server does passes", async () => {
    const code = await visit((line) => line)
    expect(said.at(-1), said.join("\n")).toBe("All 11 checks passed. Seed 1.")
    expect(code).toBe(0)
  }, 60_000)

  test("that lost a sample fails, and the sample is named", async () => {
    let lines = 0
    const code = await visit((line) => (++lines === 5 ? line.replace(/"value":\d+/, '"value":199') : line))
    expect(code).toBe(1)
    expect(said.join("\n")).toMatch(/1 lost.*strap-1 heartRate: 199 at 1700000004000 never arrived/)
  }, 60_000)
})

test("a file that is none is said in a sentence, with its line", async () => {
  const recorded = join(folder, "recorded.ndjson")
  appendFileSync(recorded, "heart rate 61\n")
  expect(await runVerify(["--listen", "0", "--recorded", recorded], io)).toBe(1)
  expect(said.at(-1)).toBe("line 1 of what was recorded is no JSON object: heart rate 61.")
})

test("stopped in the middle, it reports nothing and is no success", async () => {
  expect(await runVerify(["--only", "bytes"], { ...io, signal: AbortSignal.abort() })).toBe(1)
  expect(said).toEqual(["Stopped before the end: there is no report."])
})

describe("the command line", () => {
  test("a report that cannot be written is said before the checks; one that can leaves what lies there until then", async () => {
    expect(await runVerify(["--only", "bytes/frames", "--report", join(folder, "none", "report.md")], io)).toBe(73)
    expect(said).toEqual([expect.stringMatching(/^--report: .*report\.md cannot be written: /)])
    const stopped = AbortSignal.abort()
    const report = join(folder, "report.md")
    await runVerify(["--only", "bytes/frames", "--report", report], { ...io, signal: stopped })
    expect(existsSync(report)).toBe(false)
    appendFileSync(report, "of yesterday")
    await runVerify(["--only", "bytes/frames", "--report", report], { ...io, signal: stopped })
    expect(readFileSync(report, "utf8")).toBe("of yesterday")
  })

  test("the help is what the page of the program shows", async () => {
    expect(await runVerify(["--help"], io)).toBe(0)
    const page = readFileSync(resolve(import.meta.dirname, "../../../../docs/paceline-bridge.md"), "utf8")
    expect(page).toContain(`\`\`\`text\n${VERIFY_HELP}\`\`\`\n`)
    expect(said.join("\n")).toBe(VERIFY_HELP.trimEnd())
  })

  test.each<[ReadonlyArray<string>, string]>([
    [["--onyl", "crash"], "Unknown option '--onyl'. Try verify --help."],
    [["--seed", "x"], '--seed: "x" is no whole number'],
    [["--report", "report.pdf"], '--report: "report.pdf" must end in .html, .md or .json.'],
    [["--listen", "0"], "--listen and --recorded go together"],
    [["--only", "crashes"], "no check or group is called crashes. There are:\n  bytes/packets"],
  ])("what is wrong is said: %s", async (argv, message) => {
    expect(await runVerify(argv, io)).toBe(64)
    expect(said.join("\n")).toContain(message)
  })
})
