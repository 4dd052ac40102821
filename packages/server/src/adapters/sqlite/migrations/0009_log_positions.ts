/**
 * The event log, kept in the order in which it is read: a record's primary key is its position, which is the
 * partition's number times 2^40 plus the offset. Appending then only ever adds to a partition's last page.
 *
 * New beside it: ids that were published, headers, what retention dropped (`start_offset`), and the leases of
 * consumer groups. Records from before keep their offsets.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`ALTER TABLE log_partition RENAME TO former_partition`
  yield* sql`ALTER TABLE log_record RENAME TO former_record`

  yield* sql`
    CREATE TABLE log_partition (
      id INTEGER PRIMARY KEY,
      topic TEXT NOT NULL,
      partition INTEGER NOT NULL,
      start_offset INTEGER NOT NULL DEFAULT 0,
      UNIQUE (topic, partition)
    ) STRICT`
  yield* sql`
    INSERT INTO log_partition (topic, partition, start_offset)
    SELECT topic, partition, coalesce((
      SELECT min(r."offset") FROM former_record r WHERE r.topic = p.topic AND r.partition = p.partition
    ), next_offset)
    FROM former_partition p ORDER BY topic, partition`

  yield* sql`
    CREATE TABLE log_record (
      position INTEGER PRIMARY KEY,
      key TEXT NOT NULL,
      payload TEXT NOT NULL,
      id TEXT,
      headers TEXT,
      appended_at_ms INTEGER NOT NULL
    ) STRICT`
  yield* sql`
    INSERT INTO log_record (position, key, payload, appended_at_ms)
    SELECT (p.id << 40) | r."offset", r.key, r.payload, r.appended_at_ms
    FROM log_partition p JOIN former_record r ON r.topic = p.topic AND r.partition = p.partition
    ORDER BY p.id, r."offset"`
  yield* sql`DROP TABLE former_record`
  yield* sql`DROP TABLE former_partition`

  // topic_key is the id of the topic's partition 0.
  yield* sql`
    CREATE TABLE log_id (
      topic_key INTEGER NOT NULL,
      id TEXT NOT NULL,
      position INTEGER NOT NULL,
      forget_at_ms INTEGER NOT NULL,
      PRIMARY KEY (topic_key, id)
    ) STRICT, WITHOUT ROWID`
  yield* sql`CREATE INDEX log_id_forget ON log_id (forget_at_ms)`

  yield* sql`
    CREATE TABLE partition_lease (
      consumer_group TEXT NOT NULL,
      topic TEXT NOT NULL,
      partition INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      holder TEXT,
      taken_over INTEGER NOT NULL,
      PRIMARY KEY (consumer_group, topic, partition)
    ) STRICT, WITHOUT ROWID`
  yield* sql`CREATE TABLE lease_epoch (last INTEGER NOT NULL) STRICT`
  yield* sql`INSERT INTO lease_epoch (last) VALUES (0)`
})
