/**
 * Child processes that always end: each lives in a scope, and when the scope closes, however it closes, the
 * process is killed by its id and waited for.
 *
 * What a process prints is appended to its log file, so that a failure can show its last words; the lines of
 * its standard output are passed on as they come.
 */
import { appendFileSync, closeSync, openSync, readFileSync } from "node:fs"
import { Effect, type Scope } from "effect"
import { RehearsalFailed } from "./Failure.ts"

export interface ProcessOptions {
  /** For messages, such as "the bridge". */
  readonly name: string
  readonly command: readonly [program: string, ...args: ReadonlyArray<string>]
  readonly env?: Readonly<Record<string, string>>
  /** Appended to, so that all lives of a process are in one file. */
  readonly logFile: string
  readonly onLine?: (line: string) => void
}

export interface ChildProcess {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** The exit code, or 128 and the signal's number, as shells have it. */
  readonly exited: Effect.Effect<number>
  readonly isRunning: () => boolean
  /** SIGKILL: the process gets no chance to clean up. Returns when it is gone. */
  readonly kill: Effect.Effect<void>
}

export const start = (options: ProcessOptions): Effect.Effect<ChildProcess, RehearsalFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => spawn(options),
      catch: (cause) => new RehearsalFailed({ message: `${options.name} could not be started: ${String(cause)}` }),
    }),
    (child) => child.kill,
  )

const spawn = ({ name, command, env, logFile, onLine }: ProcessOptions): ChildProcess => {
  const log = openSync(logFile, "a", 0o600)
  try {
    const child = Bun.spawn([...command], {
      env: { ...process.env, ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: log,
    })
    // Ends with the process; its failure is that of the pipe, and the process is what is watched.
    void readLines(child.stdout, (line) => {
      appendFileSync(logFile, `${line}\n`)
      onLine?.(line)
    }).catch(() => {})
    return {
      name,
      pid: child.pid,
      logFile,
      exited: Effect.promise(() => child.exited),
      isRunning: () => child.exitCode === null && child.signalCode === null,
      kill: Effect.promise(() => {
        child.kill("SIGKILL")
        return child.exited
      }),
    }
  } finally {
    closeSync(log)
  }
}

const readLines = async (stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> => {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const bytes of stream) {
    rest += decoder.decode(bytes, { stream: true })
    const lines = rest.split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) onLine(line)
  }
  if (rest !== "") onLine(rest)
}

/** How many lines of a log are shown when something failed. */
const LAST_LINES = 12

/** The process's last words, indented, for a message to end with. */
export const lastWords = (child: { readonly name: string; readonly logFile: string }): string => {
  const lines = readFileSync(child.logFile, "utf8").trimEnd().split("\n").slice(-LAST_LINES)
  return `The last that ${child.name} said:\n${lines.map((line) => `    ${line}`).join("\n")}`
}

/** Fails when the process has ended by itself; for waits in which it must go on running. */
export const mustRun = (child: ChildProcess): Effect.Effect<never, RehearsalFailed> =>
  Effect.flatMap(
    child.exited,
    (code) =>
      new RehearsalFailed({ message: `${child.name} ended by itself with exit code ${code}. ${lastWords(child)}` }),
  )
