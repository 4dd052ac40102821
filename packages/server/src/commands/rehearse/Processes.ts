/**
 * Child processes that always end: each lives in a scope, and when the scope closes, however it closes, the
 * process is killed by its id and waited for.
 *
 * The lines that a process prints are passed on as they come; the last ones are kept, so that a failure can show
 * its last words, and all of them go to its log file when it has one.
 */
import { appendFileSync } from "node:fs"
import { Effect, Schema, type Scope } from "effect"

/** The program cannot be started, or ended when it should not. */
export class ProcessFailed extends Schema.TaggedError<ProcessFailed>("paceline/ProcessFailed")("ProcessFailed", {
  message: Schema.String,
}) {}

export interface ProcessOptions {
  /** For messages, such as "the bridge". */
  readonly name: string
  readonly command: readonly [program: string, ...args: ReadonlyArray<string>]
  readonly env?: Readonly<Record<string, string>>
  /** Appended to, so that all lives of a process are in one file. */
  readonly logFile?: string
  /** Every line of the standard output. */
  readonly onLine?: (line: string) => void
}

export interface ChildProcess {
  readonly name: string
  readonly pid: number
  /** The exit code, or 128 and the signal's number, as shells have it; when all its output was read. */
  readonly exited: Effect.Effect<number>
  readonly isRunning: () => boolean
  /** SIGKILL: the process gets no chance to clean up. Returns when it is gone. */
  readonly kill: Effect.Effect<void>
  /** The last lines of its output and errors, oldest first. */
  readonly lastLines: () => ReadonlyArray<string>
}

export const start = (options: ProcessOptions): Effect.Effect<ChildProcess, ProcessFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => spawn(options),
      catch: (cause) => new ProcessFailed({ message: `${options.name} could not be started: ${String(cause)}` }),
    }),
    (child) => child.kill,
  )

/** How many lines are kept to be shown when something failed. */
const LAST_LINES = 12

/** How long the output of a process that has ended is read at most: its own children may hold it open. */
const READ_MILLIS = 500

const spawn = ({ name, command, env, logFile, onLine }: ProcessOptions): ChildProcess => {
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const last: Array<string> = []
  const keep = (line: string) => {
    if (last.push(line) > LAST_LINES) last.shift()
    if (logFile !== undefined) appendFileSync(logFile, `${line}\n`, { mode: 0o600 })
  }
  // A pipe breaks when its process ends, and that is what is watched.
  const read = Promise.allSettled([
    readLines(child.stderr, keep),
    readLines(child.stdout, (line) => {
      keep(line)
      onLine?.(line)
    }),
  ])
  const exited = child.exited.then(async (code) => {
    await Promise.race([read, Bun.sleep(READ_MILLIS)])
    return code
  })
  return {
    name,
    pid: child.pid,
    exited: Effect.promise(() => exited),
    isRunning: () => child.exitCode === null && child.signalCode === null,
    kill: Effect.promise(() => {
      child.kill("SIGKILL")
      return child.exited
    }),
    lastLines: () => last,
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

/** The process's last words, indented, for a message to end with. */
export const lastWords = (child: ChildProcess): string =>
  `The last that ${child.name} said:\n${child
    .lastLines()
    .map((line) => `    ${line}`)
    .join("\n")}`

/** Fails when the process has ended by itself; for waits in which it must go on running. */
export const mustRun = (child: ChildProcess): Effect.Effect<never, ProcessFailed> =>
  Effect.flatMap(
    child.exited,
    (code) =>
      new ProcessFailed({ message: `${child.name} ended by itself with exit code ${code}. ${lastWords(child)}` }),
  )
