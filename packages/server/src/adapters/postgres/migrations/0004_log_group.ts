/**
 * Consumer groups: how far each has read in each partition, and whose the partition is.
 *
 * Offset and lease are one row, so that a commit that names an epoch is checked and written in one statement, and
 * nobody takes a partition over in the middle of a commit. Time is the database's: the members' machines need not
 * agree on it.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient

  yield* sql`
    CREATE TABLE log_group (
      consumer_group text COLLATE "C" NOT NULL,
      topic text COLLATE "C" NOT NULL,
      partition integer NOT NULL,
      next_offset bigint NOT NULL DEFAULT 0,
      holder text,
      epoch bigint NOT NULL DEFAULT 0,
      taken_over boolean NOT NULL DEFAULT false,
      PRIMARY KEY (consumer_group, topic, partition)
    ) WITH (fillfactor = 25)`
  // One for all, so that an epoch is never given twice, also when a group was forgotten in between.
  yield* sql`CREATE SEQUENCE log_epoch`
  yield* sql`
    CREATE TABLE log_member (
      consumer_group text COLLATE "C" NOT NULL,
      topic text COLLATE "C" NOT NULL,
      member text COLLATE "C" NOT NULL,
      expires_at timestamptz NOT NULL,
      PRIMARY KEY (consumer_group, topic, member)
    )`

  /** Makes the group known in all partitions of the topic. */
  yield* sql`
    CREATE FUNCTION log_subscribe(p_group text, p_topic text) RETURNS void LANGUAGE sql AS $body$
      INSERT INTO log_group (consumer_group, topic, partition)
      SELECT p_group, p_topic, n
      FROM generate_series(0, coalesce((SELECT partitions FROM log_topic WHERE topic = p_topic), 1) - 1) AS n
      WHERE NOT EXISTS (SELECT 1 FROM log_group WHERE consumer_group = p_group AND topic = p_topic AND partition = n)
      ORDER BY n ON CONFLICT DO NOTHING
    $body$`

  /**
   * Moves a group's offset: null when it did, otherwise where it is; -1 when the epoch is over. The lease's holder need
   * not have sent a heartbeat in time: what counts is that nobody else has taken the partition.
   */
  yield* sql`
    CREATE FUNCTION log_commit(p_group text, p_topic text, p_partition integer, p_expected bigint, p_next bigint,
      p_epoch bigint)
    RETURNS float8 LANGUAGE plpgsql AS $body$
    DECLARE
      v_row log_group;
    BEGIN
      UPDATE log_group SET next_offset = p_next
        WHERE consumer_group = p_group AND topic = p_topic AND partition = p_partition AND next_offset = p_expected
          AND (p_epoch IS NULL OR (epoch = p_epoch AND holder IS NOT NULL));
      IF FOUND THEN RETURN NULL; END IF;
      IF p_expected = 0 AND p_epoch IS NULL THEN
        INSERT INTO log_group (consumer_group, topic, partition, next_offset)
          VALUES (p_group, p_topic, p_partition, p_next) ON CONFLICT DO NOTHING;
        IF FOUND THEN
          PERFORM log_subscribe(p_group, p_topic);
          RETURN NULL;
        END IF;
      END IF;
      SELECT * INTO v_row FROM log_group
        WHERE consumer_group = p_group AND topic = p_topic AND partition = p_partition;
      IF p_epoch IS NOT NULL AND (v_row.holder IS NULL OR v_row.epoch <> p_epoch) THEN RETURN -1; END IF;
      RETURN coalesce(v_row.next_offset, 0);
    END $body$`

  /**
   * Keeps a member alive and answers what it holds, by the rule of `kernel/messaging/PartitionAssignment`: everybody may
   * hold an even share; where it does not come out even, one more for those who hold most, then in the order of their
   * names. A member gives back what is above its share, and takes what nobody who lives holds. Rows that a commit has
   * locked are passed over until the next time. (An array makes the database choose rows to lock only once.)
   */
  yield* sql`
    CREATE FUNCTION log_heartbeat(p_group text, p_topic text, p_member text, p_ttl_ms float8)
    RETURNS TABLE (held integer, held_epoch float8, was_taken_over boolean) LANGUAGE plpgsql AS $body$
    DECLARE
      v_now timestamptz;
      v_partitions integer;
      v_members integer;
      v_before integer;
      v_mine integer;
      v_share integer;
    BEGIN
      PERFORM log_subscribe(p_group, p_topic);
      v_now := clock_timestamp();
      INSERT INTO log_member VALUES (p_group, p_topic, p_member, v_now + p_ttl_ms * interval '1 millisecond')
        ON CONFLICT (consumer_group, topic, member) DO UPDATE SET expires_at = excluded.expires_at;
      SELECT count(*) INTO v_partitions FROM log_group WHERE consumer_group = p_group AND topic = p_topic;
      SELECT count(*), max(r.holds) FILTER (WHERE r.member = p_member), max(r.before) FILTER (WHERE r.member = p_member)
        INTO v_members, v_mine, v_before
        FROM (
          SELECT m.member, count(g.partition) AS holds,
            row_number() OVER (ORDER BY count(g.partition) DESC, m.member) - 1 AS before
          FROM log_member AS m LEFT JOIN log_group AS g
            ON g.consumer_group = m.consumer_group AND g.topic = m.topic AND g.holder = m.member
          WHERE m.consumer_group = p_group AND m.topic = p_topic AND m.expires_at > v_now
          GROUP BY m.member) AS r;
      v_share := v_partitions / v_members + CASE WHEN v_before < v_partitions % v_members THEN 1 ELSE 0 END;
      IF v_mine > v_share THEN
        UPDATE log_group SET holder = NULL
          WHERE consumer_group = p_group AND topic = p_topic AND partition = ANY (ARRAY(
            SELECT g.partition FROM log_group AS g
            WHERE g.consumer_group = p_group AND g.topic = p_topic AND g.holder = p_member
            ORDER BY g.partition DESC LIMIT v_mine - v_share FOR UPDATE SKIP LOCKED));
      ELSIF v_mine < v_share THEN
        UPDATE log_group SET taken_over = holder IS NOT NULL, holder = p_member, epoch = nextval('log_epoch')
          WHERE consumer_group = p_group AND topic = p_topic AND partition = ANY (ARRAY(
            SELECT g.partition FROM log_group AS g
            WHERE g.consumer_group = p_group AND g.topic = p_topic AND g.holder IS DISTINCT FROM p_member
              AND NOT EXISTS (SELECT 1 FROM log_member AS m WHERE m.consumer_group = p_group AND m.topic = p_topic
                AND m.member = g.holder AND m.expires_at > v_now)
            ORDER BY g.partition LIMIT v_share - v_mine FOR UPDATE OF g SKIP LOCKED));
      END IF;
      DELETE FROM log_member WHERE consumer_group = p_group AND topic = p_topic AND member = ANY (ARRAY(
        SELECT member FROM log_member
        WHERE consumer_group = p_group AND topic = p_topic AND expires_at < v_now - interval '1 hour'
        LIMIT 10 FOR UPDATE SKIP LOCKED));
      RETURN QUERY SELECT partition, epoch::float8, taken_over FROM log_group
        WHERE consumer_group = p_group AND topic = p_topic AND holder = p_member ORDER BY partition;
    END $body$`
})
