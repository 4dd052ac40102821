/**
 * Rate limits in PostgreSQL, shared by all processes on it, by its clock. Rows are locked in one order, so transactions
 * never wait for each other in a circle; rows that count nothing any more go.
 */
import type { SqlError } from "@effect/sql/SqlError"
import { PgClient } from "@effect/sql-pg"
import { type StorageError, UnitOfWork } from "@paceline/core/consistency"
import { RateLimitStore } from "@paceline/core/resilience"
import { Effect, Layer } from "effect"
import * as RateLimitBatches from "../RateLimitBatches.ts"
import { fromStored, type StoredLimit, toStored } from "../RateLimitRow.ts"

/** After so many transactions of this process, so many rows that count nothing any more are forgotten. */
const TRANSACTIONS_PER_FORGETTING = 100
const FORGET_AT_ONCE = 500

const COLUMNS = `limit_name text, key text, used float8, at_ms float8, behaviour float8, calm_since_ms float8,
  window_ms float8, forget_at_ms float8`

const make = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const work = yield* UnitOfWork
  const scope = yield* Effect.scope
  let transactions = 0

  const now = Effect.map(
    sql<{ now: number }>`SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now`,
    ([row]) => Math.floor(row?.now ?? 0),
  )

  const locked = (asked: string) => sql<StoredLimit>`
    SELECT r.limit_name, r.key, used, at_ms, behaviour, calm_since_ms, window_ms, forget_at_ms
    FROM rate_limit r JOIN json_to_recordset(${asked}::json) AS asked (limit_name text, key text)
      ON asked.limit_name = r.limit_name AND asked.key = r.key
    ORDER BY r.limit_name, r.key FOR UPDATE OF r`

  /** Makes the rows that are missing, to be locked: two that take a new key at once must meet. */
  const introduce = (asked: string) => sql`
    INSERT INTO rate_limit (limit_name, key, window_ms)
    SELECT limit_name, key, 1 FROM json_to_recordset(${asked}::json) AS asked (limit_name text, key text)
    ORDER BY limit_name, key ON CONFLICT DO NOTHING`

  const forget = Effect.flatMap(
    now,
    (nowMillis) => sql`
      DELETE FROM rate_limit WHERE (limit_name, key) IN (
        SELECT limit_name, key FROM rate_limit WHERE forget_at_ms < ${nowMillis}
        LIMIT ${FORGET_AT_ONCE} FOR UPDATE SKIP LOCKED)`,
  )

  return yield* RateLimitBatches.make<SqlError | StorageError>(
    {
      run: (body) =>
        Effect.tap(work.run(body), () =>
          ++transactions % TRANSACTIONS_PER_FORGETTING === 0
            ? Effect.forkIn(Effect.ignore(forget), scope)
            : Effect.void,
        ),
      load: (keys) =>
        Effect.gen(function* () {
          const asked = JSON.stringify(keys.map(({ key, limit }) => ({ limit_name: limit, key })))
          let rows = yield* locked(asked)
          if (rows.length < keys.length) {
            yield* introduce(asked)
            rows = yield* locked(asked)
          }
          // By the clock after the wait for the locks: time that has passed is never counted twice.
          return { rows: rows.map(fromStored), nowMillis: yield* now }
        }),
      save: (rows) => sql`
        UPDATE rate_limit r SET used = n.used, at_ms = n.at_ms, behaviour = n.behaviour,
          calm_since_ms = n.calm_since_ms, window_ms = n.window_ms, forget_at_ms = n.forget_at_ms
        FROM json_to_recordset(${JSON.stringify(rows.map(toStored))}::json) AS n (${sql.literal(COLUMNS)})
        WHERE r.limit_name = n.limit_name AND r.key = n.key`,
    },
    (error) => error.message,
  )
})

export const layer: Layer.Layer<RateLimitStore.RateLimitStore, never, UnitOfWork | PgClient.PgClient> = Layer.scoped(
  RateLimitStore.RateLimitStore,
  make,
)
