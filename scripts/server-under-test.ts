/** Starts a real server with the demo class on a free port, for the gates that need one, and stops it again. */
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

export interface ServerUnderTest {
  readonly url: string
  readonly stop: () => Promise<void>
}

const READY_WITHIN_MILLIS = 30_000

/** Waits for the log line that names the server's address. */
const readUrl = async (lines: ReadableStream<Uint8Array>): Promise<string> => {
  const decoder = new TextDecoder()
  let text = ""
  for await (const piece of lines) {
    text += decoder.decode(piece, { stream: true })
    const ready = text.split("\n").find((line) => line.includes("Paceline is ready"))
    const url = ready?.match(/https?:\/\/[^"\s]+/)?.[0]
    if (url !== undefined) return url.replace(/\/$/, "")
  }
  throw new Error(`The server ended before it was ready:\n${text}`)
}

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
  const [forUrl, rest] = child.stdout.tee()
  // The rest is read, so that the server never waits for us.
  void rest.pipeTo(new WritableStream())
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error("The server was not ready within 30 s.")), READY_WITHIN_MILLIS).unref()
  })
  try {
    return { url: await Promise.race([readUrl(forUrl), late]), stop }
  } catch (error) {
    await stop()
    throw error
  }
}
