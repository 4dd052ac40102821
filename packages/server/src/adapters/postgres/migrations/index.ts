/**
 * The schema on PostgreSQL, as steps that are applied in order, each once. A step that was released never changes;
 * a change of mind is a further step. Adding one: a file `NNNN_what.ts`, and its line here.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Effect } from "effect"
import lock from "./0001_lock.ts"
import rateLimit from "./0002_rate_limit.ts"
import log from "./0003_log.ts"
import logGroup from "./0004_log_group.ts"
import aggregate from "./0005_aggregate.ts"
import answer from "./0006_answer.ts"

export type Migrations = Readonly<Record<string, Effect.Effect<void, unknown, SqlClient>>>

export const migrations: Migrations = {
  "0001_lock": lock,
  "0002_rate_limit": rateLimit,
  "0003_log": log,
  "0004_log_group": logGroup,
  "0005_aggregate": aggregate,
  "0006_answer": answer,
}

/** The number of the newest step. */
export const newestOf = (steps: Migrations): number =>
  Math.max(0, ...Object.keys(steps).map((name) => Number.parseInt(name, 10)))
