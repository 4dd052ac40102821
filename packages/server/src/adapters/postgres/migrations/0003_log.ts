/**
 * The event log: records, where each partition ends, the ids that were seen, and how far each group has read.
 *
 * Offsets are given out from one row a partition, which stays locked until the commit: they are dense, and nobody sees
 * 8 before 7. Records name their partition by a number, so that the one index of the largest table stays small.
 * Payloads are `text`, not `jsonb`: they come back as the bytes that were written (jsonb refuses \u0000 and changes
 * numbers), are never parsed by the database, and nothing asks for what is inside of them.
 *
 * A read goes by the primary key from an offset on, so records that are kept slow nothing, and one table is enough.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient

  yield* sql`
    CREATE TABLE log_topic (
      topic text COLLATE "C" PRIMARY KEY,
      partitions integer NOT NULL,
      dedup_ms float8 NOT NULL,
      segment_records float8 NOT NULL
    )`
  yield* sql`
    CREATE TABLE log_partition (
      topic text COLLATE "C" NOT NULL REFERENCES log_topic,
      partition integer NOT NULL,
      id integer GENERATED ALWAYS AS IDENTITY UNIQUE,
      start_offset bigint NOT NULL DEFAULT 0,
      next_offset bigint NOT NULL DEFAULT 0,
      newest_at_ms float8 NOT NULL DEFAULT 0,
      PRIMARY KEY (topic, partition)
    ) WITH (fillfactor = 25)`
  yield* sql`
    CREATE TABLE log_record (
      partition_id integer NOT NULL,
      "offset" bigint NOT NULL,
      appended_at_ms float8 NOT NULL,
      key text NOT NULL,
      payload text NOT NULL,
      id text,
      headers text,
      PRIMARY KEY (partition_id, "offset")
    )`
  yield* sql`
    CREATE TABLE log_id (
      topic text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      partition integer NOT NULL,
      "offset" bigint NOT NULL,
      expires_at_ms float8 NOT NULL,
      PRIMARY KEY (topic, id)
    )`
  yield* sql`CREATE INDEX log_id_expiry ON log_id (expires_at_ms)`

  /** Stores a topic that is new. Its settings as they are stored then. */
  yield* sql`
    CREATE FUNCTION log_topic_stored(p_topic text, p_partitions integer, p_dedup_ms float8, p_segment_records float8)
    RETURNS SETOF log_topic LANGUAGE plpgsql AS $body$
    BEGIN
      INSERT INTO log_topic VALUES (p_topic, p_partitions, p_dedup_ms, p_segment_records) ON CONFLICT DO NOTHING;
      IF FOUND THEN
        INSERT INTO log_partition (topic, partition) SELECT p_topic, n FROM generate_series(0, p_partitions - 1) AS n;
      END IF;
      RETURN QUERY SELECT * FROM log_topic WHERE topic = p_topic;
    END $body$`

  /**
   * Appends records without ids: where those of each partition begin, the partitions in order. One row is locked for
   * each partition, in the order of the partitions, so that two that append to several never wait in a circle.
   */
  yield* sql`
    CREATE FUNCTION log_append(p_topic text, p_partitions integer[], p_keys text[], p_payloads text[],
      p_headers text[], p_now_ms float8)
    RETURNS json LANGUAGE plpgsql AS $body$
    DECLARE
      v_id integer;
      v_partition integer := p_partitions[1];
      v_first bigint;
      v_at_ms float8;
      v_count integer := cardinality(p_partitions);
      v_firsts bigint[] := '{}';
    BEGIN
      IF v_partition = ALL (p_partitions) THEN
        UPDATE log_partition
          SET next_offset = next_offset + v_count, newest_at_ms = greatest(newest_at_ms, p_now_ms)
          WHERE topic = p_topic AND partition = v_partition
          RETURNING id, next_offset - v_count, newest_at_ms INTO STRICT v_id, v_first, v_at_ms;
        INSERT INTO log_record (partition_id, "offset", appended_at_ms, key, payload, headers)
          SELECT v_id, v_first + r.i - 1, v_at_ms, r.key, r.payload, r.headers
          FROM unnest(p_keys, p_payloads, p_headers) WITH ORDINALITY AS r (key, payload, headers, i);
        RETURN json_build_array(v_first);
      END IF;
      FOR v_partition, v_count IN
        SELECT p, count(*) FROM unnest(p_partitions) AS p GROUP BY p ORDER BY p
      LOOP
        UPDATE log_partition
          SET next_offset = next_offset + v_count, newest_at_ms = greatest(newest_at_ms, p_now_ms)
          WHERE topic = p_topic AND partition = v_partition
          RETURNING id, next_offset - v_count, newest_at_ms INTO STRICT v_id, v_first, v_at_ms;
        INSERT INTO log_record (partition_id, "offset", appended_at_ms, key, payload, headers)
          SELECT v_id, v_first + row_number() OVER (ORDER BY r.i) - 1, v_at_ms, r.key, r.payload, r.headers
          FROM unnest(p_partitions, p_keys, p_payloads, p_headers)
            WITH ORDINALITY AS r (partition, key, payload, headers, i)
          WHERE r.partition = v_partition;
        v_firsts := v_firsts || v_first;
      END LOOP;
      RETURN array_to_json(v_firsts);
    END $body$`

  /**
   * Appends records of which some have ids: partition, offset and whether it was there already, record by record. First
   * the partitions are locked, then the ids are written, each in order. An id that another transaction wrote meanwhile
   * is a collision: the transaction is run again, and finds it. The plan is made once and kept: it must go by the index
   * of the ids also when it was made while there were none.
   */
  yield* sql`
    CREATE FUNCTION log_append_ids(p_topic text, p_partitions integer[], p_keys text[], p_payloads text[],
      p_headers text[], p_ids text[], p_now_ms float8, p_dedup_ms float8)
    RETURNS json LANGUAGE plpgsql SET enable_seqscan = off AS $body$
    DECLARE
      v_written integer;
      v_fresh integer;
      v_positions json;
    BEGIN
      PERFORM 1 FROM log_partition WHERE topic = p_topic AND partition = ANY (p_partitions)
        ORDER BY partition FOR UPDATE;
      WITH asked AS MATERIALIZED (
        SELECT r.*, seen.partition AS seen_partition, seen."offset" AS seen_offset,
          CASE WHEN r.id IS NULL THEN r.i ELSE min(r.i) OVER (PARTITION BY r.id) END AS first_i
        FROM unnest(p_partitions, p_keys, p_payloads, p_headers, p_ids)
          WITH ORDINALITY AS r (partition, key, payload, headers, id, i)
        LEFT JOIN LATERAL (
          SELECT l.partition, l."offset" FROM log_id AS l
          WHERE l.topic = p_topic AND l.id = r.id AND l.expires_at_ms > p_now_ms LIMIT 1) AS seen ON true
      ), fresh AS MATERIALIZED (
        SELECT a.*, p.id AS partition_id, greatest(p.newest_at_ms, p_now_ms) AS at_ms,
          p.next_offset + row_number() OVER (PARTITION BY a.partition ORDER BY a.i) - 1 AS "offset"
        FROM asked AS a JOIN log_partition AS p ON p.topic = p_topic AND p.partition = a.partition
        WHERE a.seen_offset IS NULL AND a.first_i = a.i
      ), recorded AS (
        INSERT INTO log_record (partition_id, "offset", appended_at_ms, key, payload, id, headers)
        SELECT partition_id, "offset", at_ms, key, payload, id, headers FROM fresh
      ), moved AS (
        UPDATE log_partition AS p SET next_offset = next_offset + n.records, newest_at_ms = n.at_ms
        FROM (SELECT partition, count(*) AS records, max(at_ms) AS at_ms FROM fresh GROUP BY partition) AS n
        WHERE p.topic = p_topic AND p.partition = n.partition
      ), remembered AS (
        INSERT INTO log_id (topic, id, partition, "offset", expires_at_ms)
        SELECT p_topic, id, partition, "offset", p_now_ms + p_dedup_ms FROM fresh WHERE id IS NOT NULL ORDER BY id
        ON CONFLICT (topic, id) DO UPDATE
          SET partition = excluded.partition, "offset" = excluded."offset", expires_at_ms = excluded.expires_at_ms
          WHERE log_id.expires_at_ms <= p_now_ms
        RETURNING 1
      )
      SELECT (SELECT count(*) FROM remembered), (SELECT count(id) FROM fresh), (
        SELECT json_agg(json_build_array(
            coalesce(a.seen_partition, f.partition), coalesce(a.seen_offset, f."offset"),
            a.seen_offset IS NOT NULL OR a.first_i <> a.i) ORDER BY a.i)
        FROM asked AS a LEFT JOIN fresh AS f ON f.i = a.first_i)
      INTO v_written, v_fresh, v_positions;
      IF v_written <> v_fresh THEN
        RAISE EXCEPTION 'an id was appended by another transaction at the same time' USING ERRCODE = '40001';
      END IF;
      RETURN v_positions;
    END $body$`

  /** The first offset whose label is not before the time. Labels never fall within a partition, so it is bisected. */
  yield* sql`
    CREATE FUNCTION log_offset_at(p_topic text, p_partition integer, p_at_ms float8)
    RETURNS float8 LANGUAGE plpgsql STABLE AS $body$
    DECLARE
      v_id integer;
      v_low bigint;
      v_high bigint;
      v_middle bigint;
    BEGIN
      SELECT id, start_offset, next_offset INTO v_id, v_low, v_high FROM log_partition
        WHERE topic = p_topic AND partition = p_partition;
      WHILE v_low < v_high LOOP
        v_middle := (v_low + v_high) / 2;
        IF (SELECT appended_at_ms FROM log_record WHERE partition_id = v_id AND "offset" = v_middle) < p_at_ms THEN
          v_low := v_middle + 1;
        ELSE
          v_high := v_middle;
        END IF;
      END LOOP;
      RETURN coalesce(v_low, 0);
    END $body$`
})
