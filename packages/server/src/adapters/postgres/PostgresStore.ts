/**
 * The store for several server processes: unit of work, event log, aggregates and answers on one PostgreSQL.
 *
 * Opening brings the schema up to date; a schema that is newer than this program is refused. Of its 20 connections 12
 * are for what people wait for and 8 for what can wait (`other`); one more listens for hints.
 *
 * Behind PgBouncer in transaction mode it works as it is, because nothing lives in a session: no statement has a name,
 * locks end with their transaction, settings are said in each. Only hints among processes need a way around the pooler:
 * give its database's own address as `listenUrl`, or be content with polling.
 *
 * @example
 * program.pipe(Effect.provide(PostgresStore.layer({ url: Redacted.make("postgres://paceline@db/paceline") })))
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { PgClient } from "@effect/sql-pg"
import { AggregateStore, Answers, type StorageError, UnitOfWork, WritePosition } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Context, Effect, Layer } from "effect"
import { changeInUnit } from "../ChangeInUnit.ts"
import * as PostgresAggregateStore from "./AggregateStore.ts"
import * as PostgresAnswers from "./Answers.ts"
import * as PostgresEventLog from "./EventLog.ts"
import * as HintHub from "./HintHub.ts"
import { type DatabaseNewer, migrate } from "./Migrate.ts"
import { type Migrations, migrations } from "./migrations/index.ts"
import * as Pools from "./Pools.ts"
import * as PostgresSqlClient from "./SqlClient.ts"
import type { TopicsSettings } from "./Topics.ts"
import * as PostgresUnitOfWork from "./UnitOfWork.ts"

export { DatabaseNewer } from "./Migrate.ts"
export { critical, other } from "./Pools.ts"
export { afterWrites, allowReplica } from "./Replicas.ts"

export interface PostgresStoreOptions
  extends Pools.PoolsOptions,
    PostgresUnitOfWork.UnitOfWorkOptions,
    HintHub.HintHubOptions {
  /** How topics are kept; one that is not named has one partition and the defaults. */
  readonly topics?: TopicsSettings
  /** The steps of the schema; those of this program if not given. */
  readonly migrations?: Migrations
}

export type OpenError = StorageError | DatabaseNewer

/** `SqlClient` is for contexts and writes only inside a unit of work; `PgClient` is for adapters, and writes anywhere. */
export type Provided =
  | UnitOfWork
  | EventLog.EventLog
  | AggregateStore.AggregateStore
  | Answers
  | WritePosition.WritePosition
  | SqlClient
  | PgClient.PgClient

export const layer = (options: PostgresStoreOptions): Layer.Layer<Provided, OpenError> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const pools = yield* Pools.make(options)
      const work = PostgresUnitOfWork.make(pools, options)
      yield* migrate(options.migrations ?? migrations).pipe(
        Effect.provideService(UnitOfWork, work),
        Effect.provideService(SqlClient, yield* PostgresSqlClient.make(pools, work)),
      )
      const hub = yield* HintHub.make(pools, options)
      const log = yield* PostgresEventLog.make(pools, hub, options.topics ?? {})
      const store = PostgresAggregateStore.make(pools, hub)
      return Context.make(UnitOfWork, work).pipe(
        Context.add(EventLog.EventLog, log),
        Context.add(AggregateStore.AggregateStore, { ...store, change: changeInUnit({ store, log, work }) }),
        Context.add(Answers, PostgresAnswers.make()),
        Context.add(WritePosition.WritePosition, pools.position),
        Context.add(SqlClient, yield* PostgresSqlClient.make(pools, work)),
        Context.add(PgClient.PgClient, pools.client),
      )
    }),
  )
