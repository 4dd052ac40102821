/** What kind of source recorded a session, where somebody said so when they paired its sensor. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`ALTER TABLE training_session ADD COLUMN source TEXT`
})
