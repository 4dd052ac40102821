/**
 * What bridges say is missing, with how much and why; and for each chunk the bridge's clocks when it was appended, and
 * what this server makes of them.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`ALTER TABLE gap ADD COLUMN samples INTEGER`
  yield* sql`ALTER TABLE gap ADD COLUMN from_ms INTEGER`
  yield* sql`ALTER TABLE gap ADD COLUMN to_ms INTEGER`
  yield* sql`ALTER TABLE gap ADD COLUMN reason TEXT NOT NULL DEFAULT 'unknown'`
  // Where the bridge says that it starts; chunks of its first part may have been received after all.
  yield* sql`ALTER TABLE gap ADD COLUMN declared_first INTEGER`
  yield* sql`CREATE INDEX gap_of_incarnation ON gap (device_id, incarnation, last_missing)`
  yield* sql`ALTER TABLE chunk ADD COLUMN boot TEXT`
  yield* sql`ALTER TABLE chunk ADD COLUMN wall_ms INTEGER`
  yield* sql`ALTER TABLE chunk ADD COLUMN monotonic_ms INTEGER`
  yield* sql`ALTER TABLE chunk ADD COLUMN clock TEXT NOT NULL DEFAULT 'unknown'`
})
