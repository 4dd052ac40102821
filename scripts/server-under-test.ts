/** Starts a real server with the demo class on a free port, for the gates that need one, and stops it again. */
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

export interface ServerUnderTest {
  readonly url: string
  readonly stop: () => Promise<void>
}

const READY_WITHIN_MILLIS = 30_000

/** Reads the log to its end, so that the server never waits for us; answers with the address that it names. */
const readUrl = (log: ReadableStream<Uint8Array>): Promise<string> =>
  new Promise((resolve, reject) => {
    const read = async () => {
      const decoder = new TextDecoder()
      let text = ""
      for await (const piece of log) {
        text += decoder.decode(piece, { stream: true })
        const ready = text.split("\n").find((line) => line.includes("Paceline is ready"))
        const url = ready?.match(/https?:\/\/[^"\s]+/)?.[0]
        if (url !== undefined) resolve(url.replace(/\/$/, ""))
      }
      throw new Error(`The server ended before it was ready:\n${text}`)
    }
    read().catch(reject)
  })

/** @param port 0 for any that is free */
export const startPaceline = async (data: string, port = 0): Promise<ServerUnderTest> => {
  const child = Bun.spawn(
    [
      process.execPath,
      "packages/server/src/main.ts",
      "serve",
      "--demo",
      "--port",
      String(port),
      "--data",
      data,
      "--log-format",
      "json",
    ],
    { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  )
  const stop = async () => {
    child.kill("SIGTERM")
    await child.exited
  }
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error("The server was not ready within 30 s.")), READY_WITHIN_MILLIS).unref()
  })
  try {
    return { url: await Promise.race([readUrl(child.stdout), late]), stop }
  } catch (error) {
    await stop()
    throw error
  }
}
