/** The program as a process of its own, on both runtimes, against a real server. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { Bundle, SensorKind } from "@paceline/core/wire"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { claiming } from "../../test/ClaimingSqlite.ts"
import { bun, node, type Runtime } from "../../test/Runtimes.ts"
import { TelemetryServer } from "../../test/TelemetryServer.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { blob } from "../drivers/Row.ts"
import { datedFrom, runBridge } from "./index.ts"

const main = join(import.meta.dirname, "..", "main.ts")
const key = "hush-hush-secret"

let folder = ""
let server: TelemetryServer
let child: ChildProcess | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline process ü-"))
  server = TelemetryServer.start({ key })
})
afterEach(async () => {
  child?.kill("SIGKILL")
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Life {
  readonly child: ChildProcess
  readonly lines: Array<string>
  readonly errors: Array<string>
  readonly exited: Promise<number | null>
}

const start = ({ command, args }: Runtime, flags: ReadonlyArray<string>): Life => {
  const started = spawn(
    command,
    [...args, main, "--url", server.url, "--device", "gateway-1", "--data", join(folder, "data"), ...flags],
    { env: { ...process.env, PACELINE_DEVICE_KEY: key }, stdio: ["ignore", "pipe", "pipe"] },
  )
  child = started
  const lines: Array<string> = []
  const errors: Array<string> = []
  createInterface({ input: started.stdout }).on("line", (line) => lines.push(line))
  createInterface({ input: started.stderr }).on("line", (line) => errors.push(line))
  return { child: started, lines, errors, exited: once(started, "close").then(([code]) => code) }
}

const until = async (condition: () => boolean): Promise<void> => {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > 15_000) throw new Error("it did not come to that")
    await sleep(10)
  }
}

type Sample = readonly [sensor: string, kind: string, atMillis: number, value: number]

const samplesIn = (payload: Uint8Array): ReadonlyArray<Sample> => {
  const bundle = Bundle.decode(payload)
  if ("_tag" in bundle) throw new Error(bundle.detail)
  return bundle.flatMap(({ sensor, kind, atMillis, values }) =>
    atMillis.map((at, i): Sample => [sensor, kind, at, values[i] ?? Number.NaN]),
  )
}

/** All that the bridge accepted, as its buffer has it. */
const accepted = (): ReadonlyArray<Sample> => {
  const database = bunSqlite().open(join(folder, "data", "buffer.sqlite"))
  try {
    return database
      .prepare("select payload from delivered union all select payload from chunk")
      .all()
      .flatMap((row) => samplesIn(blob(row, "payload")))
  } finally {
    database.close()
  }
}

const stored = (): ReadonlyArray<Sample> => server.stored.flatMap(({ payload }) => samplesIn(payload))
const sorted = (samples: ReadonlyArray<Sample>): ReadonlyArray<string> => samples.map(String).toSorted()
const marks = (samples: ReadonlyArray<Sample>, value: number) =>
  samples.filter(([, kind, , is]) => kind === "activity" && is === value).map(([sensor]) => sensor)

