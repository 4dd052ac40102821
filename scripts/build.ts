/**
 * `npm run build`: compiles `paceline` into build/, one file a platform, with pages and migrations inside.
 *
 *   npm run build                              all platforms
 *   npm run build -- --target host             this machine only
 *   npm run build -- --target linux-arm64 --target windows-x64
 *
 * The commit is fixed at build time (`paceline version`). build/SHA256SUMS names what this run built; check it with
 * `sha256sum -c SHA256SUMS`. For another platform Bun fetches that platform's runtime from the npm registry
 * (once): without a network the script says so, builds the others, and ends with exit code 1.
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs"
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

/** Compiles into a folder of its own, because the bundler leaves the pages' source maps beside its output. */
const compile = async (target: Target): Promise<void> => {
  const work = mkdtempSync(join(folder, "compiling-"))
  try {
    const built = await Bun.build({
      // The first is the program; the second is read by a thread of it, from inside the binary.
      entrypoints: [
        join(root, "packages", "server", "src", "main.ts"),
        join(root, "packages", "device-bridge", "src", "files", "ReaderWorker.ts"),
      ],
      target: "bun",
      format: "esm",
      // Ten megabytes more, for half the time to start and a quarter less memory.
      bytecode: true,
      minify: { syntax: true, whitespace: true, identifiers: false, keepNames: true },
      // Embedded, so that errors name the lines of the source.
      sourcemap: "inline",
      define: {
        PACELINE_COMMIT: JSON.stringify(commit()),
        "process.env.NODE_ENV": JSON.stringify("production"),
      },
      compile: {
        target: `bun-${target}`,
        outfile: join(work, fileOf(target)),
        // A binary that is put into someone's folder takes nothing from the files that lie there.
        autoloadDotenv: false,
        autoloadBunfig: false,
      },
      throw: false,
    })
    if (!built.success) throw new Error(built.logs.map(({ message }) => message).join("\n"))
    renameSync(join(work, fileOf(target)), join(folder, fileOf(target)))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

const build = async (): Promise<boolean> => {
  mkdirSync(folder, { recursive: true })
  const sums: Array<string> = []
  let complete = true
  for (const target of chosen()) {
    const started = performance.now()
    const file = join(folder, fileOf(target))
    rmSync(file, { force: true })
    try {
      await compile(target)
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
          : `\n     Bun fetches the runtime of ${target} from the npm registry, once. If that is what failed: check the network, or build on such a machine with --target host.`
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
