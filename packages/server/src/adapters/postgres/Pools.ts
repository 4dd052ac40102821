/**
 * The connections of one process to PostgreSQL, split so that work that can wait never takes those that requests need.
 *
 * Work is critical unless it says otherwise; `other` marks exports, rebuilding, batches. Each part of the pool has its
 * own connections and its own line of those who wait. What runs in a unit of work stays on the unit's connection.
 *
 * @example
 * PostgresStore.other(rebuildLeaderboard)
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import * as Client from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { PgClient } from "@effect/sql-pg"
import type { StorageError } from "@paceline/core/consistency"
import { Context, Effect, Option, type Scope } from "effect"
import { type ConnectOptions, connect } from "./Connect.ts"
import { PooledConnection } from "./PooledConnection.ts"
import * as Replicas from "./Replicas.ts"

interface PoolSizes {
  /** Connections for what people wait for. Default 12. */
  readonly critical?: number
  /** Connections for what can wait. Default 8. */
  readonly other?: number
}

export interface PoolsOptions extends ConnectOptions, Replicas.ReplicasOptions {
  readonly pool?: PoolSizes
}

/** Which part of the pool the work of a fiber takes its connections from. */
export class PoolShare extends Context.Reference<PoolShare>()("@paceline/server/postgres/PoolShare", {
  defaultValue: (): "critical" | "other" => "critical",
}) {}

/** Runs the effect on the connections for what can wait. */
export const other = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, PoolShare, "other")

/** Runs the effect on the connections for what people wait for, also inside of `other`. */
export const critical = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, PoolShare, "critical")

/** Rows of a statement. */
export type Query = <Row>(text: string, params: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<Row>, SqlError>

export interface Pools {
  /** For the adapters: also writes outside a unit of work, where that is meant. */
  readonly client: PgClient.PgClient
  /** A connection of the fiber's share, until the scope closes. Waiting for it cannot be interrupted. */
  readonly reserve: Effect.Effect<Connection, SqlError, Scope.Scope>
  /** On the unit's connection inside a unit of work, otherwise where the fiber may read. */
  readonly query: Query
  /** On the primary, outside the unit of work that the fiber may be in. */
  readonly queryOutside: Query
  /** Where the fiber's reads outside a unit of work go. */
  readonly reading: Effect.Effect<Connection>
  readonly position: Replicas.Replicas["position"]
}

const DEFAULT = { critical: 12, other: 8 } as const

/** A client whose statements, outside a unit of work, take any connection that `reserve` gives. */
export const clientOn = (
  acquirer: Connection.Acquirer,
  transactionAcquirer: Connection.Acquirer,
): Effect.Effect<Client.SqlClient> =>
  Client.make({
    acquirer,
    transactionAcquirer,
    compiler: PgClient.makeCompiler(),
    spanAttributes: [["db.system.name", "postgresql"]],
  }).pipe(Effect.provide(Reactivity.layer))

const unitConnection = (context: Context.Context<never>): Connection | undefined =>
  Option.getOrUndefined(Context.getOption(context, Client.TransactionConnection))?.[0]

export const make = (options: PoolsOptions): Effect.Effect<Pools, StorageError, Scope.Scope> =>
  Effect.gen(function* () {
    const sizes = { ...DEFAULT, ...options.pool }
    const pools = {
      critical: yield* connect(options, sizes.critical),
      other: yield* connect(options, sizes.other),
    }
    const reserve = Effect.flatMap(PoolShare, (share) => Effect.uninterruptible(pools[share].reserve))
    const pooled = new PooledConnection(reserve)
    const sql = yield* clientOn(Effect.succeed(pooled), reserve)
    const { config, json, listen, notify } = pools.critical
    const client: PgClient.PgClient = Object.assign(sql, {
      [PgClient.TypeId]: PgClient.TypeId,
      config,
      json,
      listen,
      notify,
    })
    const { position, reading } = yield* Replicas.make(pooled, options)
    return {
      client,
      reserve,
      query: (text, params) =>
        Effect.contextWithEffect((context: Context.Context<never>) => {
          const unit = unitConnection(context)
          return unit === undefined
            ? Effect.flatMap(reading, (connection) => connection.executeUnprepared(text, params, undefined))
            : unit.executeUnprepared(text, params, undefined)
        }),
      queryOutside: (text, params) => pooled.executeUnprepared(text, params, undefined),
      reading,
      position,
    }
  })
