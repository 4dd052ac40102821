/**
 * The database's schema, as steps that are applied in order, each once. A step that was released never changes;
 * a change of mind is a further step. Adding one: a file `NNNN_what.ts`, and its line here.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Effect } from "effect"
import log from "./0001_log.ts"
import identity from "./0002_identity.ts"
import people from "./0003_people.ts"
import devices from "./0004_devices.ts"
import training from "./0005_training.ts"
import gamification from "./0006_gamification.ts"
import lock from "./0007_lock.ts"
import rateLimit from "./0008_rate_limit.ts"
import logPositions from "./0009_log_positions.ts"
import aggregate from "./0010_aggregate.ts"
import series from "./0011_series.ts"
import gaps from "./0012_gaps.ts"
import merges from "./0013_merges.ts"
import erasure from "./0014_erasure.ts"
import quarantine from "./0015_quarantine.ts"
import sessionSource from "./0016_session_source.ts"
import erasureReceipt from "./0017_erasure_receipt.ts"
import aggregateOrder from "./0018_aggregate_order.ts"

export type Migrations = Readonly<Record<string, Effect.Effect<void, unknown, SqlClient>>>

export const migrations: Migrations = {
  "0001_log": log,
  "0002_identity": identity,
  "0003_people": people,
  "0004_devices": devices,
  "0005_training": training,
  "0006_gamification": gamification,
  "0007_lock": lock,
  "0008_rate_limit": rateLimit,
  "0009_log_positions": logPositions,
  "0010_aggregate": aggregate,
  "0011_series": series,
  "0012_gaps": gaps,
  "0013_merges": merges,
  "0014_erasure": erasure,
  "0015_quarantine": quarantine,
  "0016_session_source": sessionSource,
  "0017_erasure_receipt": erasureReceipt,
  "0018_aggregate_order": aggregateOrder,
}

/** The number of the newest step. */
export const newestOf = (steps: Migrations): number =>
  Math.max(0, ...Object.keys(steps).map((name) => Number.parseInt(name, 10)))

/** The newest step that this program knows. A database beyond it was written by a newer version. */
export const latestMigration: number = newestOf(migrations)
