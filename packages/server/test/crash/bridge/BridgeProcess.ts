/** Starts bridges as processes of their own and reads what they were promised. None outlives its scope. */
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { Effect, type Scope } from "effect"
import type { BridgeOrders } from "./BridgeVictim.ts"

/** What one life of a bridge recorded and was promised: values from `first` on. */
export interface Life {
  readonly first: number
  /** The last value that it gave to `record`, and the last that a `flush` covered; `first - 1` before any. */
  recorded: number
  flushed: number
}

export interface RunningBridge {
  readonly life: Life
  /** It has flushed, or drained. Rejects when it ended before. */
  readonly ready: Promise<void>
  readonly signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT") => void
  /** When it is gone and all that it said was read: its exit code, or null after a signal. */
  readonly ended: Promise<number | null>
}

export type Runtime = "bun" | "node"

const VICTIM = join(import.meta.dirname, "BridgeVictim.ts")

const nodeProgram = resolve(import.meta.dirname, "../../../../../node_modules/.bin/node")

/** Node where the repository has one that runs TypeScript; else Bun in its place. */
const commandOf = (runtime: Runtime): ReadonlyArray<string> =>
  runtime === "node" && existsSync(nodeProgram) ? [nodeProgram, "--conditions=bun", VICTIM] : [process.execPath, VICTIM]

const start = (runtime: Runtime, orders: BridgeOrders): RunningBridge => {
  const first = orders.first ?? 0
  const life: Life = { first, recorded: first - 1, flushed: first - 1 }
  const ready = Promise.withResolvers<void>()
  ready.promise.catch(() => undefined)
  const child = Bun.spawn([...commandOf(runtime), JSON.stringify(orders)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  })
  const heard = (line: string): void => {
    const [verb, value] = line.split(" ")
    if (verb === "recorded") life.recorded = Number(value)
    if (verb === "flushed") life.flushed = Number(value)
    if (verb === "flushed" || verb === "drained") ready.resolve()
  }
  const read = async (): Promise<number | null> => {
    const decoder = new TextDecoder()
    let rest = ""
    for await (const bytes of child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) heard(line)
    }
    await child.exited
    ready.reject(new Error("The bridge ended before it had flushed anything"))
    return child.exitCode
  }
  return { life, ready: ready.promise, signal: (signal) => void child.kill(signal), ended: read() }
}

export const bridge = (runtime: Runtime, orders: BridgeOrders): Effect.Effect<RunningBridge, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => start(runtime, orders)),
    ({ ended, signal }) =>
      Effect.promise(() => {
        signal("SIGKILL")
        return ended
      }),
  )
