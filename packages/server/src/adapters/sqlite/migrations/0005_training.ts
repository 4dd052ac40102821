/** Training: sessions, open and completed, and what training knows of athletes. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE training_session (
      session_id TEXT PRIMARY KEY,
      athlete_id TEXT NOT NULL,
      class_id TEXT NOT NULL,
      version INTEGER NOT NULL,
      started_at_ms INTEGER NOT NULL,
      ended_at_ms INTEGER,
      max_heart_rate_bpm INTEGER NOT NULL,
      zone_0_ms INTEGER NOT NULL,
      zone_1_ms INTEGER NOT NULL,
      zone_2_ms INTEGER NOT NULL,
      zone_3_ms INTEGER NOT NULL,
      zone_4_ms INTEGER NOT NULL,
      zone_5_ms INTEGER NOT NULL,
      last_at_ms INTEGER,
      last_zone INTEGER,
      heart_rate_samples INTEGER NOT NULL,
      heart_rate_sum_bpm REAL NOT NULL,
      highest_heart_rate_bpm REAL NOT NULL
    ) STRICT`
  // An athlete has at most one open session in a class.
  yield* sql`
    CREATE UNIQUE INDEX open_session ON training_session (class_id, athlete_id) WHERE ended_at_ms IS NULL`
  yield* sql`
    CREATE INDEX completed_session ON training_session (athlete_id, ended_at_ms) WHERE ended_at_ms IS NOT NULL`
  yield* sql`
    CREATE TABLE training_athlete (
      athlete_id TEXT PRIMARY KEY,
      alias TEXT NOT NULL,
      heart_rate_visible INTEGER NOT NULL,
      max_heart_rate_bpm INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`
})
