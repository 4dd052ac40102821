/** Rate limits in the embedded database, by the machine's clock. They survive a restart; rows that count nothing any more go. */
import { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { type StorageError, UnitOfWork } from "@paceline/core/consistency"
import { RateLimitStore } from "@paceline/core/resilience"
import { Clock, Effect, Layer } from "effect"
import * as RateLimitBatches from "../RateLimitBatches.ts"
import { fromStored, type StoredLimit, toStored } from "../RateLimitRow.ts"

/** With each transaction that writes so many rows that count nothing any more are forgotten. */
const FORGET_AT_ONCE = 4

const make = Effect.gen(function* () {
  const sql = yield* SqlClient
  const work = yield* UnitOfWork
  return yield* RateLimitBatches.make<SqlError | StorageError>(
    {
      run: work.run,
      load: (keys) =>
        Effect.gen(function* () {
          const asked = JSON.stringify(keys.map(({ key, limit }) => [limit, key]))
          const rows = yield* sql<StoredLimit>`
            SELECT limit_name, key, used, at_ms, behaviour, calm_since_ms, window_ms, forget_at_ms FROM rate_limit
            WHERE (limit_name, key) IN (SELECT value ->> 0, value ->> 1 FROM json_each(${asked}))`
          return { rows: rows.map(fromStored), nowMillis: yield* Clock.currentTimeMillis }
        }),
      save: (rows) =>
        Effect.gen(function* () {
          yield* sql`INSERT INTO rate_limit ${sql.insert(rows.map((row) => ({ ...toStored(row) })))}
            ON CONFLICT (limit_name, key) DO UPDATE SET used = excluded.used, at_ms = excluded.at_ms,
              behaviour = excluded.behaviour, calm_since_ms = excluded.calm_since_ms,
              window_ms = excluded.window_ms, forget_at_ms = excluded.forget_at_ms`
          yield* sql`DELETE FROM rate_limit WHERE (limit_name, key) IN (
            SELECT limit_name, key FROM rate_limit WHERE forget_at_ms < ${yield* Clock.currentTimeMillis}
            ORDER BY forget_at_ms LIMIT ${FORGET_AT_ONCE})`
        }),
    },
    (error) => error.message,
  )
})

export const layer: Layer.Layer<RateLimitStore.RateLimitStore, never, UnitOfWork | SqlClient> = Layer.scoped(
  RateLimitStore.RateLimitStore,
  make,
)
