/**
 * The folder that a server keeps its data in, and its claim to be the only one there.
 *
 * The claim is a lock of the operating system on `owner.lock`, so it dies with the process, also with kill -9.
 * Beside it `owner.json` says in plain text who holds it: `{ pid, url, startedAt }`, so that a second server can
 * name the first, and local commands can find the running one. `url` is null until the server listens.
 */
import { Database as BunDatabase } from "bun:sqlite"
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Context, DateTime, Effect, Option, Schema, type Scope } from "effect"
import { codeOf } from "./SqliteErrors.ts"

/** Who runs on a data folder. */
export class Owner extends Schema.Class<Owner>("paceline/DataFolderOwner")({
  pid: Schema.Int,
  /** Where its HTTP door is; null until it listens. */
  url: Schema.NullOr(Schema.String),
  /** ISO 8601, UTC. */
  startedAt: Schema.String,
}) {}

/** Another process owns the folder. */
export class DataFolderTaken extends Schema.TaggedError<DataFolderTaken>("paceline/DataFolderTaken")(
  "DataFolderTaken",
  { folder: Schema.String, owner: Schema.NullOr(Owner) },
) {
  override get message(): string {
    const { folder, owner } = this
    const who =
      owner === null
        ? "another process"
        : `process ${owner.pid}${owner.url === null ? "" : ` at ${owner.url}`}, since ${owner.startedAt}`
    return `The data folder ${folder} is in use by ${who}. Stop that server, or start this one with another --data folder.`
  }
}

/** The folder cannot be made or written to. */
export class DataFolderUnwritable extends Schema.TaggedError<DataFolderUnwritable>("paceline/DataFolderUnwritable")(
  "DataFolderUnwritable",
  { folder: Schema.String, problem: Schema.String },
) {
  override get message(): string {
    return `The data folder ${this.folder} cannot be written to (${this.problem}). Give this user the right to write there, or choose another folder with --data.`
  }
}

/** The data was written by a newer version of Paceline. Nothing was changed. */
export class DataFolderNewer extends Schema.TaggedError<DataFolderNewer>("paceline/DataFolderNewer")(
  "DataFolderNewer",
  { folder: Schema.String, found: Schema.Int, known: Schema.Int },
) {
  override get message(): string {
    return `The data folder ${this.folder} was written by a newer version of Paceline (schema ${this.found}; this one knows up to ${this.known}). Nothing was changed. Install the newer version, or choose another folder with --data.`
  }
}

export class DataFolder extends Context.Tag("@paceline/server/adapters/sqlite/DataFolder")<
  DataFolder,
  {
    /** Absolute. */
    readonly path: string
    /** Says in `owner.json` where this server can be reached. */
    readonly announce: (url: string) => Effect.Effect<void, DataFolderUnwritable>
  }
>() {}

const LOCK = "owner.lock"
const OWNER = "owner.json"

/** How long to wait for the lock: somebody may be looking whether it is held. */
const LOCK_WAIT_MILLIS = 250

const problemOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Takes the lock; undefined when another process holds it. Throws when the file cannot be written. */
const takeLock = (folder: string, waitMillis: number): BunDatabase | undefined => {
  const lock = new BunDatabase(join(folder, LOCK), { readwrite: true, create: true })
  try {
    lock.run(`PRAGMA busy_timeout=${waitMillis}`)
    lock.run("BEGIN EXCLUSIVE")
    return lock
  } catch (cause) {
    lock.close(true)
    if (codeOf(cause).startsWith("SQLITE_BUSY")) return undefined
    throw cause
  }
}

/** What `owner.json` says, right or stale. */
const readOwnerFile = (folder: string): Owner | null => {
  try {
    const decoded = Schema.decodeUnknownOption(Schema.parseJson(Owner))(readFileSync(join(folder, OWNER), "utf8"))
    return Option.getOrNull(decoded)
  } catch {
    return null
  }
}

const writeOwnerFile = (folder: string, owner: Owner): void => {
  const file = join(folder, OWNER)
  writeFileSync(`${file}.new`, `${JSON.stringify(owner)}\n`)
  renameSync(`${file}.new`, file)
}

/** Who runs on the folder now; none when nobody does, whatever a stale `owner.json` says. */
export const findOwner = (folder: string): Effect.Effect<Option.Option<Owner>> =>
  Effect.sync(() => {
    const owner = readOwnerFile(folder)
    if (owner === null) return Option.none()
    try {
      const lock = takeLock(folder, 0)
      if (lock === undefined) return Option.some(owner)
      lock.close(true)
      return Option.none()
    } catch {
      return Option.none()
    }
  })

/** Makes the folder if it is not there and owns it until the scope closes. */
export const claim = (
  folder: string,
): Effect.Effect<Context.Tag.Service<typeof DataFolder>, DataFolderTaken | DataFolderUnwritable, Scope.Scope> =>
  Effect.gen(function* () {
    const path = resolve(folder)
    const unwritable = (cause: unknown) => new DataFolderUnwritable({ folder: path, problem: problemOf(cause) })
    const startedAt = DateTime.formatIso(yield* DateTime.now)
    const write = (url: string | null) =>
      Effect.try({
        try: () => writeOwnerFile(path, new Owner({ pid: process.pid, url, startedAt })),
        catch: unwritable,
      })

    yield* Effect.acquireRelease(
      Effect.try({
        try: () => {
          mkdirSync(path, { recursive: true, mode: 0o700 })
          return takeLock(path, LOCK_WAIT_MILLIS)
        },
        catch: unwritable,
      }).pipe(
        Effect.filterOrFail(
          (lock) => lock !== undefined,
          () => new DataFolderTaken({ folder: path, owner: readOwnerFile(path) }),
        ),
      ),
      (lock) =>
        Effect.sync(() => {
          rmSync(join(path, OWNER), { force: true })
          lock.close(true)
        }),
    )
    yield* write(null)
    return { path, announce: write }
  })