describe.each([node, bun])("on $name", { timeout: 60_000 }, (runtime) => {
  test("plays to the end, delivers everything, says so and exits with 0", async () => {
    const startedAt = Date.now() + 500
    const flags = ["--athletes", "3", "--speed", "12", "--seconds", "2.5", "--started-at", String(startedAt)]
    const life = start(runtime, [...flags, "--flush-ms", "100", "--keep-delivered", "--exit-when-drained", "--json"])
    expect(await life.exited).toBe(0)
    expect(life.errors).toEqual([])
    const said = life.lines.map((line): Record<string, unknown> => JSON.parse(line))
    expect(said.map(({ event }) => event).filter((event) => event !== "status")).toEqual([
      "started",
      "drained",
      "stopped",
    ])
    const drained = said.find(({ event }) => event === "drained")
    expect(drained).toMatchObject({ connected: true, waiting: 0, quarantined: 0, dropped: 0, problem: null })
    expect(drained?.["recorded"]).toBe(stored().length)
    expect(drained?.["delivered"]).toBe(server.stored.length)

    // A heart rate every second of the straps' own 30, from when the program was there to hear them; dated back to end now.
    const datedFromMs = datedFrom({ startedAtMs: startedAt, speed: 12, seconds: 2.5 })
    for (const sensor of ["strap-01", "strap-02", "strap-03"]) {
      const beats = stored().filter(([of, kind]) => of === sensor && kind === "heartRate")
      const seconds = Array.from({ length: 31 }, (_, i) => i)
      expect(beats.length).toBeGreaterThan(5)
      expect(beats.map(([, , at]) => (at - datedFromMs) / 1_000)).toEqual(seconds.slice(-beats.length))
    }
    expect(marks(stored(), SensorKind.ACTIVITY_STARTED)).toEqual(["strap-01", "strap-02", "strap-03"])
    expect(marks(stored(), SensorKind.ACTIVITY_ENDED)).toEqual(["strap-01", "strap-02", "strap-03"])
    expect(sorted(stored())).toEqual(sorted(accepted()))
    expect(server.live.length).toBeGreaterThan(2)
  })

  test("[bridge 1] [bridge 2] [bridge 5] killed again and again, with the server too: each accepted sample is stored once, each activity ended once", async () => {
    const startedAt = Date.now() + 500
    const flags = [
      ...["--athletes", "4", "--speed", "30", "--seconds", "3", "--started-at", String(startedAt)],
      ...["--flush-ms", "20", "--keep-delivered", "--exit-when-drained", "--json"],
    ]
    // Five deaths over the playback and around its end, and the server in between.
    for (const [round, waitMillis] of [300, 410, 230, 0, 700].entries()) {
      const life = start(runtime, flags)
      await until(() => life.lines.some((line) => line.includes('"event":"status"')))
      await sleep(round === 3 ? startedAt + 3_050 - Date.now() : waitMillis)
      life.child.kill("SIGKILL")
      await life.exited
      if (round === 1) await server.stop()
      if (round === 2) server.start()
    }
    const last = start(runtime, flags)
    expect(await last.exited).toBe(0)
    expect(sorted(stored())).toEqual(sorted(accepted()))
    expect(new Set(server.stored.map(({ incarnation, n }) => `${incarnation}/${n}`)).size).toBe(server.stored.length)
    expect(stored().length).toBeGreaterThan(100)
    expect(marks(stored(), SensorKind.ACTIVITY_ENDED).toSorted()).toEqual([
      "strap-01",
      "strap-02",
      "strap-03",
      "strap-04",
    ])
    expect(new Set(sorted(stored())).size).toBe(stored().length)
  })

  const signal = runtime === node ? "SIGTERM" : "SIGINT"
  test(`${signal}: flushes, closes and exits with 0; the next start delivers`, async () => {
    await server.stop()
    const life = start(runtime, ["--athletes", "2", "--speed", "5", "--flush-ms", "60000"])
    await until(() => life.lines.some((line) => line.startsWith("waiting:") || line.startsWith("connecting:")))
    await sleep(500)
    life.child.kill(signal)
    expect(await life.exited).toBe(0)
    expect(life.lines.at(-1)).toBe("Stopped; 2 chunks wait in the buffer for the next start.")
    const flushed = accepted()
    expect(flushed.length).toBeGreaterThan(10)
    server.start()
    const next = start(runtime, ["--athletes", "0", "--exit-when-drained"])
    expect(await next.exited).toBe(0)
    expect(next.lines.slice(-2)).toEqual(["The server has everything: 2 chunks delivered.", "Stopped; nothing waits."])
    expect(sorted(stored())).toEqual(sorted(flushed))
  })

  test("a second bridge on the folder is told who has it; the key is nowhere to be read", async () => {
    const life = start(runtime, ["--json"])
    await until(() => life.lines.some((line) => line.includes('"connected":true')))
    const second = start(runtime, [])
    expect(await second.exited).toBe(75)
    expect(second.errors.join()).toContain(`in use by process ${life.child.pid}`)
    server.behaviour.key = "changed"
    server.dropAll()
    await until(() => life.lines.some((line) => line.includes('"event":"refused"')))
    life.child.kill("SIGTERM")
    expect(await life.exited).toBe(0)
    expect([...life.lines, ...life.errors, ...second.lines, ...second.errors].join()).not.toContain(key)
    expect(readFileSync(join(folder, "data", "buffer.sqlite")).includes(key)).toBe(false)
  })

  test("it ends when nobody reads its output any more", async () => {
    const life = start(runtime, ["--json"])
    await until(() => life.lines.length > 0)
    life.child.stdout?.destroy()
    expect(await life.exited).toBe(0)
  })
})

