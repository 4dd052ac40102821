/**
 * The store for several server processes: a pool of connections to one PostgreSQL, with the unit of work over it.
 *
 * Opening brings the schema up to date. Processes that open it at once do that one after the other, in one transaction
 * each, under an advisory lock that ends with it; so it works behind PgBouncer too. A schema that is newer than this
 * program is refused.
 *
 * @example
 * program.pipe(Effect.provide(PostgresStore.layer({ url: Redacted.make("postgres://paceline@db/paceline") })))
 */
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { PgClient } from "@effect/sql-pg"
import { StorageError, UnitOfWork } from "@paceline/core/consistency"
import { Cause, type Duration, Effect, Layer, type Redacted, Schema } from "effect"
import { type Migrations, migrations, newestOf } from "./migrations/index.ts"
import { storageError } from "./PostgresErrors.ts"
import * as PostgresUnitOfWork from "./UnitOfWork.ts"

export interface PostgresStoreOptions extends PostgresUnitOfWork.UnitOfWorkOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: Redacted.Redacted
  /** The most connections that this process opens. Default 20. */
  readonly maxConnections?: number
  /** How long to wait for a connection, from the pool or to the database. Default 5 s. */
  readonly connectTimeout?: Duration.DurationInput
  /** The steps of the schema; those of this program if not given. */
  readonly migrations?: Migrations
}

/** The database was written by a newer version of Paceline. It was left as it is. */
export class DatabaseNewer extends Schema.TaggedError<DatabaseNewer>("paceline/DatabaseNewer")("DatabaseNewer", {
  found: Schema.Int,
  known: Schema.Int,
}) {
  override get message(): string {
    return (
      `The database is at schema ${this.found}; this version of Paceline knows it up to ${this.known}. ` +
      "It was left as it is. Install the newer version again."
    )
  }
}

export type OpenError = StorageError | DatabaseNewer

export type Provided = UnitOfWork | SqlClient | PgClient.PgClient

const MIGRATIONS = "schema_migration"

/** Any number that nothing else on the database locks: "paceline" in ASCII, as a 64-bit integer. */
const MIGRATION_LOCK = 0x706163656c696e65n

const migrate = (steps: Migrations) =>
  UnitOfWork.run(
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* sql`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK.toString()}::bigint)`
      // Made here, because the migrator asks for it by a statement that may fail, and would end the transaction.
      yield* sql`CREATE TABLE IF NOT EXISTS ${sql(MIGRATIONS)} (
        migration_id integer PRIMARY KEY,
        created_at timestamptz NOT NULL DEFAULT now(),
        name text NOT NULL)`
      const rows = yield* sql<{ found: number }>`SELECT coalesce(max(migration_id), 0) AS found FROM ${sql(MIGRATIONS)}`
      const found = rows[0]?.found ?? 0
      const known = newestOf(steps)
      if (found > known) return yield* new DatabaseNewer({ found, known })
      yield* Migrator.make({})({ loader: Migrator.fromRecord(steps), table: MIGRATIONS })
    }),
  ).pipe(
    Effect.catchAllCause((cause) => {
      const error = Cause.squash(cause)
      if (error instanceof StorageError || error instanceof DatabaseNewer) return Effect.fail(error)
      const message = `The database could not be brought up to date; nothing was changed. ${reasons(error)}`
      return Effect.fail(new StorageError({ reason: "failed", message, cause: error }))
    }),
  )

/** The messages of an error and of what caused it. */
const reasons = (error: unknown): string =>
  error instanceof Error
    ? `${error.message}${error.cause === undefined ? "" : `: ${reasons(error.cause)}`}`
    : String(error)

export const layer = (options: PostgresStoreOptions): Layer.Layer<Provided, OpenError> => {
  const client = PgClient.layer({
    url: options.url,
    maxConnections: options.maxConnections ?? 20,
    connectTimeout: options.connectTimeout ?? "5 seconds",
    applicationName: "paceline",
  }).pipe(Layer.catchAll((error) => Layer.fail(error instanceof SqlError ? storageError(error) : error)))
  return Layer.effectDiscard(migrate(options.migrations ?? migrations)).pipe(
    Layer.provideMerge(PostgresUnitOfWork.layer(options)),
    Layer.provideMerge(client),
  )
}
