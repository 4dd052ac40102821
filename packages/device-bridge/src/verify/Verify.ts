/**
 * `paceline-bridge verify`: runs the checks one after the other, tells how each went, and writes the report.
 *
 * @example
 * process.exitCode = await runVerify(["--only", "crash"], processIo(betterSqlite3()))
 */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { arch, platform, release } from "node:os"
import type { SqliteDriver } from "../drivers/SqliteDriver.ts"
import type { BridgeIo } from "../process/ProcessIo.ts"
import { Bench, type Check } from "./Check.ts"
import { byteChecks } from "./checks/Bytes.ts"
import { clockChecks } from "./checks/Clocks.ts"
import { crashChecks } from "./checks/Crashes.ts"
import { deliveryChecks } from "./checks/Delivery.ts"
import { diskChecks } from "./checks/Disk.ts"
import { networkChecks } from "./checks/Network.ts"
import { type CheckResult, duration, isVerified, markdownOf, type Report, verdict } from "./Report.ts"
import { pageOf } from "./ReportPage.ts"
import { parseVerifyFlags, VERIFY_HELP, type VerifyFlags } from "./VerifyFlags.ts"
import { verifyVisitor } from "./Visitor.ts"
import { runWriter, writerOrders } from "./Writer.ts"

/** Every check of the kit, in the order in which they run. */
export const checks: ReadonlyArray<Check> = [
  ...byteChecks,
  ...deliveryChecks,
  ...networkChecks,
  ...crashChecks,
  ...diskChecks,
  ...clockChecks,
]

const Exit = { ok: 0, failed: 1, usage: 64, cannotCreate: 73 } as const

/** Resolves to the exit code: 0 when every check passed. */
export const runVerify = async (argv: ReadonlyArray<string>, io: BridgeIo): Promise<number> => {
  const writer = writerOrders(argv)
  if (writer !== null) return runWriter(writer, io)
  const parsed = parseVerifyFlags(argv)
  switch (parsed._tag) {
    case "Help":
      io.write(VERIFY_HELP.trimEnd())
      return Exit.ok
    case "Wrong":
      io.writeError(parsed.message)
      return Exit.usage
    case "Verify":
      return verify(parsed.flags, io)
  }
}

const verify = async (flags: VerifyFlags, io: BridgeIo): Promise<number> => {
  const chosen = checks.filter(({ name }) => isChosen(flags.only, name))
  if (chosen.length === 0) {
    const names = checks.map(({ name }) => `  ${name}`).join("\n")
    io.writeError(`--only: no check or group is called ${flags.only.join(" or ")}. There are:\n${names}`)
    return Exit.usage
  }
  if (flags.report !== null) {
    try {
      assertWritable(flags.report)
    } catch (thrown) {
      io.writeError(`--report: ${flags.report} cannot be written: ${messageOf(thrown)}`)
      return Exit.cannotCreate
    }
  }
  const say = (line: string): void => {
    if (!flags.json) io.write(line)
  }
  const startedAt = new Date()
  const since = performance.now()
  const tell = (result: CheckResult): void => {
    say(`${result.passed ? "ok  " : "FAIL"} ${result.name} (${duration(result.millis)})`)
    say(`     ${result.passed ? result.seen : `${result.promise}\n     But: ${result.seen}`}`)
  }
  const results: Array<CheckResult> = []
  if (flags.listen === null) {
    for (const check of chosen) {
      if (io.signal.aborted) break
      const result = await resultOf(check, new Bench({ driver: io.driver, seed: flags.seed, self: io.self ?? [] }))
      results.push(result)
      tell(result)
    }
  } else {
    try {
      results.push(...(await verifyVisitor(flags, flags.listen, say, io.signal)))
    } catch (thrown) {
      // The port is taken, or the file is none.
      io.writeError(`${messageOf(thrown)}.`)
      return Exit.failed
    }
    results.forEach(tell)
  }
  if (io.signal.aborted) {
    io.writeError("Stopped before the end: there is no report.")
    return Exit.failed
  }
  const version = versionOf()
  const report: Report = {
    subject:
      flags.subject ?? (flags.listen === null ? `@paceline/device-bridge ${version}` : "A bridge of its maker's own"),
    kitVersion: version,
    runtime: runtime(),
    sqlite: sqliteOf(io.driver),
    platform: `${platform()} ${release()} ${arch()}`,
    date: startedAt.toISOString(),
    seed: flags.seed,
    millis: performance.now() - since,
    passed: results.filter(({ passed }) => passed).length,
    failed: results.filter(({ passed }) => !passed).length,
    checks: results,
  }
  if (flags.report !== null) writeFileSync(flags.report, written(report, flags.report))
  if (flags.json) io.write(JSON.stringify(report))
  say(`${verdict(report)} Seed ${flags.seed}.${flags.report === null ? "" : ` The report is ${flags.report}.`}`)
  return isVerified(report) ? Exit.ok : Exit.failed
}

const isChosen = (only: ReadonlyArray<string>, name: string): boolean =>
  only.length === 0 || only.some((wanted) => name === wanted || name.startsWith(`${wanted}/`))

/** Runs a check on a bench of its own, which is cleared whatever happens. */
export const resultOf = async ({ name, promise, run }: Check, bench: Bench): Promise<CheckResult> => {
  const since = performance.now()
  let seen = ""
  let passed = true
  try {
    seen = await run(bench)
  } catch (thrown) {
    passed = false
    seen = messageOf(thrown)
  } finally {
    await bench.clear()
  }
  return { name, promise, passed, seen, millis: performance.now() - since }
}

/** Better said before the checks than when all is over. @throws what the operating system says */
const assertWritable = (file: string): void => {
  const isNew = !existsSync(file)
  appendFileSync(file, "")
  if (isNew) rmSync(file)
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

const written = (report: Report, file: string): string => {
  if (file.endsWith(".html")) return pageOf(report)
  return file.endsWith(".md") ? markdownOf(report) : `${JSON.stringify(report, null, 2)}\n`
}

const runtime = (): string => {
  const { bun, node } = process.versions
  return bun === undefined ? `Node ${node}` : `Bun ${bun}`
}

const sqliteOf = (driver: SqliteDriver): string => {
  const database = driver.open(":memory:")
  try {
    return `${String(database.prepare("select sqlite_version() as version").get()?.["version"])} (${driver.name})`
  } finally {
    database.close()
  }
}

/** Of this package, from the file that npm put beside it; a compiled program has none. */
const versionOf = (): string => {
  try {
    const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
    const version: unknown = typeof manifest === "object" && manifest !== null ? Reflect.get(manifest, "version") : null
    return typeof version === "string" ? version : "unknown"
  } catch {
    return "inside paceline"
  }
}
