/** Devices: bridges, who wears their sensors, what they delivered, and what is missing of it. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE device (
      device_id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      chunks INTEGER NOT NULL DEFAULT 0,
      samples INTEGER NOT NULL DEFAULT 0,
      quarantined INTEGER NOT NULL DEFAULT 0,
      redeliveries_suppressed INTEGER NOT NULL DEFAULT 0,
      missing_chunks INTEGER NOT NULL DEFAULT 0,
      last_chunk_at_ms INTEGER
    ) STRICT, WITHOUT ROWID`
  yield* sql`
    CREATE TABLE pairing (
      device_id TEXT NOT NULL REFERENCES device,
      sensor TEXT NOT NULL,
      athlete_id TEXT NOT NULL,
      class_id TEXT NOT NULL,
      PRIMARY KEY (device_id, sensor)
    ) STRICT, WITHOUT ROWID`
  // The high-water mark: the greatest chunk number received of an incarnation.
  yield* sql`
    CREATE TABLE stream (
      device_id TEXT NOT NULL REFERENCES device,
      incarnation TEXT NOT NULL,
      mark INTEGER NOT NULL,
      PRIMARY KEY (device_id, incarnation)
    ) STRICT, WITHOUT ROWID`
  yield* sql`
    CREATE TABLE chunk (
      device_id TEXT NOT NULL,
      incarnation TEXT NOT NULL,
      n INTEGER NOT NULL,
      crc INTEGER NOT NULL,
      samples INTEGER NOT NULL,
      received_at_ms INTEGER NOT NULL,
      payload BLOB NOT NULL,
      PRIMARY KEY (device_id, incarnation, n)
    ) STRICT`
  yield* sql`
    CREATE TABLE quarantine (
      id INTEGER PRIMARY KEY,
      device_id TEXT NOT NULL,
      incarnation TEXT NOT NULL,
      n INTEGER NOT NULL,
      crc INTEGER NOT NULL,
      reason TEXT NOT NULL,
      received_at_ms INTEGER NOT NULL,
      payload BLOB NOT NULL
    ) STRICT`
  yield* sql`CREATE INDEX quarantine_of_device ON quarantine (device_id, incarnation, n)`
  // Chunks that a bridge no longer had when the server asked for them.
  yield* sql`
    CREATE TABLE gap (
      id INTEGER PRIMARY KEY,
      device_id TEXT NOT NULL,
      incarnation TEXT NOT NULL,
      first_missing INTEGER NOT NULL,
      last_missing INTEGER NOT NULL,
      declared_at_ms INTEGER NOT NULL
    ) STRICT`
})
