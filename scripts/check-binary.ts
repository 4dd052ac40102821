/**
 * Proves that a compiled `paceline` needs nothing but itself: `bun scripts/check-binary.ts build/paceline-linux-x64`.
 *
 * The file is copied alone into an empty folder (with a space in its name) and run there, with no node_modules
 * and no Bun in reach: `version`, `serve` with every page and what the pages load, an orderly stop, `serve --demo`
 * until the first tile moves and all that it published is consumed, the import of a real FIT file with the reader in its
 * thread, the commands for log, dead letters and backups, a server on the restored backup, and a short rehearsal. Ends with
 * exit code 1 at the first thing that is not so.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { basename, join, resolve } from "node:path"
import { createClient } from "@paceline/client-sdk"

const START_MILLIS = 15_000
const STOP_MILLIS = 10_000

/** What an idle server may hold, in megabytes. */
const IDLE_MEGABYTES = 120

const fail = (sentence: string): never => {
  throw new Error(sentence)
}

const ok = (sentence: string): void => console.log(`ok   ${sentence}`)

const home = mkdtempSync(join(tmpdir(), "paceline binary "))
/** An environment in which nothing of this repository can be found. */
const env = { PATH: "/nonexistent", HOME: home, TMPDIR: home, SystemRoot: process.env["SystemRoot"] ?? "" }
const running = new Set<Bun.Subprocess>()

const start = (program: string, ...args: ReadonlyArray<string>) => {
  const child = Bun.spawn([program, ...args], { cwd: home, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  running.add(child)
  void child.exited.then(() => running.delete(child))
  return child
}

/** Runs to the end and gives the standard output. */
const output = async (program: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const child = start(program, ...args)
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return code === 0 ? out : fail(`"${args.join(" ")}" ended with exit code ${code}:\n${out}${err}`)
}

const freePort = (): Promise<number> =>
  new Promise((resolvePort, reject) => {
    const probe = Net.createServer()
    probe.on("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() =>
        address === null || typeof address === "string" ? reject(new Error("no port")) : resolvePort(address.port),
      )
    })
  })

