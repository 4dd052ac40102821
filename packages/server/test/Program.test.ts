/** The program as it is used: real processes, their exit codes, and what they print. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Bundle, crc32, TelemetryFrame } from "@paceline/core/wire"
import { afterEach, beforeEach, describe, expect, it } from "vitest"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

let folder = ""
const servers: Array<Bun.Subprocess> = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline program "))
})
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.kill("SIGKILL")
    await server.exited
  }
  rmSync(folder, { recursive: true, force: true })
})

const environment = (extra: Readonly<Record<string, string>>) => ({ PATH: process.env["PATH"] ?? "", ...extra })

const spawn = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Bun.spawn([process.execPath, main, ...args], {
    cwd: folder,
    env: environment(env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })

/** Runs a command to its end. */
const paceline = async (args: ReadonlyArray<string>, env?: Readonly<Record<string, string>>) => {
  const child = spawn(args, env)
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { out, err: err.trim(), code }
}

/** Starts a server and waits until it says that it is ready. */
const serve = async (...args: ReadonlyArray<string>) => {
  const child = spawn(["serve", "--port", "0", "--data", "data", ...args])
  servers.push(child)
  let text = ""
  for await (const part of child.stdout) {
    text += new TextDecoder().decode(part)
    const line = text.split("\n").find((each) => each.includes(`"Paceline is ready"`))
    if (line !== undefined) return { child, ready: JSON.parse(line), url: String(JSON.parse(line).annotations.url) }
  }
  throw new Error(`the server ended: ${text} ${await new Response(child.stderr).text()}`)
}

describe("paceline serve", () => {
  it("says in one JSON line that it is ready and where, and stops in order when told to", async () => {
    const { child, ready, url } = await serve()
    expect(ready).toMatchObject({ message: "Paceline is ready", logLevel: "INFO" })
    expect(JSON.parse(readFileSync(join(folder, "data", "owner.json"), "utf8"))).toMatchObject({ pid: child.pid, url })
    expect(statSync(join(folder, "data", "admin.key")).mode & 0o777).toBe(0o600)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const startedAt = performance.now()
    child.kill("SIGTERM")
    expect(await child.exited).toBe(0)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(existsSync(join(folder, "data", "owner.json"))).toBe(false)
  })

  it("never writes the admin key to the log", async () => {
    const child = spawn(["serve", "--port", "0", "--data", "data", "--log-level", "all"])
    servers.push(child)
    const log = new Response(child.stdout).text()
    while (!existsSync(join(folder, "data", "admin.key"))) await Bun.sleep(20)
    await Bun.sleep(300)
    const key = readFileSync(join(folder, "data", "admin.key"), "utf8").trim()
    child.kill("SIGTERM")
    expect(await log).toContain("Paceline is ready")
    expect(await log).not.toContain(key)
  })

  it("comes back after being killed, with all that it had", async () => {
    const first = await serve()
    expect((await paceline(["athlete", "add", "Mara", "--data", "data"])).code).toBe(0)
    first.child.kill("SIGKILL")
    await first.child.exited
    await serve()
    expect((await paceline(["athlete", "list", "--data", "data"])).out).toContain("Mara")
  })

  it("takes its limits and its proxies from flags, the environment and the file", async () => {
    writeFileSync(join(folder, "paceline.toml"), "limit-unauthenticated = 3\nlimit-burst-percent = 100")
    const { url } = await serve("--trusted-proxies", "127.0.0.1,::1")
    const statuses = async (visitor: string, times: number) => {
      const answers: Array<number> = []
      for (let i = 0; i < times; i++) {
        const headers = { "x-forwarded-for": visitor }
        answers.push((await fetch(`${url}/v1/classes/main/leaderboard`, { headers })).status)
      }
      return answers
    }
    expect(await statuses("203.0.113.1", 4)).toEqual([200, 200, 200, 429])
    expect(await statuses("203.0.113.2", 3)).toEqual([200, 200, 200])
  })

  it("names the owner of a folder in use, a port that is free, and exits with 1", async () => {
    const { child, url } = await serve()
    const second = await paceline(["serve", "--port", "0", "--data", "data"])
    expect(second).toMatchObject({ code: 1, out: "" })
    expect(second.err).toMatch(/^paceline: The data folder .+ is in use by process \d+ at http:.+$/)
    expect(second.err).toContain(`process ${child.pid} at ${url}`)
    const port = new URL(url).port
    const other = await paceline(["serve", "--port", port, "--data", "other"])
    expect(other.code).toBe(1)
    expect(other.err).toMatch(new RegExp(`^paceline: Port ${port} is taken .+ --port \\d+, which is free\\.$`))
  })

  it("says when its folder cannot be made", async () => {
    writeFileSync(join(folder, "file"), "")
    const { code, err } = await paceline(["serve", "--port", "0", "--data", "file/data"])
    expect(code).toBe(1)
    expect(err).toMatch(/^paceline: The data folder .+ cannot be written to .+ choose another folder with --data\.$/)
  })
})

