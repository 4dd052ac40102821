/**
 * The receipt of an erasure, as its SHA-256: with it an athlete sees how far theirs is, when their key is gone.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`ALTER TABLE erasure ADD COLUMN receipt TEXT`
  yield* sql`CREATE UNIQUE INDEX erasure_receipt ON erasure (receipt) WHERE receipt IS NOT NULL`
})
