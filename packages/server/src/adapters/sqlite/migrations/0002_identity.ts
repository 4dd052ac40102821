/** Identity: the hash of every key, and whom it stands for. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE api_key (
      hash TEXT PRIMARY KEY,
      kind TEXT NOT NULL CHECK (kind IN ('Admin', 'Device', 'Athlete')),
      subject TEXT CHECK ((subject IS NULL) = (kind = 'Admin')),
      issued_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`
})
