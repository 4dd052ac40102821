/**
 * `npm run build`: compiles `paceline` into build/, one file a platform, with pages and migrations inside.
 *
 *   npm run build                              all platforms
 *   npm run build -- --target host             this machine only
 *   npm run build -- --target linux-arm64 --target windows-x64
 *
 * Version and commit are fixed at build time. build/SHA256SUMS names what this run built; check it with
 * `sha256sum -c SHA256SUMS`. For another platform Bun fetches that platform's runtime from the npm registry
 * (once): without a network the script says so, builds the others, and ends with exit code 1.
 */
import { mkdirSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const root = fileURLToPath(new URL("..", import.meta.url))
const folder = join(root, "build")

const targets = ["linux-x64", "linux-arm64", "linux-x64-musl", "darwin-arm64", "windows-x64"] as const
type Target = (typeof targets)[number]

const isTarget = (name: string): name is Target => targets.some((target) => target === name)

/** What this machine runs. */
const host = (): Target => {
  const platform = process.platform === "win32" ? "windows" : process.platform
  const musl = process.platform === "linux" && !("glibcVersionRuntime" in reportHeader()) ? "-musl" : ""
  const name = `${platform}-${process.arch}${musl}`
  if (isTarget(name)) return name
  throw new Error(`Paceline is not built for ${name}; it is built for ${targets.join(", ")}.`)
}

const reportHeader = (): object => {
  const report: unknown = process.report.getReport()
  return typeof report === "object" && report !== null && "header" in report && typeof report.header === "object"
    ? (report.header ?? {})
    : {}
}

const chosen = (): ReadonlyArray<Target> => {
  const { values } = parseArgs({ options: { target: { type: "string", multiple: true } } })
  const names = (values.target ?? [...targets]).map((name) => (name === "host" ? host() : name.replace(/^bun-/, "")))
  return names.map((name) => {
    if (isTarget(name)) return name
    throw new Error(`There is no target "${name}": say host, ${targets.join(", ")}.`)
  })
}

const commit = (): string => {
  const git = (...args: ReadonlyArray<string>) => Bun.spawnSync(["git", ...args], { cwd: root, stderr: "ignore" })
  const head = git("rev-parse", "--short=12", "HEAD")
  if (!head.success) return "unknown"
  const changed = git("status", "--porcelain", "--untracked-files=no").stdout.length > 0
  return `${head.stdout.toString().trim()}${changed ? "-changed" : ""}`
}

const fileOf = (target: Target): string => `paceline-${target}${target.startsWith("windows") ? ".exe" : ""}`

const compile = async (target: Target, version: string): Promise<void> => {
  const built = await Bun.build({
    entrypoints: [join(root, "packages", "server", "src", "main.ts")],
    target: "bun",
    minify: { syntax: true, whitespace: true, identifiers: false, keepNames: true },
    // Embedded, so that errors name the lines of the source.
    sourcemap: "inline",
    define: {
      PACELINE_VERSION: JSON.stringify(version),
      PACELINE_COMMIT: JSON.stringify(commit()),
      "process.env.NODE_ENV": JSON.stringify("production"),
    },
    compile: {
      target: `bun-${target}`,
      outfile: join(folder, fileOf(target)),
      // A binary that is put into someone's folder takes nothing from the files that lie there.
      autoloadDotenv: false,
      autoloadBunfig: false,
    },
    throw: false,
  })
  if (!built.success) throw new AggregateError(built.logs, built.logs.map(String).join("\n"))
  rmSync(join(folder, `${fileOf(target)}.map`), { force: true })
}

const build = async (): Promise<boolean> => {
  const { version } = await Bun.file(join(root, "packages", "server", "package.json")).json()
  mkdirSync(folder, { recursive: true })
  const sums: Array<string> = []
  let complete = true
  for (const target of chosen()) {
    const started = performance.now()
    const file = join(folder, fileOf(target))
    rmSync(file, { force: true })
    try {
      await compile(target, String(version))
      sums.push(
        `${new Bun.CryptoHasher("sha256").update(await Bun.file(file).bytes()).digest("hex")}  ${fileOf(target)}`,
      )
      const megabytes = (statSync(file).size / 1e6).toFixed(0)
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      console.log(`ok   build/${fileOf(target)} (${megabytes} MB, ${seconds} s)`)
    } catch (error) {
      complete = false
      const reason = error instanceof Error ? error.message : String(error)
      const advice =
        target === host()
          ? ""
          : ` If it is the runtime of ${target} that cannot be had: Bun fetches it from the npm registry, so check the network, or build on such a machine with --target host.`
      console.error(`FAIL build/${fileOf(target)}: ${reason}${advice}`)
    }
  }
  await Bun.write(join(folder, "SHA256SUMS"), sums.map((line) => `${line}\n`).join(""))
  return complete
}

try {
  process.exitCode = (await build()) ? 0 : 1
} catch (error) {
  console.error(`FAIL ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
