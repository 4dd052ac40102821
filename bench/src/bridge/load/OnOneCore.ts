/**
 * Programs that are measured from outside: a server alone on one processor, and what loads it on the other.
 *
 * Both sides of a row are started the same way, so that neither has more of the machine than the other.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { AtEnd } from "../../Harness.ts"

const SERVER_CORE = 0
const LOAD_CORE = 1

/** Needs `taskset`, which Linux distributions bring. */
const onCore = (core: number, command: ReadonlyArray<string>): ReadonlyArray<string> =>
  spawnSync("taskset", ["--version"]).status === 0 ? ["taskset", "-c", String(core), ...command] : command

export const IS_PINNED = spawnSync("taskset", ["--version"]).status === 0

const programOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

export interface Running {
  readonly pid: number
  /** Resolves with the first line that it prints and that `isIt` takes. */
  readonly line: (isIt: (line: string) => boolean) => Promise<string>
}

const run = (command: ReadonlyArray<string>, atEnd: AtEnd, input = ""): Running => {
  const [program = "", ...args] = command
  const child: ChildProcess = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] })
  child.stdin?.end(input)
  const said: Array<string> = []
  const listeners = new Set<(line: string) => void>()
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface(stream).on("line", (line) => {
      said.push(line)
      if (said.length > 200) said.shift()
      for (const listener of listeners) listener(line)
    })
  }
  const gone = new Promise<never>((_, reject) => {
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code}: ${said.slice(-5).join("\n")}`)))
  })
  gone.catch(() => {})
  atEnd(async () => {
    const ended = child.exitCode !== null || child.signalCode !== null
    child.kill("SIGTERM")
    if (!ended) await gone.catch(() => {})
  })
  return {
    pid: child.pid ?? 0,
    line: (isIt) => {
      const seen = said.find(isIt)
      if (seen !== undefined) return Promise.resolve(seen)
      const told = new Promise<string>((resolve) => {
        const listener = (line: string): void => {
          if (!isIt(line)) return
          listeners.delete(listener)
          resolve(line)
        }
        listeners.add(listener)
      })
      return Promise.race([told, gone])
    },
  }
}

/** A server of this folder, on the processor that is measured. */
export const startServer = (name: string, args: ReadonlyArray<string>, atEnd: AtEnd): Running =>
  run(onCore(SERVER_CORE, [process.execPath, programOf(name), ...args]), atEnd)

/** A load of this folder, on the other processor, to its end: it reads JSON from its input, and prints JSON. */
export const load = async <Output>(name: string, input: unknown): Promise<Output> => {
  const ends: Array<() => unknown> = []
  const atEnd: AtEnd = (end) => ends.push(end)
  const running = run(onCore(LOAD_CORE, [process.execPath, programOf(name)]), atEnd, JSON.stringify(input))
  try {
    return JSON.parse(await running.line((line) => line.startsWith("{")))
  } finally {
    for (const end of ends) await end()
  }
}

/** Processor time that a process has used so far, of user and system, in seconds. */
export const cpuSeconds = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  // The name, in brackets, may have spaces in it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) / 100
}
