/**
 * A copy of the database while it is in use.
 *
 * SQLite's `VACUUM INTO` copies one moment: every unit of work is in the copy whole or not at all. It runs on a thread
 * and a connection of its own, so units go on being written and answered meanwhile. The copy is made under another
 * name, flushed, and only then given its own, so a file of that name is a whole copy. It holds the same secrets as the
 * original, so only its owner may read it.
 *
 * @example
 * yield* SqliteStore.backup("/backups/paceline-2026-11-20.db")
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import { Worker } from "node:worker_threads"
import { Effect, Schema } from "effect"

/** No copy was made, and nothing is left of it. */
export class BackupFailed extends Schema.TaggedError<BackupFailed>("paceline/BackupFailed")("BackupFailed", {
  /** Where the copy was to be. */
  path: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `No backup was made at ${this.path}: ${this.problem}`
  }
}

/** A string, because a compiled binary has no second source file that a worker could be started from. */
const WORKER_SOURCE = `
const { Database } = require("bun:sqlite")
const { closeSync, openSync } = require("node:fs")
const { parentPort } = require("node:worker_threads")
parentPort.once("message", ({ from, to }) => {
  try {
    closeSync(openSync(to, "wx", 0o600))
    const database = new Database(from, { readwrite: true, create: false })
    try {
      database.run("PRAGMA busy_timeout=5000")
      database.prepare("VACUUM INTO ?").run(to)
    } finally {
      database.close(true)
    }
    parentPort.postMessage(null)
  } catch (cause) {
    parentPort.postMessage(String(cause))
  }
})`

/** What went wrong, or null. */
const copy = (from: string, to: string): Effect.Effect<string | null> =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Worker(WORKER_SOURCE, { eval: true })),
    (worker) =>
      Effect.async<string | null>((resume) => {
        worker.once("message", (problem: unknown) => resume(Effect.succeed(problem === null ? null : String(problem))))
        worker.once("error", (cause: unknown) => resume(Effect.succeed(String(cause))))
        worker.postMessage({ from, to })
      }),
    (worker) => Effect.promise(() => worker.terminate()),
  )

const flush = (path: string): void => {
  const file = openSync(path, "r")
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Copies the database `from` to the new file `to`. */
export const backup = (from: string, to: string): Effect.Effect<void, BackupFailed> => {
  const failed = (problem: string) => new BackupFailed({ path: to, problem })
  const partial = `${to}.partial`
  return Effect.gen(function* () {
    if (existsSync(to)) return yield* failed("a file of that name is there already. Choose another name.")
    rmSync(partial, { force: true })
    const problem = yield* copy(from, partial)
    if (problem !== null) return yield* failed(problem)
    yield* Effect.try({
      try: () => {
        flush(partial)
        renameSync(partial, to)
        flush(dirname(to))
      },
      catch: (cause) => failed(String(cause)),
    })
  }).pipe(Effect.ensuring(Effect.sync(() => rmSync(partial, { force: true }))))
}
