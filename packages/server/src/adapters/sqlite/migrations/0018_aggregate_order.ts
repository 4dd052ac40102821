/**
 * Aggregates, kept in the order in which they were made instead of that of their ids. Those made together are mostly
 * changed together: they lie on the same pages then, and a commit writes a few pages instead of one for each of them.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`DROP INDEX aggregate_due`
  yield* sql`ALTER TABLE aggregate RENAME TO former_aggregate`
  yield* sql`
    CREATE TABLE aggregate (
      kind TEXT NOT NULL,
      id TEXT NOT NULL,
      version INTEGER NOT NULL,
      state TEXT NOT NULL,
      due_at_ms INTEGER,
      rank INTEGER NOT NULL,
      UNIQUE (kind, id)
    ) STRICT`
  yield* sql`
    INSERT INTO aggregate (kind, id, version, state, due_at_ms, rank)
    SELECT kind, id, version, state, due_at_ms, rank FROM former_aggregate ORDER BY kind, id`
  yield* sql`DROP TABLE former_aggregate`
  // The id is in it because those that are due at the same moment are claimed in its order.
  yield* sql`
    CREATE INDEX aggregate_due ON aggregate (kind, rank, due_at_ms, id) WHERE due_at_ms IS NOT NULL`
})
