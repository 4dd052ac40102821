/**
 * Series: who wore a sensor when a chunk came, which chunks hold what of whom, and what they come to by the minute, by
 * five minutes and by the hour.
 *
 * `worn` keeps who wore each sensor since which of the device's pairings; a chunk names the newest pairing of its time.
 * Both are facts. All that is called `series_…` is computed from them and from the chunks, and can be thrown away:
 * `series_walk` is how far the computing from the chunks themselves has come.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`ALTER TABLE device ADD COLUMN pairings INTEGER NOT NULL DEFAULT 0`
  yield* sql`ALTER TABLE chunk ADD COLUMN pairings INTEGER NOT NULL DEFAULT 0`
  // What kind of source the sensor is, where somebody said so.
  yield* sql`ALTER TABLE pairing ADD COLUMN source TEXT`
  yield* sql`
    CREATE TABLE worn (
      device_id TEXT NOT NULL,
      sensor TEXT NOT NULL,
      since INTEGER NOT NULL,
      athlete_id TEXT NOT NULL,
      PRIMARY KEY (device_id, sensor, since)
    ) STRICT, WITHOUT ROWID`
  // Of before nothing else is known than who wears it now.
  yield* sql`
    INSERT INTO worn (device_id, sensor, since, athlete_id) SELECT device_id, sensor, 0, athlete_id FROM pairing`

  yield* sql`
    CREATE TABLE series_stream (
      id INTEGER PRIMARY KEY,
      athlete_id TEXT NOT NULL,
      kind TEXT NOT NULL,
      unit TEXT NOT NULL,
      device_id TEXT NOT NULL,
      sensor TEXT NOT NULL,
      UNIQUE (athlete_id, kind, unit, device_id, sensor)
    ) STRICT`
  // The greatest number of an incarnation that was looked at: what is beyond it is new for certain.
  yield* sql`
    CREATE TABLE series_incarnation (
      id INTEGER PRIMARY KEY,
      device_id TEXT NOT NULL,
      incarnation TEXT NOT NULL,
      mark INTEGER NOT NULL DEFAULT 0,
      UNIQUE (device_id, incarnation)
    ) STRICT`
  // A chunk's samples of one stream in one hour: hours since the epoch, so that a time leads to its chunks at once.
  yield* sql`
    CREATE TABLE series_chunk (
      stream_id INTEGER NOT NULL,
      hour INTEGER NOT NULL,
      first_at_ms INTEGER NOT NULL,
      incarnation_id INTEGER NOT NULL,
      n INTEGER NOT NULL,
      last_at_ms INTEGER NOT NULL,
      samples INTEGER NOT NULL,
      PRIMARY KEY (stream_id, hour, first_at_ms, incarnation_id, n)
    ) STRICT, WITHOUT ROWID`
  // Of `minutes` (1, 5, 60), the bucket counted from the epoch; first and last by milliseconds into the bucket.
  yield* sql`
    CREATE TABLE series_bucket (
      stream_id INTEGER NOT NULL,
      minutes INTEGER NOT NULL,
      bucket INTEGER NOT NULL,
      samples INTEGER NOT NULL,
      sum REAL NOT NULL,
      min REAL NOT NULL,
      max REAL NOT NULL,
      first_ms INTEGER NOT NULL,
      first REAL NOT NULL,
      last_ms INTEGER NOT NULL,
      last REAL NOT NULL,
      PRIMARY KEY (stream_id, minutes, bucket)
    ) STRICT, WITHOUT ROWID`
  // Where the walk over all chunks is; no row when it is through.
  yield* sql`
    CREATE TABLE series_walk (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      device_id TEXT NOT NULL,
      incarnation TEXT NOT NULL,
      n INTEGER NOT NULL
    ) STRICT`
  yield* sql`
    INSERT INTO series_walk (id, device_id, incarnation, n) SELECT 1, '', '', 0 WHERE EXISTS (SELECT 1 FROM chunk)`
})
