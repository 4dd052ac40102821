/** The event log: where each partition ends, its records, and how far each consumer group has read. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE log_partition (
      topic TEXT NOT NULL,
      partition INTEGER NOT NULL,
      next_offset INTEGER NOT NULL,
      PRIMARY KEY (topic, partition)
    ) STRICT, WITHOUT ROWID`
  yield* sql`
    CREATE TABLE log_record (
      topic TEXT NOT NULL,
      partition INTEGER NOT NULL,
      "offset" INTEGER NOT NULL,
      key TEXT NOT NULL,
      payload TEXT NOT NULL,
      appended_at_ms INTEGER NOT NULL,
      PRIMARY KEY (topic, partition, "offset")
    ) STRICT, WITHOUT ROWID`
  yield* sql`
    CREATE TABLE consumer_offset (
      consumer_group TEXT NOT NULL,
      topic TEXT NOT NULL,
      partition INTEGER NOT NULL,
      next_offset INTEGER NOT NULL,
      PRIMARY KEY (consumer_group, topic, partition)
    ) STRICT, WITHOUT ROWID`
})