/** A running server, when it is ready. */
const serve = async (program: string, data: string, ...flags: ReadonlyArray<string>) => {
  const port = await freePort()
  const began = performance.now()
  const child = start(program, "serve", "--port", String(port), "--data", join(home, data), ...flags)
  const said = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  const url = `http://127.0.0.1:${port}`
  while (
    !(await fetch(`${url}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) fail(`serve ended with exit code ${child.exitCode}:\n${(await said).join("")}`)
    if (performance.now() - began > START_MILLIS) fail(`serve was not ready within ${START_MILLIS / 1000} s`)
    await Bun.sleep(10)
  }
  return { child, url, began, readyMillis: performance.now() - began }
}

const stop = async (child: Bun.Subprocess): Promise<void> => {
  const began = performance.now()
  child.kill("SIGTERM")
  const code = await Promise.race([child.exited, Bun.sleep(STOP_MILLIS).then(() => "late" as const)])
  if (code === "late") fail(`serve did not stop within ${STOP_MILLIS / 1000} s of SIGTERM`)
  // Windows has no signals: there the process is ended, and has no say in its exit code.
  if (code !== 0 && process.platform !== "win32") fail(`serve stopped with exit code ${code}, not 0`)
  ok(`serve stops in order, in ${((performance.now() - began) / 1000).toFixed(1)} s`)
}

/** The page, and everything that it loads from this server. */
const checkPage = async (url: string, path: string, type: RegExp): Promise<void> => {
  const answer = await fetch(`${url}${path}`)
  if (!answer.ok) fail(`${path} answers ${answer.status}`)
  const found = answer.headers.get("content-type") ?? "no content type"
  if (!type.test(found)) fail(`${path} is ${found}`)
  const text = await answer.text()
  let parts = 0
  if (/html/.test(found)) {
    for (const [, part = ""] of text.matchAll(/<(?:script|link)\b[^>]*?\b(?:src|href)="([^"]+)"/g)) {
      const at = new URL(part, `${url}${path}`)
      if (at.protocol === "data:") continue
      if (at.origin !== url) fail(`${path} loads ${at.href}: pages must work offline`)
      const loaded = await fetch(at)
      if (!loaded.ok || (await loaded.arrayBuffer()).byteLength === 0) fail(`${path} loads ${part}: ${loaded.status}`)
      parts++
    }
  }
  ok(`${path} (${found.split(";")[0]}, ${text.length} characters${parts > 0 ? `, loads ${parts} files` : ""})`)
}

/** Resident memory in megabytes, where the system says it. */
const megabytes = (pid: number): number | null => {
  if (process.platform !== "linux") return null
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
  return kilobytes === undefined ? null : Number(kilobytes) / 1000
}

const checkServer = async (program: string): Promise<void> => {
  const { child, url, readyMillis } = await serve(program, "plain")
  ok(`serve is ready after ${readyMillis.toFixed(0)} ms`)
  for (const page of ["/", "/wall", "/me", "/docs"]) await checkPage(url, page, /^text\/html/)
  for (const data of ["/openapi.json", "/healthz", "/readyz"]) await checkPage(url, data, /^application\/json/)
  await Bun.sleep(2000)
  const resident = megabytes(child.pid)
  if (resident !== null) {
    if (resident > IDLE_MEGABYTES) fail(`the idle server holds ${resident.toFixed(0)} MB, more than ${IDLE_MEGABYTES}`)
    ok(`the idle server holds ${resident.toFixed(0)} MB`)
  }
  await stop(child)
}

const checkDemo = async (program: string): Promise<void> => {
  const { child, url, began } = await serve(program, "demo", "--demo")
  const client = createClient({ url })
  const moving = await Promise.race([
    new Promise<number>((moved) => {
      client.classes("main").watch(({ tiles }) => {
        if (tiles.some(({ sensedAtMs }) => sensedAtMs !== null)) moved(performance.now() - began)
      })
    }),
    Bun.sleep(START_MILLIS).then(() => fail(`no tile of the demo moved within ${START_MILLIS / 1000} s`)),
  ])
  client.close()
  ok(`the demo's first tile moves ${moving.toFixed(0)} ms after the start`)
  await checkImport(program, url)
  const athletes = await checkOperations(program, join(home, "demo"))
  await stop(child)
  await checkRestored(program, athletes)
}

/** A real activity of an indoor trainer: half an hour of power, cadence, speed and heart rate. */
const FIT_FILE = join(
  process.env["PACELINE_SAMPLES"] ?? resolve(import.meta.dir, "../../shared/samples"),
  "fit/indoor-trainer.fit",
)

/** The decoder, its profile and the thread that they run in are all inside the file. */
const checkImport = async (program: string, url: string): Promise<void> => {
  if (!existsSync(FIT_FILE)) {
    console.warn(`The import of a real FIT file is not tried here: there is no ${FIT_FILE} (see PACELINE_SAMPLES).`)
    return
  }
  const file = join(home, "ride.fit")
  copyFileSync(FIT_FILE, file)
  const at = ["--data", join(home, "demo")]
  const device = await answer(program, "device", "add", "Importer", ...at)
  const athlete = await answer(program, "athlete", "add", "Importer", ...at)
  const [deviceId, key] = [textOf(device, "deviceId"), textOf(device, "key")]
  const athleteId = textOf(Reflect.get(athlete, "profile") ?? athlete, "athleteId")
  await output(program, "device", "pair", deviceId, "files", athleteId, "--class", "imports", ...at)
  const flags = ["--url", url, "--device", deviceId, "--key", key, "--data", join(home, "demo", "import"), "--json"]
  const lines = (await output(program, "bridge", "import", file, ...flags)).trim().split("\n")
  const said = lines.map((line): object => JSON.parse(line))
  const report = said.find((line) => Reflect.get(line, "event") === "report") ?? fail("the import reported nothing")
  if (Reflect.get(report, "inThread") !== true) fail("the binary reads files in the thread that delivers")
  const samples = numberOf(report, "samples")
  if (numberOf(report, "imported") !== 1 || samples < 10_000) fail(`the import says ${JSON.stringify(report)}`)
  if (!said.some((line) => Reflect.get(line, "event") === "drained")) fail("the import did not reach the server")
  rmSync(file)
  ok(`bridge import: a FIT file of ${samples} samples, read in a thread of its own`)
}

/** What `--json` prints, as an object. */
const answer = async (program: string, ...args: ReadonlyArray<string>): Promise<object> => {
  const said: unknown = JSON.parse(await output(program, ...args, "--json"))
  return typeof said === "object" && said !== null ? said : fail(`"${args.join(" ")}" did not answer with an object`)
}

const textOf = (of: object, name: string): string => {
  const value: unknown = Reflect.get(of, name)
  return typeof value === "string" ? value : fail(`${name} is no text: ${JSON.stringify(of)}`)
}

/** What `--json` prints, as a list. */
const list = async (program: string, ...args: ReadonlyArray<string>): Promise<ReadonlyArray<object>> => {
  const said: unknown = JSON.parse(await output(program, ...args, "--json"))
  return Array.isArray(said) ? said : fail(`"${args.join(" ")}" did not answer with a list`)
}

const numberOf = (of: object, name: string): number => {
  const value: unknown = Reflect.get(of, name)
  return typeof value === "number" ? value : fail(`${name} is no number: ${JSON.stringify(of)}`)
}

const BACKUP = "backup.db"

/** Publishing, consuming, dead letters and backups, on a server whose demo trains. Answers how many athletes it has. */
const checkOperations = async (program: string, data: string): Promise<number> => {
  const at = ["--data", data]
  const began = performance.now()
  for (;;) {
    const groups = await list(program, "log", "lag", ...at)
    const consumed = groups.reduce((sum, group) => sum + numberOf(group, "done"), 0)
    // The class goes on training, so there is always something new.
    if (consumed > 100 && groups.every((group) => numberOf(group, "lag") < 100)) {
      ok(`${groups.length} consumer groups handled ${consumed} records, and keep up`)
      break
    }
    if (performance.now() - began > START_MILLIS) fail(`the groups do not keep up: ${JSON.stringify(groups)}`)
    await Bun.sleep(200)
  }
  const tail = (await output(program, "log", "tail", "telemetry", "--limit", "3", "--json", ...at)).trim().split("\n")
  if (tail.length !== 3) fail(`log tail printed ${tail.length} lines, not 3`)
  const letters = await list(program, "dead-letters", "list", ...at)
  if (letters.length > 0) fail(`the demo has dead letters: ${JSON.stringify(letters)}`)
  const athletes = await list(program, "athlete", "list", ...at)
  await output(program, "backup", join(home, BACKUP), ...at)
  ok("log tail, log lag, dead-letters list and backup work beside the running server")
  return athletes.length
}

/** A server on the backup has what the other one had. */
const checkRestored = async (program: string, athletes: number): Promise<void> => {
  mkdirSync(join(home, "restored"))
  renameSync(join(home, BACKUP), join(home, "restored", "paceline.db"))
  const { child } = await serve(program, "restored")
  const found = await list(program, "athlete", "list", "--data", join(home, "restored"))
  if (found.length !== athletes) fail(`the restored server has ${found.length} athletes, not ${athletes}`)
  ok(`a server on the backup has all ${found.length} athletes`)
  await stop(child)
}

const checkRehearsal = async (program: string): Promise<void> => {
  const out = await output(program, "rehearse", "--athletes", "4", "--seconds", "8", "--json")
  const report: unknown = JSON.parse(out)
  const figures = typeof report === "object" && report !== null ? { ...report } : {}
  for (const name of ["lost", "duplicated"]) {
    if (Reflect.get(figures, name) !== 0) fail(`the rehearsal says ${name}: ${Reflect.get(figures, name)}`)
  }
  ok(`rehearse: ${Reflect.get(figures, "samplesStored")} samples, none lost, none doubled`)
}

const check = async (given: string): Promise<void> => {
  const program = join(home, process.platform === "win32" ? "paceline.exe" : "paceline")
  mkdirSync(home, { recursive: true })
  copyFileSync(resolve(given), program)
  const { version } = await Bun.file(join(import.meta.dir, "..", "packages", "server", "package.json")).json()
  const said = (await output(program, "version")).trim()
  if (!said.includes(String(version))) fail(`version says "${said}", not ${version}`)
  ok(`version: ${said}`)
  await checkServer(program)
  await checkDemo(program)
  await checkRehearsal(program)
  const left = readdirSync(home).filter((name) => ![basename(program), "plain", "demo", "restored"].includes(name))
  if (left.length > 0) fail(`it left something behind: ${left.join(", ")}`)
  ok("it left nothing behind but the data folders it was given")
}

try {
  const [given] = process.argv.slice(2)
  await check(given ?? fail("say which file: bun scripts/check-binary.ts build/paceline-linux-x64"))
} catch (error) {
  console.error(`FAIL ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  const ends = [...running].map((child) => {
    child.kill("SIGKILL")
    return child.exited
  })
  await Promise.all(ends)
  rmSync(home, { recursive: true, force: true })
}
