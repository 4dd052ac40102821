/** People: profiles with their version. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE profile (
      athlete_id TEXT PRIMARY KEY,
      alias TEXT NOT NULL,
      heart_rate_visible INTEGER NOT NULL CHECK (heart_rate_visible IN (0, 1)),
      max_heart_rate_bpm INTEGER NOT NULL,
      version INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`
})
