/**
 * `Answers` on PostgreSQL: a key is a row, and taking it is an insert, which waits for the transaction that is taking
 * the same key and then finds its answer, or the key free again when that one was rolled back.
 */
import { type Answers, IdempotencyKeyReused } from "@paceline/core/consistency"
import { type Context, Effect } from "effect"
import { writing } from "./UnitQueries.ts"

const SQL = {
  take: "SELECT taken_for, given FROM idempotent_answer_taken($1, $2, $3, $4)",
  put: "UPDATE idempotent_answer SET answer = $2 WHERE key = $1 RETURNING 1",
  removeExpired: `WITH removed AS (
      DELETE FROM idempotent_answer WHERE key = ANY (ARRAY(
        SELECT key FROM idempotent_answer WHERE expires_at_ms <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
      RETURNING 1)
    SELECT count(*)::float8 AS removed FROM removed`,
} as const

export const make = (): Context.Tag.Service<typeof Answers> => ({
  take: (key, fingerprint, { expiresAtMs, nowMs }) =>
    writing((query) =>
      Effect.gen(function* () {
        const params = [key, fingerprint, nowMs, expiresAtMs]
        const [row] = yield* query<{ taken_for: string; given: string }>(SQL.take, params)
        if (row === undefined) return yield* Effect.succeedNone
        if (row.taken_for !== fingerprint) return yield* new IdempotencyKeyReused({ key })
        return yield* Effect.succeedSome<unknown>(JSON.parse(row.given))
      }),
    ),

  put: (key, answer) =>
    writing((query) =>
      Effect.flatMap(query(SQL.put, [key, JSON.stringify(answer ?? null)]), (rows) =>
        rows.length === 1 ? Effect.void : Effect.dieMessage(`The key "${key}" was not taken in this unit of work`),
      ),
    ),

  removeExpired: (nowMs, limit) =>
    writing((query) =>
      Effect.map(query<{ removed: number }>(SQL.removeExpired, [nowMs, limit]), ([row]) => row?.removed ?? 0),
    ),
})