test("what straps tell from their memory is delivered, and not shown as the present", async () => {
  const stop = new AbortController()
  const minutes = 20
  const flags = ["--memory-minutes", String(minutes), "--started-at", String(Date.now() - minutes * 60_000)]
  const running = runBridge(
    ["--url", server.url, "--device", "d", "--data", join(folder, "data"), "--flush-ms", "50", ...flags],
    {
      driver: bunSqlite(),
      env: { PACELINE_DEVICE_KEY: key },
      signal: stop.signal,
      write: () => {},
      writeError: () => {},
    },
  )
  const of = (kind: string) => stored().filter(([, is]) => is === kind)
  await until(() => of("heartRate").length > 60 * minutes && server.live.length > 2)
  stop.abort()
  await running
  const oldest = Math.min(...server.live.flatMap(({ bundle }) => bundle.flatMap(({ atMillis }) => [...atMillis])))
  expect(oldest).toBeGreaterThan(Date.now() - 60_000)
})

describe("what cannot be done is said before anything is recorded", () => {
  const run = async (argv: ReadonlyArray<string>, driver = bunSqlite()) => {
    const out: Array<string> = []
    const errors: Array<string> = []
    const code = await runBridge(argv, {
      driver,
      env: { PACELINE_DEVICE_KEY: key },
      signal: new AbortController().signal,
      write: (line) => out.push(line),
      writeError: (line) => errors.push(line),
    })
    return { code, out: out.join("\n"), error: errors.join("\n") }
  }
  const least = (data = join(folder, "data")) => ["--url", "ws://127.0.0.1:9", "--device", "d", "--data", data]

  test("a FIT file that is none: exit code 65, naming the file", async () => {
    const file = join(folder, "broken.fit")
    writeFileSync(file, "no activity")
    const { code, error } = await run([...least(), "--file", file])
    expect(code).toBe(65)
    expect(error).toContain(`${file}: `)
    expect((await run([...least(), "--file", join(folder, "missing.fit")])).error).toMatch(
      /missing\.fit cannot be read: /,
    )
  })

  test("wrong flags: exit code 64", async () => {
    expect(await run(["--hurry"])).toMatchObject({ code: 64, error: "Unknown option '--hurry'. Try --help." })
    expect(await run(["imprt", "a.fit"])).toMatchObject({
      code: 64,
      error: 'There is no command "imprt": import and verify are, as the first word. Try --help.',
    })
  })

  test("--help tells about every flag, and exits with 0", async () => {
    const { code, out } = await run(["--help"])
    expect(code).toBe(0)
    for (const other of [["-h"], ["help"], ["-h", "import"]]) expect((await run([...other])).out).toBe(out)
    expect((await run(["import", "-h"])).out).toContain("paceline-bridge import:")
    expect((await run(["verify", "-h"])).out).toContain("paceline-bridge verify:")
    const flags =
      "url device key data athletes seed file speed started-at seconds memory-minutes radio flush-ms keep-delivered exit-when-drained json"
    for (const flag of flags.split(" ")) expect(out).toContain(`  --${flag} `)
  })

  test("a data folder that cannot be: exit code 73", async () => {
    writeFileSync(join(folder, "file"), "")
    const { code, error } = await run([...least(join(folder, "file", "data"))])
    expect(code).toBe(73)
    expect(error).toContain("Choose another with --data.")
  })

  test("a SQLite that can lose data: exit code 69, with what to do, and no stack", async () => {
    for (const command of [[], ["import", "none.fit"]]) {
      const { code, error } = await run([...command, ...least()], claiming("3.46.1"))
      expect(code).toBe(69)
      expect(error).toMatch(/brings SQLite 3\.46\.1.*Update the driver/)
    }
  })

  test("a buffer of a newer version: exit code 78", async () => {
    const database = bunSqlite().open(join(folder, "buffer.sqlite"))
    database.exec("pragma user_version = 99")
    database.close()
    const { code, error } = await run([...least(folder)])
    expect(code).toBe(78)
    expect(error).toContain("upgrade @paceline/device-bridge")
  })
})
