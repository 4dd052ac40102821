/** Rate limits: the four numbers of each key, and from when on they may be forgotten. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE rate_limit (
      limit_name TEXT NOT NULL,
      key TEXT NOT NULL,
      used REAL NOT NULL,
      at_ms REAL NOT NULL,
      behaviour REAL NOT NULL,
      calm_since_ms REAL NOT NULL,
      window_ms INTEGER NOT NULL,
      forget_at_ms INTEGER NOT NULL,
      PRIMARY KEY (limit_name, key)
    ) STRICT, WITHOUT ROWID`
  yield* sql`CREATE INDEX rate_limit_forget ON rate_limit (forget_at_ms)`
})
