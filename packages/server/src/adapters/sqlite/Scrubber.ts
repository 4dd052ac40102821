/**
 * `Scrubber` on SQLite: the file is written anew without what was deleted (`VACUUM`), and the write-ahead log, which
 * still has the old pages, is folded in and cut to nothing.
 *
 * It runs on a thread and a connection of its own, so readers and the wall go on. Units of work wait meanwhile: less than
 * a second for each 100 MB. Beyond five seconds they are refused, and whoever delivers sends again. The copy is made in
 * a temporary file, not in memory.
 */
import { Worker } from "node:worker_threads"
import type { Scrubber } from "@paceline/core/consistency"
import { type Context, Effect } from "effect"
import type { Database } from "./Database.ts"

/** A string, because a compiled binary has no second source file that a worker could be started from. */
const WORKER_SOURCE = `
const { Database } = require("bun:sqlite")
const { parentPort } = require("node:worker_threads")
parentPort.once("message", (path) => {
  try {
    const database = new Database(path, { readwrite: true, create: false })
    try {
      for (const pragma of ["busy_timeout=5000", "synchronous=FULL", "fullfsync=ON", "checkpoint_fullfsync=ON"]) {
        database.run("PRAGMA " + pragma)
      }
      database.run("VACUUM")
      const { busy } = database.query("PRAGMA wal_checkpoint(TRUNCATE)").get()
      parentPort.postMessage({ done: busy === 0 })
    } finally {
      database.close(true)
    }
  } catch (cause) {
    parentPort.postMessage({ done: false, code: cause.code, problem: String(cause) })
  }
})`

/** What the thread answers: done, or in the way of something that runs, or what went wrong. */
type Answer = "done" | "busy" | { readonly problem: string }

const answerOf = (message: unknown): Answer => {
  const { code, done, problem } = Object(message)
  if (done === true) return "done"
  return problem === undefined || String(code).startsWith("SQLITE_BUSY") ? "busy" : { problem: String(problem) }
}

const scrub = (path: string): Effect.Effect<Answer> =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Worker(WORKER_SOURCE, { eval: true })),
    (worker) =>
      Effect.async<Answer>((resume) => {
        worker.once("message", (message: unknown) => resume(Effect.succeed(answerOf(message))))
        worker.once("error", (cause: unknown) => resume(Effect.succeed({ problem: String(cause) })))
        worker.postMessage(path)
      }),
    (worker) => Effect.promise(() => worker.terminate()),
  )

export const make = (writing: Database): Context.Tag.Service<typeof Scrubber> => ({
  scrub: Effect.flatMap(scrub(writing.path), (answer) =>
    typeof answer === "string"
      ? Effect.succeed(answer === "done")
      : Effect.fail(writing.storageError(new Error(answer.problem))),
  ),
})
