/** Aggregates without tables of their own, those that are finished, and the answers given under idempotency keys. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE aggregate (
      kind TEXT NOT NULL,
      id TEXT NOT NULL,
      version INTEGER NOT NULL,
      state TEXT NOT NULL,
      due_at_ms INTEGER,
      rank INTEGER NOT NULL,
      PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID`
  yield* sql`CREATE INDEX aggregate_due ON aggregate (kind, rank, due_at_ms) WHERE due_at_ms IS NOT NULL`
  // In the order of archiving, so that a million finished ones cost the next one little.
  yield* sql`
    CREATE TABLE aggregate_archive (
      kind TEXT NOT NULL,
      id TEXT NOT NULL,
      version INTEGER NOT NULL,
      state TEXT NOT NULL,
      archived_at_ms INTEGER NOT NULL,
      UNIQUE (kind, id)
    ) STRICT`
  yield* sql`CREATE INDEX aggregate_archive_age ON aggregate_archive (kind, archived_at_ms)`
  yield* sql`
    CREATE TABLE idempotent_answer (
      key TEXT PRIMARY KEY,
      fingerprint TEXT NOT NULL,
      answer TEXT,
      expires_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`
  yield* sql`CREATE INDEX idempotent_answer_expires ON idempotent_answer (expires_at_ms)`
})