/** Delivers a chunk as a bridge does, and waits until it is stored. */
const delivered = (url: string, device: { deviceId: string; key: string }, chunk: TelemetryFrame.Chunk) =>
  new Promise<void>((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/telemetry`)
    socket.binaryType = "arraybuffer"
    const hello = { _tag: "Hello" as const, deviceId: device.deviceId, key: device.key, waiting: [] }
    socket.addEventListener("open", () => socket.send(TelemetryFrame.encode(hello)))
    socket.addEventListener("error", () => reject(new Error("the socket did not open")))
    socket.addEventListener("message", ({ data }) => {
      const frame = TelemetryFrame.decode(new Uint8Array(data))
      if (frame._tag === "Welcome") socket.send(TelemetryFrame.encode(chunk))
      if (frame._tag !== "Ack") return
      socket.close()
      resolve()
    })
  })

describe("paceline series", () => {
  it("prints what was measured as a list, a table, CSV and JSON, and says what cannot be asked", async () => {
    const { url } = await serve()
    const data = ["--data", "data"] as const
    const json = async (...args: ReadonlyArray<string>) =>
      JSON.parse((await paceline([...args, "--json", ...data])).out)
    const { profile } = await json("athlete", "add", "Mara")
    const device = await json("device", "add", "Studio 1")
    const paired = await paceline([
      ...["device", "pair", device.deviceId, "strap, old", profile.athleteId, "--source", "strap"],
      ...data,
    ])
    expect(paired.code).toBe(0)
    const empty = await paceline(["series", profile.athleteId, ...data])
    expect(empty).toMatchObject({ code: 0, err: "There is nothing of that." })

    const at = Date.UTC(2026, 8, 20, 18)
    const payload = Bundle.encode([
      { sensor: "strap, old", kind: "heartRate", atMillis: [at, at + 1_000, at + 61_000], values: [100, 101, 120] },
    ])
    await delivered(url, device, { _tag: "Chunk", incarnation: "run-1", n: 1, crc: crc32(payload), payload })
    const asked = [
      "series",
      profile.athleteId,
      "--kind",
      "heartRate",
      "--from",
      "2026-09-20T18:00",
      "--to",
      "2026-09-20T19:00Z",
    ]
    let answer = await json(...asked)
    while (answer.series.length === 0) answer = await json(...asked)
    expect(answer).toMatchObject({ _tag: "Buckets", fromMs: at, series: [{ mean: [100.5, 120] }] })
    expect((await paceline(["series", profile.athleteId, ...data])).out).toMatch(
      /^KIND .+\nheartRate +bpm +3 +2026-09-20T18:00:00Z +2026-09-20T18:01:01Z +strap, old \(Studio 1\)\n$/,
    )
    expect((await paceline([...asked, ...data])).out).toMatch(
      /\n2026-09-20T18:00:00Z +strap, old +2 +100 +101 +100.5 +bpm\n/,
    )
    expect((await paceline([...asked, "--csv", ...data])).out).toBe(
      `time,sensor,samples,min,max,mean,unit\n2026-09-20T18:00:00Z,"strap, old",2,100,101,100.5,bpm\n2026-09-20T18:01:00Z,"strap, old",1,120,120,120,bpm\n`,
    )
    const raw = await paceline([...asked, "--resolution", "raw", "--csv", ...data])
    expect(raw.out.split("\n")[3]).toBe(
      `2026-09-20T18:01:01Z,"strap, old",120,bpm,back-filled,unknown,${device.deviceId},run-1,1`,
    )
    const refused = await paceline([...asked, "--resolution", "1d", ...data])
    expect(refused).toMatchObject({ code: 1, err: "paceline: --resolution is one of raw, 1s, 1min, 5min, 1h." })
  }, 60_000)
})

describe("paceline device and athlete", () => {
  it("register, pair and list on the server that runs here", async () => {
    await serve()
    const json = async (...args: ReadonlyArray<string>) => {
      const { code, err, out } = await paceline([...args, "--json", "--data", "data"])
      if (code !== 0) throw new Error(err)
      return JSON.parse(out)
    }
    const { profile } = await json("athlete", "add", "Mara", "--max-heart-rate", "188", "--hidden")
    expect(profile).toMatchObject({ alias: "Mara", maxHeartRateBpm: 188, heartRateVisible: false })
    const device = await json("device", "add", "Studio 1")
    await json("device", "pair", device.deviceId, "strap-01", profile.athleteId, "--class", "spin")
    expect(await json("device", "list")).toMatchObject([
      { name: "Studio 1", sensors: [{ sensor: "strap-01", athleteId: profile.athleteId, classId: "spin" }] },
    ])
    const wrong = await paceline(["athlete", "add", " ", "--data", "data"])
    expect(wrong).toMatchObject({ code: 1, err: "paceline: An alias needs at least one character." })
  })

  it("say so when no server runs here", async () => {
    const { code, err } = await paceline(["device", "list"])
    expect(code).toBe(1)
    expect(err).toMatch(/^paceline: No server runs here \(data folder .+\)\. Start one with "paceline serve"/)
  })
})

describe("paceline config", () => {
  it("prints each setting, its value and where that came from", async () => {
    writeFileSync(join(folder, "paceline.toml"), `data = "/srv/gym"\nport = 1`)
    const { code, out } = await paceline(["config", "--json", "--host", "::1", "--log-level", "debug"], {
      PACELINE_PORT: "9000",
    })
    expect(code).toBe(0)
    const settings: ReadonlyArray<{ name: string; value: unknown; source: string }> = JSON.parse(out)
    const shown = Object.fromEntries(settings.map(({ name, source, value }) => [name, [value, source]]))
    expect(shown).toMatchObject({
      host: ["::1", "flag --host"],
      port: [9000, "environment variable PACELINE_PORT"],
      data: ["/srv/gym", `file ${join(folder, "paceline.toml")}`],
      "log-level": ["debug", "flag --log-level"],
      "live-frame-ms": [50, "default"],
    })
    expect((await paceline(["config"])).out).toMatch(
      /^# Server\nhost +127\.0\.0\.1 +default\nport +1 +file [\s\S]+\n\n# Limits, requests a minute\nlimit-user +100 +default\n/,
    )
  })

  it("names the source of what is wrong", async () => {
    const flag = await paceline(["config", "--port", "eighty"])
    expect(flag).toMatchObject({
      code: 1,
      err: `paceline: The setting "port" (flag --port): "eighty" is not a whole number from 0 to 65535.`,
    })
    writeFileSync(join(folder, "gym.toml"), "prot = 80")
    const file = await paceline(["serve", "--config", "gym.toml"])
    expect(file.code).toBe(1)
    expect(file.err).toMatch(/^paceline: The settings file .+gym\.toml: there is no setting "prot"\. There are: host, /)
  })
})

describe("paceline", () => {
  it("helps, says its version, and refuses what it does not know", async () => {
    const help = await paceline([])
    expect(help).toMatchObject({ code: 0, err: "" })
    expect(help.out).toMatch(/Commands\n {2}serve +run a server/)
    expect((await paceline(["serve", "--help"])).out).toContain("--contact-lost-seconds")
    expect((await paceline(["version"])).out).toMatch(/^\d+\.\d+\.\d+/)
    const unknown = await paceline(["dance"])
    expect(unknown.code).toBe(1)
    expect(unknown.err).toContain("Invalid subcommand")
    const flag = await paceline(["serve", "--prot", "80"])
    expect(flag.code).toBe(1)
    expect(flag.err).toContain("--prot")
  })
})
