/** A pool of connections to one database. It is asked once, so that one that cannot be reached is told at once. */
import * as Reactivity from "@effect/experimental/Reactivity"
import { PgClient } from "@effect/sql-pg"
import type { StorageError } from "@paceline/core/consistency"
import { type Duration, Effect, type Redacted, type Scope } from "effect"
import { hostClock } from "./Collisions.ts"
import { storageError } from "./PostgresErrors.ts"

export interface ConnectOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: Redacted.Redacted
  /** How long to wait for a connection, from the pool or to the database. Default 5 s. */
  readonly connectTimeout?: Duration.DurationInput
}

export const connect = (
  { connectTimeout = "5 seconds", url }: ConnectOptions,
  maxConnections: number,
): Effect.Effect<PgClient.PgClient, StorageError, Scope.Scope> =>
  PgClient.make({ url, maxConnections, connectTimeout, applicationName: "paceline" }).pipe(
    Effect.mapError(storageError),
    Effect.withClock(hostClock),
    Effect.provide(Reactivity.layer),
  )
