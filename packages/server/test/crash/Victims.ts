/** Starts victims and reads what they were answered. A victim never outlives the scope that started it. */
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import type { Orders } from "./Victim.ts"

export interface RunningVictim {
  /** The numbers that it was answered so far. */
  readonly answered: ReadonlySet<number>
  /** What it logged: to tell why something went wrong. */
  readonly log: ReadonlyArray<string>
  /** Resolves when the store told it several times that the disk is full. */
  readonly fullOften: Promise<void>
  /** It has opened its store. */
  readonly ready: Promise<void>
  readonly signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT") => void
  /** When it has ended and all that it printed was read: its exit code, or null after a signal. */
  readonly ended: Promise<number | null>
}

const FULL_OFTEN = 5

const MAIN = join(import.meta.dirname, "Victim.ts")

const start = (orders: Orders): RunningVictim => {
  const answered = new Set<number>()
  const log: Array<string> = []
  let full = 0
  const ready = Promise.withResolvers<void>()
  const fullOften = Promise.withResolvers<void>()
  const child = Bun.spawn([process.execPath, MAIN, JSON.stringify(orders)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  })
  /** A number is what it was answered; all else is its log. */
  const line = (text: string): void => {
    if (text === "ready") ready.resolve()
    else if (text === "full") void (++full === FULL_OFTEN && fullOften.resolve())
    else if (/^\d+$/.test(text)) answered.add(Number(text))
    else if (text.startsWith("timestamp=")) log.push(text)
  }
  const read = async (): Promise<number | null> => {
    const decoder = new TextDecoder()
    let rest = ""
    for await (const bytes of child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n")
      rest = lines.pop() ?? ""
      for (const text of lines) line(text)
    }
    await child.exited
    ready.reject(new Error("The victim ended before it had opened its store"))
    fullOften.reject(new Error("The victim ended without having met a full disk"))
    return child.exitCode
  }
  // Whoever waits for the end only must not meet a rejection that nobody handles.
  for (const { promise } of [ready, fullOften]) promise.catch(() => undefined)
  return {
    answered,
    log,
    fullOften: fullOften.promise,
    ready: ready.promise,
    signal: (signal) => void child.kill(signal),
    ended: read(),
  }
}

/** A process of its own that works as ordered until its time is over. */
export const victim = (orders: Orders): Effect.Effect<RunningVictim, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => start(orders)),
    ({ ended, signal }) =>
      Effect.promise(() => {
        signal("SIGKILL")
        return ended
      }),
  )
