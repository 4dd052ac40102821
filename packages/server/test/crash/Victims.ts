/** Starts victims and reads what they were answered. A victim never outlives the scope that started it. */
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import type { Orders } from "./Victim.ts"

export interface RunningVictim {
  /** The numbers that it was answered so far. */
  readonly answered: ReadonlySet<number>
  /** How often the store told it that the disk is full. */
  readonly full: () => number
  /** It has opened its store. */
  readonly ready: Promise<void>
  readonly signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT") => void
  /** When it has ended and all that it printed was read: its exit code, or null after a signal. */
  readonly ended: Promise<number | null>
}

const MAIN = join(import.meta.dirname, "Victim.ts")

const start = (orders: Orders): RunningVictim => {
  const answered = new Set<number>()
  let full = 0
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
  const child = Bun.spawn([process.execPath, MAIN, JSON.stringify(orders)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  })
  const line = (text: string): void => {
    if (text === "ready") resolve()
    else if (text === "full") full++
    else answered.add(Number(text))
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
    reject(new Error("The victim ended before it had opened its store"))
    return child.exitCode
  }
  // Whoever waits for the end and not for `ready` must not meet a rejection that nobody handles.
  ready.catch(() => undefined)
  return { answered, full: () => full, ready, signal: (signal) => void child.kill(signal), ended: read() }
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
