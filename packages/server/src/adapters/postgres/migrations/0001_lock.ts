/** Locks: who holds what until when. One sequence for all, so a row can be forgotten and the tokens still increase. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE lock_lease (
      resource text PRIMARY KEY,
      token bigint NOT NULL,
      owner text,
      expires_at timestamptz NOT NULL
    ) WITH (fillfactor = 70)`
  yield* sql`CREATE INDEX lock_lease_expiry ON lock_lease (expires_at)`
  yield* sql`CREATE SEQUENCE lock_token`
})
