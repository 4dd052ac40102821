/**
 * The embedded store: one SQLite file in the data folder that gives the server its unit of work, its event log,
 * its aggregates, its idempotent answers and SQL.
 *
 * Opening claims the folder, refuses data of a newer version before touching it, and brings an older schema up
 * to date. Closing finishes the units that wait, folds the write-ahead log into the file and frees the folder.
 *
 * @example
 * program.pipe(Effect.provide(SqliteStore.layer({ folder: "./paceline-data" })))
 */
import { Database as BunDatabase } from "bun:sqlite"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { AggregateStore, Answers, Scrubber, StorageError, UnitOfWork, WritePosition } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Cause, Context, Effect, Layer } from "effect"
import * as SqliteAggregateStore from "./AggregateStore.ts"
import * as SqliteAnswers from "./Answers.ts"
import type { BackupFailed } from "./Backup.ts"
import * as Backup from "./Backup.ts"
import * as Checkpointer from "./Checkpointer.ts"
import { type OpenOptions, open } from "./Database.ts"
import { claim, DataFolder, DataFolderNewer, type DataFolderTaken, type DataFolderUnwritable } from "./DataFolder.ts"
import * as SqliteEventLog from "./EventLog.ts"
import type { Topics } from "./LogTopics.ts"
import { type Migrations, migrations, newestOf } from "./migrations/index.ts"
import * as SqliteScrubber from "./Scrubber.ts"
import * as SqliteSqlClient from "./SqlClient.ts"
import { storageError, storeClosed } from "./SqliteErrors.ts"
import * as SqliteUnitOfWork from "./UnitOfWork.ts"
import { Writer, type WriterOptions } from "./Writer.ts"

export interface SqliteStoreOptions {
  /** Where the data lies. Made if it is not there. */
  readonly folder: string
  /** How each topic is kept; one that is not named has one partition. */
  readonly topics?: Topics
  /** Publishers wait when so many records wait to be stored. 10,000 if not given. */
  readonly maxWaitingRecords?: number
  /** Settings of the writing connection, and how it groups commits. */
  readonly database?: OpenOptions
  readonly writer?: WriterOptions
  /** The steps of the schema; those of this program if not given. */
  readonly migrations?: Migrations
}

/** Why a store cannot be opened. Each message says what is wrong and what to do. */
export type OpenError = StorageError | DataFolderTaken | DataFolderUnwritable | DataFolderNewer

export type Provided =
  | UnitOfWork
  | EventLog.EventLog
  | AggregateStore.AggregateStore
  | Answers
  | SqlClient
  | DataFolder
  | Scrubber
  | WritePosition.WritePosition

/** The database's name in the data folder. */
export const FILE = "paceline.db"

const MIGRATIONS = "schema_migration"

/** Looks, without changing anything, whether this program may work on the file. */
const checkVersion = (folder: string, known: number): Effect.Effect<void, StorageError | DataFolderNewer> => {
  const path = join(folder, FILE)
  return Effect.try({
    try: () => {
      if (!existsSync(path)) return 0
      const database = new BunDatabase(path, { readonly: true })
      try {
        const tables = database.query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'").all()
        if (tables.length === 0) return 0
        if (!tables.some(({ name }) => name === MIGRATIONS)) return undefined
        const newest = database.query<{ id: number }, []>(`SELECT max(migration_id) AS id FROM ${MIGRATIONS}`).get()
        return newest?.id ?? 0
      } finally {
        database.close(true)
      }
    },
    catch: (cause) => storageError(cause, path),
  }).pipe(
    Effect.flatMap((found): Effect.Effect<void, StorageError | DataFolderNewer> => {
      if (found === undefined) {
        const message = `${path} is a SQLite database, but not one of Paceline. Choose another folder with --data.`
        return Effect.fail(new StorageError({ reason: "corrupt", message }))
      }
      return found > known ? Effect.fail(new DataFolderNewer({ folder, found, known })) : Effect.void
    }),
  )
}

/** Brings the schema up to date, in one unit of work. */
const migrate = (path: string, steps: Migrations) =>
  UnitOfWork.run(Migrator.make({})({ loader: Migrator.fromRecord(steps), table: MIGRATIONS })).pipe(
    Effect.catchAllCause((cause) => {
      const error = Cause.squash(cause)
      if (error instanceof StorageError) return Effect.fail(error)
      const message = `The database ${path} could not be brought up to date; nothing was changed. ${reasons(error)}`
      return Effect.fail(new StorageError({ reason: "failed", message, cause: error }))
    }),
  )

/** The messages of an error and of what caused it. */
const reasons = (error: unknown): string =>
  error instanceof Error
    ? `${error.message}${error.cause === undefined ? "" : `: ${reasons(error.cause)}`}`
    : String(error)

const make = (options: SqliteStoreOptions) =>
  Effect.gen(function* () {
    const folder = yield* claim(options.folder)
    const steps = options.migrations ?? migrations
    yield* checkVersion(folder.path, newestOf(steps))
    const path = join(folder.path, FILE)
    const writing = yield* open(path, "writer", options.database)
    const reading = yield* open(path, "reader")
    const writer = yield* Effect.acquireRelease(
      Effect.sync(() => new Writer(writing, options.writer)),
      (writer) => Effect.sync(() => writer.close(storeClosed(path))),
    )
    const work = SqliteUnitOfWork.make(writing, writer)
    const sql = yield* SqliteSqlClient.make(writing, reading, work)
    const base = Context.make(UnitOfWork, work).pipe(Context.add(SqlClient, sql))
    yield* Effect.provide(migrate(path, steps), base)
    const { maxWaitingRecords, topics = {} } = options
    const log = yield* SqliteEventLog.make({ writing, reading, writer, work, topics, maxWaitingRecords })
    yield* Checkpointer.start(writing, () => writer.commits)
    return base.pipe(
      Context.add(EventLog.EventLog, log.service),
      Context.add(
        AggregateStore.AggregateStore,
        SqliteAggregateStore.make({ writing, reading, writer, appendInUnit: log.appendInUnit }),
      ),
      Context.add(Answers, SqliteAnswers.make(writing, reading)),
      Context.add(DataFolder, folder),
      Context.add(Scrubber, SqliteScrubber.make(writing)),
    )
  })

/** Copies the database, as it is at one moment, to a new file, while it is in use. */
export const backup = (to: string): Effect.Effect<void, BackupFailed, DataFolder> =>
  Effect.flatMap(DataFolder, ({ path }) => Backup.backup(join(path, FILE), to))

export const layer = (options: SqliteStoreOptions): Layer.Layer<Provided, OpenError> =>
  Layer.merge(Layer.scopedContext(make(options)), WritePosition.layerImmediate)

/** A store in a temporary folder that goes away with its scope. */
export const layerTest = (options: Omit<SqliteStoreOptions, "folder"> = {}): Layer.Layer<Provided, OpenError> =>
  Layer.unwrapScoped(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-store-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
      ),
      (folder) => layer({ ...options, folder }),
    ),
  )
