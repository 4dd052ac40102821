/**
 * `npm run build:packages`: builds what is published to npm and proves that it works there.
 *
 * For core, client-sdk and device-bridge: `dist/` (ESM, declarations, maps) by tsc; the tarball by `npm pack`,
 * left in build/packages; publint, strict, on that tarball. Then each tarball is unpacked into an empty folder
 * with exactly the dependencies that it declares, and a small consumer (`consumer-*.ts`) is type-checked there
 * and run on Node (dist) and on Bun (src). Needs no network.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { publint } from "publint"
import { formatMessage } from "publint/utils"

const root = fileURLToPath(new URL("..", import.meta.url))
const modules = join(root, "node_modules")
const tarballs = join(root, "build", "packages")

/** In the order of their dependencies. */
const packages = ["core", "client-sdk", "device-bridge"] as const

const fail = (sentence: string): never => {
  throw new Error(sentence)
}

/** Runs a program to its end; fails with its output when it does not end well. */
const run = (command: ReadonlyArray<string>, cwd: string): string => {
  const done = Bun.spawnSync([...command], { cwd, stdout: "pipe", stderr: "pipe" })
  const out = done.stdout.toString()
  if (!done.success) fail(`${command.join(" ")} (in ${cwd})\n${out}${done.stderr.toString()}`)
  return out
}

interface Manifest {
  readonly name: string
  readonly bin?: Record<string, string>
  readonly exports: Record<string, unknown>
  readonly dependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
}

const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))

/** Node of at least the version that the packages promise: the pinned one, or the one on the PATH. */
const node = (() => {
  const pinned = join(modules, ".bin", process.platform === "win32" ? "node.exe" : "node")
  const program = existsSync(pinned) ? pinned : "node"
  const version = run([program, "--version"], root).trim()
  if (Number(version.slice(1).split(".")[0]) < 22) fail(`the packages need Node 22 or newer, this is ${version}`)
  return { program, version }
})()

const compile = (name: string): void => {
  const folder = join(root, "packages", name)
  rmSync(join(folder, "dist"), { recursive: true, force: true })
  run([process.execPath, join(modules, "typescript", "bin", "tsc"), "-p", "tsconfig.build.json"], folder)
  for (const program of Object.values(manifestOf(folder).bin ?? {})) chmodSync(join(folder, program), 0o755)
}

/** A folder of `src` with an index is a door of the package: it must be among the exports. */
const checkDoors = (name: string): void => {
  const folder = join(root, "packages", name)
  const doors = Object.keys(manifestOf(folder).exports)
  for (const index of new Bun.Glob("src/*/index.ts").scanSync(folder)) {
    const door = `.${dirname(index).slice("src".length)}`
    if (!doors.includes(door)) fail(`packages/${name}: ${index} is not among the exports, as "${door}"`)
  }
}

const pack = (name: string): string => {
  const folder = join(root, "packages", name)
  mkdirSync(tarballs, { recursive: true })
  const said: unknown = JSON.parse(run(["npm", "pack", "--json", "--pack-destination", tarballs], folder))
  const file = Array.isArray(said) ? said[0]?.filename : undefined
  return typeof file === "string" ? join(tarballs, file) : fail(`npm pack of ${name} named no file`)
}

const lint = async (name: string, tarball: string): Promise<void> => {
  const folder = join(root, "packages", name)
  const { messages } = await publint({
    strict: true,
    level: "suggestion",
    pack: { tarball: await Bun.file(tarball).arrayBuffer() },
  })
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
  for (const message of messages)
    console.error(`${message.type}: ${formatMessage(message, manifest, { color: false })}`)
  if (messages.length > 0) fail(`publint has ${messages.length} objections to ${name}`)
}

/** A folder with the unpacked tarballs, each seeing exactly what it declares. */
const install = (consumer: string): void => {
  for (const name of packages) {
    const home = join(consumer, "node_modules", "@paceline", name)
    mkdirSync(home, { recursive: true })
    const tarball = new Bun.Glob(`paceline-${name}-[0-9]*.tgz`).scanSync(tarballs).next().value
    if (tarball === undefined) fail(`there is no tarball of ${name}`)
    run(["tar", "-xzf", join(tarballs, String(tarball)), "--strip-components=1"], home)
    const manifest = manifestOf(home)
    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      // @paceline packages lie beside each other, as npm would put them.
      if (!dependency.startsWith("@paceline/")) link(dependency, join(home, "node_modules"))
    }
  }
  // What the consumers themselves depend on.
  for (const dependency of ["effect", "@types/node", "bun-types"]) link(dependency, join(consumer, "node_modules"))
}

const link = (dependency: string, into: string): void => {
  const at = join(into, dependency)
  mkdirSync(dirname(at), { recursive: true })
  symlinkSync(join(modules, dependency), at, "junction")
}

/** Opens every door of the package on Node and on Bun; a driver for one of them is not looked for on the other. */
const openDoors = (name: string, consumer: string): void => {
  const doors = Object.keys(manifestOf(join(consumer, "node_modules", "@paceline", name)).exports)
  const program = join(consumer, `doors-${name}.mjs`)
  for (const [runtime, foreign] of [
    [node.program, "/bun-sqlite"],
    [process.execPath, "/better-sqlite3"],
  ] as const) {
    const own = doors.filter((door) => !door.endsWith(foreign) && door !== "./package.json")
    const imports = own.map((door) => `await import(${JSON.stringify(`@paceline/${name}${door.slice(1)}`)})`)
    writeFileSync(program, imports.join("\n"))
    run([runtime, program], consumer)
  }
}

const consume = (name: string, consumer: string): void => {
  openDoors(name, consumer)
  const program = join(consumer, `consumer-${name}.ts`)
  copyFileSync(join(root, "scripts", `consumer-${name}.ts`), program)
  run([node.program, "--disable-warning=ExperimentalWarning", program], consumer)
  run([process.execPath, program], consumer)
  const home = join(consumer, "node_modules", "@paceline", name)
  for (const [command, file] of Object.entries(manifestOf(home).bin ?? {})) {
    const help = run([node.program, join(home, file), "--help"], consumer)
    if (!help.includes(command)) fail(`${command} --help does not speak of ${command}`)
  }
}

const checkTypes = (consumer: string): void => {
  const compilerOptions = {
    target: "ES2023",
    lib: ["ES2024", "DOM", "DOM.Iterable"],
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    types: ["node"],
  }
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ type: "module", private: true }))
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }))
  run([process.execPath, join(modules, "typescript", "bin", "tsc"), "-p", "."], consumer)
}

const consumer = mkdtempSync(join(tmpdir(), "paceline-consumer-"))
try {
  rmSync(tarballs, { recursive: true, force: true })
  for (const name of packages) {
    checkDoors(name)
    compile(name)
    await lint(name, pack(name))
    console.log(`ok   @paceline/${name}: built, packed, publint has no objections`)
  }
  install(consumer)
  for (const name of packages) {
    consume(name, consumer)
    console.log(`ok   @paceline/${name}: its tarball works on Node ${node.version} and on Bun ${Bun.version}`)
  }
  checkTypes(consumer)
  console.log("ok   the consumers' types are right against the published declarations")
} catch (error) {
  console.error(`FAIL ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  rmSync(consumer, { recursive: true, force: true })
}
