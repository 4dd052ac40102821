/**
 * A backup every day: a copy of the database in a folder, named after its time, of which the newest are kept.
 *
 * It is a task of the scheduler, so a night in which the server was off is made up for when it starts, and a failure is
 * tried again, first after a minute, then after longer, for some hours. Its run names the file: done twice, it is one.
 * The first one is made at once when the folder has none, so that whoever set it up sees whether it works.
 */
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs"
import { join, resolve } from "node:path"
import type { Scheduler } from "@paceline/core/workflow"
import { Clock, Effect, Metric, Schema } from "effect"
import * as SqliteStore from "../../adapters/sqlite/SqliteStore.ts"
import { found, nameAt, tooMany } from "../BackupFiles.ts"

export interface BackupOptions {
  /** Where they go; none are made when it is empty. */
  readonly folder: string
  /** `HH:MM` by this machine's clock. */
  readonly at: string
  readonly keep: number
}

/** The folder cannot be used. */
class BackupFolderUnusable extends Schema.TaggedError<BackupFolderUnusable>("paceline/BackupFolderUnusable")(
  "BackupFolderUnusable",
  { folder: Schema.String, problem: Schema.String },
) {
  override get message(): string {
    return `The backup folder ${this.folder} cannot be used: ${this.problem}`
  }
}

const TASK = "backup"

/** Tried again after a minute, then after longer, up to an hour: through a night with a full disk. */
const BACKOFF = { baseMillis: 60_000, factor: 2, maxMillis: 3_600_000 }

const lastSuccess = Metric.gauge("paceline_backup_last_success_seconds", {
  description: "When the last daily backup was made, seconds since the epoch",
})
const failures = Metric.counter("paceline_backup_failures_total", {
  description: "Daily backups that failed, attempts",
  incremental: true,
})

/** Makes the folder if it is not there, and lists it. */
const lookInto = (folder: string) =>
  Effect.try({
    try: () => {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      return found(folder)
    },
    catch: (cause) => new BackupFolderUnusable({ folder, problem: String(cause) }),
  })

const make = (folder: string, keep: number, atMs: number) =>
  Effect.gen(function* () {
    yield* lookInto(folder)
    const file = join(folder, nameAt(atMs))
    if (!existsSync(file)) yield* SqliteStore.backup(file)
    const names = yield* lookInto(folder)
    yield* Effect.sync(() => {
      for (const name of tooMany(names, keep)) rmSync(join(folder, name), { force: true })
    })
    yield* Effect.flatMap(Clock.currentTimeMillis, (nowMs) => Metric.set(lastSuccess, Math.floor(nowMs / 1000)))
    yield* Effect.logInfo("A backup was made.").pipe(
      Effect.annotateLogs({ file, bytes: statSync(file).size, kept: Math.min(keep, names.length) }),
    )
  }).pipe(
    Effect.tapErrorCause((cause) =>
      Effect.zipRight(
        Metric.increment(failures),
        Effect.logError("The daily backup failed; it is tried again later.", cause),
      ),
    ),
  )

const cronOf = (at: string): string => {
  const [hours = "0", minutes = "0"] = at.split(":")
  return `${Number(minutes)} ${Number(hours)} * * *`
}

/** Makes backups until the scope closes; forgets the schedule where none are wanted. */
export const start = (scheduler: Scheduler.Scheduler, options: BackupOptions) =>
  Effect.gen(function* () {
    if (options.folder === "") {
      return yield* Effect.catchTag(scheduler.forget(TASK), "NoSuchTask", () => Effect.void)
    }
    const folder = resolve(options.folder)
    yield* scheduler.task({
      name: TASK,
      when: { cron: cronOf(options.at), zone: Intl.DateTimeFormat().resolvedOptions().timeZone },
      missed: "one",
      backoff: BACKOFF,
      run: ({ nominalMs }) => make(folder, options.keep, nominalMs),
    })
    const names = yield* Effect.orElseSucceed(lookInto(folder), () => [])
    if (names.length === 0) yield* scheduler.runNow(TASK)
  })
