/**
 * Activities that several sources recorded: whose a session is, what its heart rate was, which sessions are one activity,
 * and what a person decided about that.
 *
 * An athlete has one open session for each source in a class. Sessions from before have no source and no series: they
 * take part in merges with the figures that they have.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`ALTER TABLE training_session ADD COLUMN device_id TEXT`
  yield* sql`ALTER TABLE training_session ADD COLUMN sensor TEXT`
  yield* sql`DROP INDEX open_session`
  yield* sql`
    CREATE UNIQUE INDEX open_session ON training_session (class_id, athlete_id, device_id, sensor)
    WHERE ended_at_ms IS NULL`
  // The heart rate as it was counted, in the order of the parts: a bundle each.
  yield* sql`
    CREATE TABLE session_heart_rate (
      session_id TEXT NOT NULL,
      part INTEGER NOT NULL,
      payload BLOB NOT NULL,
      PRIMARY KEY (session_id, part)
    ) STRICT, WITHOUT ROWID`
  yield* sql`
    CREATE TABLE activity_merge (
      merge_id TEXT PRIMARY KEY,
      athlete_id TEXT NOT NULL,
      ended_at_ms INTEGER NOT NULL,
      state TEXT NOT NULL
    ) STRICT, WITHOUT ROWID`
  yield* sql`CREATE INDEX activity_merge_of_athlete ON activity_merge (athlete_id, ended_at_ms)`
  yield* sql`
    CREATE TABLE activity_merge_session (
      session_id TEXT PRIMARY KEY,
      merge_id TEXT NOT NULL
    ) STRICT, WITHOUT ROWID`
  yield* sql`CREATE INDEX activity_merge_session_of ON activity_merge_session (merge_id)`
  // a < b. What a person decided about the two: that they are one activity, or that they are two.
  yield* sql`
    CREATE TABLE merge_decision (
      athlete_id TEXT NOT NULL,
      a TEXT NOT NULL,
      b TEXT NOT NULL,
      apart INTEGER NOT NULL CHECK (apart IN (0, 1)),
      PRIMARY KEY (athlete_id, a, b)
    ) STRICT, WITHOUT ROWID`
  // An award whose session is part of a merge counts through that one.
  yield* sql`ALTER TABLE award ADD COLUMN merged_into TEXT`
  yield* sql`ALTER TABLE award ADD COLUMN merged_from TEXT`
})
