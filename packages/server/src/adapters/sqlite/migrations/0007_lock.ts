/** Locks: who holds what until when, and the last fencing token given out. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE lock_lease (
      resource TEXT PRIMARY KEY,
      token INTEGER NOT NULL,
      owner TEXT NOT NULL,
      expires_at_ms INTEGER NOT NULL,
      ttl_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`
  yield* sql`CREATE INDEX lock_lease_expiry ON lock_lease (expires_at_ms)`
  // One counter for all resources, so that a lease can be forgotten and its resource's tokens still increase.
  yield* sql`CREATE TABLE lock_token (id INTEGER PRIMARY KEY CHECK (id = 1), last INTEGER NOT NULL) STRICT`
  yield* sql`INSERT INTO lock_token (id, last) VALUES (1, 0)`
})
