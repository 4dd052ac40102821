/**
 * Brings the schema up to date, in one transaction, under an advisory lock that ends with it: processes that open the
 * database at once do it one after the other, also behind PgBouncer.
 */
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { StorageError, UnitOfWork } from "@paceline/core/consistency"
import { Cause, Effect, Schema } from "effect"
import { type Migrations, newestOf } from "./migrations/index.ts"

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

const MIGRATIONS = "schema_migration"

/** Any number that nothing else on the database locks: "paceline" in ASCII, as a 64-bit integer. */
const MIGRATION_LOCK = 0x706163656c696e65n

export const migrate = (steps: Migrations): Effect.Effect<void, StorageError | DatabaseNewer, SqlClient | UnitOfWork> =>
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
