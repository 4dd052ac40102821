/** Rate limits: the four numbers of each key, and from when on they may be forgotten. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE rate_limit (
      limit_name text NOT NULL,
      key text NOT NULL,
      used float8 NOT NULL DEFAULT 0,
      at_ms float8 NOT NULL DEFAULT 0,
      behaviour float8 NOT NULL DEFAULT 0,
      calm_since_ms float8 NOT NULL DEFAULT 0,
      window_ms float8 NOT NULL,
      forget_at_ms float8 NOT NULL DEFAULT 0,
      PRIMARY KEY (limit_name, key)
    ) WITH (fillfactor = 70)`
  yield* sql`CREATE INDEX rate_limit_forget ON rate_limit (forget_at_ms)`
})
