/**
 * Erasures: one row each, which is all that stays of an athlete. `subject` is the SHA-256 of their id, so that what comes
 * late is known for theirs; the id itself is there only while there is something of theirs to be found by it. After that
 * it is complete when the file has been written anew.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE erasure (
      subject TEXT PRIMARY KEY,
      athlete_id TEXT,
      task INTEGER NOT NULL DEFAULT 0,
      place TEXT,
      announced_partition INTEGER,
      announced_offset INTEGER,
      requested_at_ms INTEGER NOT NULL,
      completed_at_ms INTEGER,
      CHECK (athlete_id IS NULL OR completed_at_ms IS NULL)
    ) STRICT, WITHOUT ROWID`
  // How many streams were taken out of a chunk. Its CRC stays that of what was delivered, and so does its identity.
  yield* sql`ALTER TABLE chunk ADD COLUMN erased INTEGER NOT NULL DEFAULT 0`
})
