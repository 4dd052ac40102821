/**
 * The quarantine keeps who wore the sensors when a chunk was set aside, so that it can be read later as if then; null
 * where that was not noted. Looked through by reason when a newer version starts.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`ALTER TABLE quarantine ADD COLUMN pairings INTEGER`
})
