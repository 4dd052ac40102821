/** The answers that were given under idempotency keys. An answer that is null is still being earned. */
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"

export default Effect.gen(function* () {
  const sql = yield* SqlClient
  yield* sql`
    CREATE TABLE idempotent_answer (
      key text COLLATE "C" PRIMARY KEY,
      fingerprint text NOT NULL,
      answer text,
      expires_at_ms float8 NOT NULL
    )`
  yield* sql`CREATE INDEX idempotent_answer_expiry ON idempotent_answer (expires_at_ms)`

  /**
   * Takes a key, or finds what it was taken for. The insert waits for a transaction that has the key and still runs;
   * what that one left is read by a statement of its own, which sees it.
   */
  yield* sql`
    CREATE FUNCTION idempotent_answer_taken(p_key text, p_fingerprint text, p_now_ms float8, p_expires_at_ms float8)
    RETURNS TABLE (taken_for text, given text) LANGUAGE plpgsql AS $body$
    BEGIN
      LOOP
        INSERT INTO idempotent_answer AS a (key, fingerprint, expires_at_ms)
          VALUES (p_key, p_fingerprint, p_expires_at_ms)
          ON CONFLICT (key) DO UPDATE
            SET fingerprint = excluded.fingerprint, answer = NULL, expires_at_ms = excluded.expires_at_ms
            WHERE a.expires_at_ms <= p_now_ms OR a.answer IS NULL;
        IF FOUND THEN RETURN; END IF;
        RETURN QUERY SELECT fingerprint, answer FROM idempotent_answer WHERE key = p_key;
        IF FOUND THEN RETURN; END IF;
      END LOOP;
    END $body$`
})
