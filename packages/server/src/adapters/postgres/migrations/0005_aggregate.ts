/**
 * Aggregates without tables of their own: those that live, and beside them those that are finished.
 *
 * The index that claims go by holds only what is ever due, and the finished ones are in another table, so that a
 * million of them slow no claim. That table is not partitioned by time: an id is never given twice, also when it was
 * archived long ago, and only one index over all of them can say so in one look.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient

  yield* sql`
    CREATE TABLE aggregate (
      kind text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      version bigint NOT NULL,
      rank integer NOT NULL,
      due_at_ms float8,
      state text NOT NULL,
      PRIMARY KEY (kind, id)
    ) WITH (fillfactor = 80)`
  yield* sql`CREATE INDEX aggregate_due ON aggregate (kind, rank, due_at_ms, id) WHERE due_at_ms IS NOT NULL`
  yield* sql`
    CREATE TABLE aggregate_archive (
      kind text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      version bigint NOT NULL,
      archived_at_ms float8 NOT NULL,
      state text NOT NULL,
      PRIMARY KEY (kind, id)
    )`
  yield* sql`CREATE INDEX aggregate_archive_age ON aggregate_archive (kind, archived_at_ms)`

  /**
   * Null when it was inserted, otherwise the version of the one that has the id. The archive is asked after the insert:
   * who archives the same id at that moment has committed by then.
   */
  yield* sql`
    CREATE FUNCTION aggregate_insert(p_kind text, p_id text, p_rank integer, p_due_at_ms float8, p_state text)
    RETURNS float8 LANGUAGE plpgsql AS $body$
    DECLARE
      v_version bigint;
    BEGIN
      LOOP
        INSERT INTO aggregate (kind, id, version, rank, due_at_ms, state)
          VALUES (p_kind, p_id, 1, p_rank, p_due_at_ms, p_state) ON CONFLICT DO NOTHING;
        IF FOUND THEN
          SELECT version INTO v_version FROM aggregate_archive WHERE kind = p_kind AND id = p_id;
          IF FOUND THEN DELETE FROM aggregate WHERE kind = p_kind AND id = p_id; END IF;
          RETURN v_version;
        END IF;
        SELECT version INTO v_version FROM aggregate WHERE kind = p_kind AND id = p_id;
        IF FOUND THEN RETURN v_version; END IF;
      END LOOP;
    END $body$`

  /** Null when it was moved, otherwise the version that it has; 0 when there is none. */
  yield* sql`
    CREATE FUNCTION aggregate_archived(p_kind text, p_id text, p_version bigint, p_state text, p_at_ms float8)
    RETURNS float8 LANGUAGE plpgsql AS $body$
    DECLARE
      v_version bigint;
    BEGIN
      DELETE FROM aggregate WHERE kind = p_kind AND id = p_id AND version = p_version;
      IF FOUND THEN
        INSERT INTO aggregate_archive (kind, id, version, archived_at_ms, state)
          VALUES (p_kind, p_id, p_version + 1, p_at_ms, p_state);
        RETURN NULL;
      END IF;
      SELECT version INTO v_version FROM aggregate WHERE kind = p_kind AND id = p_id;
      IF NOT FOUND THEN
        SELECT version INTO v_version FROM aggregate_archive WHERE kind = p_kind AND id = p_id;
      END IF;
      RETURN coalesce(v_version, 0);
    END $body$`

  /**
   * Takes what is due. The plan must go by the index also when the database believes the table to be tiny, as it does
   * of a queue that is empty most of the time.
   */
  yield* sql`
    CREATE FUNCTION aggregate_claim(p_kind text, p_rank integer, p_now_ms float8, p_until_ms float8, p_limit integer)
    RETURNS TABLE (claimed_id text, claimed_version float8, claimed_state text)
    LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $body$
    BEGIN
      RETURN QUERY
        WITH due AS MATERIALIZED (
          SELECT a.id, a.due_at_ms FROM aggregate AS a
          WHERE a.kind = p_kind AND a.rank = p_rank AND a.due_at_ms <= p_now_ms
          ORDER BY a.due_at_ms, a.id LIMIT p_limit FOR UPDATE SKIP LOCKED
        ), claimed AS (
          UPDATE aggregate AS a SET version = a.version + 1, due_at_ms = p_until_ms FROM due
          WHERE a.kind = p_kind AND a.id = due.id
          RETURNING a.id, a.version, a.state, due.due_at_ms AS since
        )
        SELECT c.id, c.version::float8, c.state FROM claimed AS c ORDER BY c.since, c.id;
    END $body$`
})
