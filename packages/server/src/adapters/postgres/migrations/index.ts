/**
 * The schema on PostgreSQL, as steps that are applied in order, each once. A step that was released never changes;
 * a change of mind is a further step. Adding one: a file `NNNN_what.ts`, and its line here.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Effect } from "effect"
import lock from "./0001_lock.ts"
import rateLimit from "./0002_rate_limit.ts"

export type Migrations = Readonly<Record<string, Effect.Effect<void, unknown, SqlClient>>>

export const migrations: Migrations = {
  "0001_lock": lock,
  "0002_rate_limit": rateLimit,
}

/** The number of the newest step. */
export const newestOf = (steps: Migrations): number =>
  Math.max(0, ...Object.keys(steps).map((name) => Number.parseInt(name, 10)))
