/** Servers of peers, from the system's packages, on a free port of this machine with a folder of their own. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { connect, createServer } from "node:net"
import type { AtEnd } from "../../Harness.ts"

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(address)))
    })
  })

const STARTS_WITHIN_MILLIS = 10_000

/** Starts a program and waits until it listens; it is stopped at the end of the row. */
export const startServer = async (
  programs: ReadonlyArray<string>,
  args: ReadonlyArray<string>,
  port: number,
  atEnd: AtEnd,
): Promise<void> => {
  const program = programs.find((path) => existsSync(path))
  if (program === undefined) throw new Error(`there is none of ${programs.join(", ")}`)
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
  const output: Array<string> = []
  child.stdout.on("data", (text) => output.push(String(text)))
  child.stderr.on("data", (text) => output.push(String(text)))
  atEnd(() => stop(child))
  const startedAt = performance.now()
  while (!(await listens(port))) {
    if (child.exitCode !== null || performance.now() - startedAt > STARTS_WITHIN_MILLIS) {
      throw new Error(`${program} did not start:\n${output.join("")}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    const answer = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    socket.once("connect", () => answer(true))
    socket.once("error", () => answer(false))
  })

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once("exit", resolve))
  child.kill("SIGTERM")
  await ended
}
