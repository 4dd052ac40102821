/** Gamification: one award a session, the standings they add up to, and the aliases to show them under. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE award (
      session_id TEXT PRIMARY KEY,
      athlete_id TEXT NOT NULL,
      class_id TEXT NOT NULL,
      points INTEGER NOT NULL,
      zone_0_ms INTEGER NOT NULL,
      zone_1_ms INTEGER NOT NULL,
      zone_2_ms INTEGER NOT NULL,
      zone_3_ms INTEGER NOT NULL,
      zone_4_ms INTEGER NOT NULL,
      zone_5_ms INTEGER NOT NULL,
      ended_at_ms INTEGER NOT NULL
    ) STRICT`
  yield* sql`CREATE INDEX award_of_athlete ON award (athlete_id, ended_at_ms)`
  yield* sql`
    CREATE TABLE standing (
      class_id TEXT NOT NULL,
      athlete_id TEXT NOT NULL,
      points INTEGER NOT NULL,
      workouts INTEGER NOT NULL,
      PRIMARY KEY (class_id, athlete_id)
    ) STRICT, WITHOUT ROWID`
  yield* sql`
    CREATE TABLE gamification_athlete (
      athlete_id TEXT PRIMARY KEY,
      alias TEXT NOT NULL
    ) STRICT, WITHOUT ROWID`
})
