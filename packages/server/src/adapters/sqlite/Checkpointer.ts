/**
 * Folds the write-ahead log into the database file, on a thread of its own.
 *
 * A checkpoint writes pages all over the file and flushes twice; on an SD card that takes seconds. So a worker
 * does it, on its own connection and in PASSIVE mode, which never makes a writer or a reader wait. SQLite can
 * reuse the log only when a checkpoint reached its end and nobody wrote meanwhile. Under writes without a pause
 * that may never happen, so a log grown beyond `FRAMES_KEPT` is folded in between two turns of the writer.
 */
import { Worker } from "node:worker_threads"
import { Effect, Schedule, Schema, type Scope } from "effect"
import type { Database } from "./Database.ts"

const EVERY = "1 second"
const RESTART_AFTER = "10 seconds"

/** 2,048 pages, about 8 MB: a log that is soon reused need not grow, and a flush that grows no file takes half as long. */
const FRAMES_KEPT = 2048

/** A string, because a compiled binary has no second source file that a worker could be started from. */
const WORKER_SOURCE = `
const { Database } = require("bun:sqlite")
const { parentPort } = require("node:worker_threads")
let database
parentPort.on("message", (request) => {
  try {
    if (request.open !== undefined) {
      database = new Database(request.open, { readwrite: true, create: false })
      for (const pragma of ["busy_timeout=0", "synchronous=FULL", "fullfsync=ON", "checkpoint_fullfsync=ON"]) {
        database.run("PRAGMA " + pragma)
      }
    }
    if (request.close === true) database?.close(true)
    const frames = request.checkpoint === true ? database.query("PRAGMA wal_checkpoint(PASSIVE)").get() : {}
    parentPort.postMessage({ log: frames.log ?? 0, checkpointed: frames.checkpointed ?? 0 })
  } catch (cause) {
    parentPort.postMessage({ problem: String(cause) })
  }
})`

type Request = { readonly open: string } | { readonly checkpoint: true } | { readonly close: true }

const Answer = Schema.Union(
  Schema.Struct({ problem: Schema.String }),
  Schema.Struct({ log: Schema.Int, checkpointed: Schema.Int }),
)
type Answer = typeof Answer.Type

class CheckpointFailed extends Schema.TaggedError<CheckpointFailed>("paceline/CheckpointFailed")("CheckpointFailed", {
  message: Schema.String,
}) {}

/** A checkpoint that takes longer has died with its worker. */
const PATIENCE = "5 minutes"

/** Asks the worker, one question at a time. Only a question keeps the process alive, not the idle worker. */
const ask = (worker: Worker, request: Request): Effect.Effect<Exclude<Answer, { problem: string }>, CheckpointFailed> =>
  Effect.async<unknown, CheckpointFailed>((resume) => {
    const answered = (answer: unknown) => settle(Effect.succeed(answer))
    const failed = (cause: unknown) => settle(new CheckpointFailed({ message: String(cause) }))
    const stopListening = () => worker.off("message", answered).off("error", failed)
    const settle = (answer: Effect.Effect<unknown, CheckpointFailed>) => {
      stopListening()
      resume(answer)
    }
    worker.ref()
    worker.on("message", answered).on("error", failed)
    worker.postMessage(request)
    return Effect.sync(stopListening)
  }).pipe(
    Effect.timeoutFail({ duration: PATIENCE, onTimeout: () => new CheckpointFailed({ message: "no answer" }) }),
    Effect.ensuring(Effect.sync(() => worker.unref())),
    Effect.flatMap(Schema.decodeUnknown(Answer)),
    Effect.catchTag("ParseError", ({ message }) => new CheckpointFailed({ message })),
    Effect.flatMap((answer) =>
      "problem" in answer ? Effect.fail(new CheckpointFailed({ message: answer.problem })) : Effect.succeed(answer),
    ),
  )

const startWorker = (path: string) =>
  Effect.acquireRelease(
    // The listener that does nothing: without one, an error of the idle worker would end the process.
    Effect.sync(() => new Worker(WORKER_SOURCE, { eval: true }).on("error", () => {})),
    // It lets go of the file before the writer does, so that the last to close can fold in the log and remove it.
    (worker) =>
      ask(worker, { close: true }).pipe(
        Effect.interruptible,
        Effect.timeout("1 second"),
        Effect.ignore,
        Effect.andThen(Effect.promise(() => worker.terminate())),
      ),
  ).pipe(Effect.tap((worker) => ask(worker, { open: path })))

/** Checkpoints after new commits, for as long as its worker answers. */
const session = (writing: Database, commits: () => number): Effect.Effect<never, CheckpointFailed> =>
  Effect.gen(function* () {
    const worker = yield* startWorker(writing.path)
    let done = -1
    while (true) {
      yield* Effect.sleep(EVERY)
      const seen = commits()
      if (seen !== done) {
        const { log } = yield* ask(worker, { checkpoint: true })
        if (log > FRAMES_KEPT) {
          // Each pass leaves only what was written during the one before, so that the last one, on this thread, is short.
          yield* Effect.repeatN(ask(worker, { checkpoint: true }), 2)
          yield* Effect.sync(() => writing.statement("PRAGMA wal_checkpoint(PASSIVE)").all())
        }
        done = seen
      }
    }
  }).pipe(Effect.scoped)

/** Checkpoints in the background until the scope closes. `commits` counts the commits so far. */
export const start = (writing: Database, commits: () => number): Effect.Effect<void, never, Scope.Scope> =>
  session(writing, commits).pipe(
    Effect.tapErrorCause((cause) => Effect.logWarning("A checkpoint failed; it is tried again.", cause)),
    Effect.retry(Schedule.spaced(RESTART_AFTER)),
    Effect.forkScoped,
    Effect.asVoid,
  )
