/** The real server as a process that the crash tests kill and start again on the same port and data. */
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Effect, type Scope } from "effect"

export interface RunningServer {
  /** Its address, once it is ready. */
  readonly ready: Promise<string>
  readonly signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT") => void
  readonly ended: Promise<unknown>
}

const MAIN = resolve(import.meta.dirname, "../../../src/main.ts")

/** Everybody here comes from one address, and dials far more often than bridges in the field. */
const NO_LIMITS = [
  "--limit-address",
  "0",
  "--limit-unauthenticated",
  "0",
  "--limit-scanning",
  "0",
  "--limit-admin",
  "0",
]

const start = (data: string, port: number): RunningServer => {
  const child = Bun.spawn(
    [process.execPath, MAIN, "serve", "--port", `${port}`, "--data", data, "--log-format", "json", ...NO_LIMITS],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  )
  const ready = Promise.withResolvers<string>()
  ready.promise.catch(() => undefined)
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder()
    let log = ""
    let found = false
    for await (const bytes of child.stdout) {
      if (found) continue
      log += decoder.decode(bytes, { stream: true })
      const url = /Paceline is ready.*?"url":"([^"]+)"/.exec(log)?.[1]
      found = url !== undefined
      if (url !== undefined) ready.resolve(url)
    }
    await child.exited
    ready.reject(new Error(`The server ended before it was ready:\n${log}`))
  }
  const ended = read()
  const signal = (name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void => void child.kill(name)
  return { ready: ready.promise, signal, ended }
}

/** Starts at once; it may be killed before it is ready. @param port 0 for any that is free */
export const server = (data: string, port: number): Effect.Effect<RunningServer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => start(data, port)),
    ({ ended, signal }) =>
      Effect.promise(() => {
        signal("SIGKILL")
        return ended
      }),
  )

export interface Registered {
  readonly deviceId: string
  readonly key: string
}

/** Registers a device, as its owner would. */
export const register = (url: string, data: string, name: string): Effect.Effect<Registered> =>
  Effect.promise(async () => {
    const adminKey = readFileSync(join(data, "admin.key"), "utf8").trim()
    const answer = await fetch(`${url}/v1/devices`, {
      method: "POST",
      headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
      body: JSON.stringify({ name }),
    })
    const { deviceId, key } = await answer.json()
    return { deviceId: String(deviceId), key: String(key) }
  })
