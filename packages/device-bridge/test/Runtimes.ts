/**
 * The runtimes that the package promises to work on, as commands that run a TypeScript program of this
 * repository. The tests run under Bun; real Node comes from npm beside it (or from the machine when npm has
 * none for it), and where there is no Node that is new enough, Bun runs the same program in its place.
 */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"

export interface Runtime {
  readonly name: string
  readonly command: string
  readonly args: ReadonlyArray<string>
}

const repository = resolve(import.meta.dirname, "../../..")

export const program = (name: string): string => join(import.meta.dirname, "programs", name)

export const bun: Runtime = { name: "bun", command: process.execPath, args: [] }

/** Node runs TypeScript by itself from 22.18 on; the condition makes workspace packages resolve to their sources. */
const runsTypeScript = (command: string): boolean => {
  const [major = 0, minor = 0] = spawnSync(command, ["-p", "process.versions.node"], { encoding: "utf8" })
    .stdout.trim()
    .split(".")
    .map(Number)
  return major > 22 || (major === 22 && minor >= 18)
}

const nodeCommand = [join(repository, "node_modules/.bin/node"), "node"].find(
  (command) => (command === "node" || existsSync(command)) && runsTypeScript(command),
)

export const node: Runtime =
  nodeCommand === undefined ? bun : { name: "node", command: nodeCommand, args: ["--conditions=bun"] }
