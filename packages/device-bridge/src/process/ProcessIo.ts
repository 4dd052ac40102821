/** This process as the surroundings of the program: its output, its environment, and what tells it to stop. */
import type { SqliteDriver } from "../drivers/SqliteDriver.ts"
import type { Output } from "./Reporter.ts"

/** What the program needs of its surroundings. */
export interface BridgeIo extends Output {
  readonly driver: SqliteDriver
  readonly env: Readonly<Record<string, string | undefined>>
  /** How this program is started again; for `verify`, which kills processes of its own. */
  readonly self?: ReadonlyArray<string>
  /** Aborted when the program is to stop in order. */
  readonly signal: AbortSignal
}

/**
 * Stops on SIGTERM and SIGINT, and when nobody reads the output any more: whoever started this program is gone.
 * A second SIGINT ends the process at once, which loses nothing that was flushed.
 */
export const processIo = (driver: SqliteDriver): BridgeIo => {
  const stop = new AbortController()
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort())
  process.stdout.on("error", () => stop.abort())
  process.stderr.on("error", () => {})
  return {
    driver,
    env: process.env,
    self: [process.execPath, ...process.execArgv, ...process.argv.slice(1, 2)],
    signal: stop.signal,
    write: (line) => void process.stdout.write(`${line}\n`),
    writeError: (line) => void process.stderr.write(`${line}\n`),
  }
}
