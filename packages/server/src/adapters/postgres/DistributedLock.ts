/**
 * Leases in PostgreSQL, for locks among processes on several machines. The clock is the database's, the only one that
 * all of them share.
 *
 * It decides as `kernel/concurrency/Lease` does, each decision in one statement on the resource's row; tokens come from a sequence,
 * drawn while the row is locked, so a later grant has a greater one. A unit of work that passed the fence holds the row
 * until it commits: nobody takes the lock over meanwhile, and a renewal waits. A release is told to the other
 * processes by `Notifications`.
 *
 * @example
 * program.pipe(
 *   Effect.provide(PostgresLock.layer()),
 *   Effect.provide([PostgresStore.layer({ url }), Timers.layer]),
 * )
 */
import { type SqlClient, TransactionConnection } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { PgClient } from "@effect/sql-pg"
import { DistributedLock, Timers } from "@paceline/core/concurrency"
import type { Fencing } from "@paceline/core/consistency"
import { Lease } from "@paceline/core/kernel"
import { Context, Effect, Layer } from "effect"
import { layerFencing } from "../Fencing.ts"
import * as Notifications from "./Notifications.ts"
import { storageError } from "./PostgresErrors.ts"

export interface PostgresLockSettings extends DistributedLock.LockSettings {
  /** How often the listeners for releases show that they hear. Default 10 s. */
  readonly heartbeatMillis?: number
}

const CHANNEL = "paceline_lock_released"

/** After so many grants of this process, so many leases that ended long ago are forgotten. */
const GRANTS_PER_FORGETTING = 100
const FORGET_AT_ONCE = 200

/** Outside the caller's unit of work, if there is one: what is granted must be seen by all at once. */
const outside = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.mapInputContext(effect, (context: Context.Context<R>) => {
    const unsafeMap = new Map(context.unsafeMap)
    unsafeMap.delete(TransactionConnection.key)
    return Context.unsafeMake(unsafeMap)
  })

const make = (heartbeatMillis: number | undefined) =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const timers = yield* Timers.Timers
    const scope = yield* Effect.scope
    const listeners = new Set<(resource?: string) => void>()
    const wake = (resource?: string): void => {
      for (const listener of listeners) listener(resource)
    }
    const notifications = yield* Notifications.make(sql, timers, {
      channel: CHANNEL,
      onHint: wake,
      ...(heartbeatMillis === undefined ? {} : { heartbeatMillis }),
    })
    let grants = 0

    const take = (resource: string, owner: string, ttlMillis: number) =>
      sql<{ token: string }>`
        UPDATE lock_lease SET token = nextval('lock_token'), owner = ${owner},
          expires_at = clock_timestamp() + ${ttlMillis} * interval '1 millisecond'
        WHERE resource = ${resource} AND (owner IS NULL OR expires_at <= clock_timestamp())
        RETURNING token::text`

    const remaining = (resource: string) =>
      sql<{ millis: number }>`
        SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 * 1000 AS millis
        FROM lock_lease WHERE resource = ${resource}`

    /** A row that nobody holds, to be taken. */
    const introduce = (resource: string) =>
      sql`INSERT INTO lock_lease (resource, token, expires_at) VALUES (${resource}, 0, clock_timestamp())
        ON CONFLICT DO NOTHING`

    const forget = sql`
      DELETE FROM lock_lease WHERE resource IN (
        SELECT resource FROM lock_lease
        WHERE expires_at < clock_timestamp() - ${Lease.FORGET_AFTER_MILLIS} * interval '1 millisecond'
        LIMIT ${FORGET_AT_ONCE} FOR UPDATE SKIP LOCKED)`

    const tryAcquire = (
      resource: string,
      owner: string,
      ttlMillis: number,
    ): Effect.Effect<DistributedLock.StoreAttempt, SqlError> =>
      Effect.gen(function* () {
        const [taken] = yield* take(resource, owner, ttlMillis)
        if (taken !== undefined) {
          if (++grants % GRANTS_PER_FORGETTING === 0) yield* Effect.forkIn(Effect.ignore(forget), scope)
          return { _tag: "Granted", token: Number(taken.token) }
        }
        const [held] = yield* remaining(resource)
        if (held !== undefined) return { _tag: "Held", retryAfterMillis: Math.max(0, held.millis) }
        yield* introduce(resource)
        return yield* tryAcquire(resource, owner, ttlMillis)
      })

    const renew = (resource: string, owner: string, ttlMillis: number) =>
      sql`UPDATE lock_lease SET expires_at = clock_timestamp() + ${ttlMillis} * interval '1 millisecond'
        WHERE resource = ${resource} AND owner = ${owner} AND expires_at > clock_timestamp() RETURNING 1`

    const release = (resource: string, owner: string) =>
      sql`UPDATE lock_lease SET owner = NULL WHERE resource = ${resource} AND owner = ${owner} RETURNING 1`

    const passes = (resource: string, token: number) =>
      sql`SELECT 1 FROM lock_lease
        WHERE resource = ${resource} AND token = ${token} AND owner IS NOT NULL FOR SHARE`

    const answered = <A>(resource: string, effect: Effect.Effect<A, SqlError>) =>
      Effect.mapError(effect, (error) => new DistributedLock.LockUnavailable({ resource, cause: storageError(error) }))

    const any = (rows: ReadonlyArray<unknown>): boolean => rows.length > 0

    const service: DistributedLock.LockStoreService = {
      tryAcquire: (resource, owner, ttl) => answered(resource, outside(tryAcquire(resource, owner, ttl))),
      renew: (resource, owner, ttl) => answered(resource, outside(Effect.map(renew(resource, owner, ttl), any))),
      release: (resource, owner) =>
        answered(
          resource,
          Effect.map(outside(release(resource, owner)), (rows) => {
            if (!any(rows)) return false
            wake(resource)
            notifications.tell(resource)
            return true
          }),
        ),
      passes: (resource, token) => answered(resource, Effect.map(passes(resource, token), any)),
      onRelease: (listener) =>
        Effect.acquireRelease(
          Effect.sync(() => void listeners.add(listener)),
          () => Effect.sync(() => void listeners.delete(listener)),
        ),
    }
    return service
  })

const layerStore = (
  settings: PostgresLockSettings = {},
): Layer.Layer<DistributedLock.LockStore, never, SqlClient | PgClient.PgClient | Timers.Timers> =>
  Layer.scoped(DistributedLock.LockStore, make(settings.heartbeatMillis))

/** The lock, its store, and the fence for units of work on the same database. */
export const layer = (
  settings?: PostgresLockSettings,
): Layer.Layer<
  DistributedLock.DistributedLock | DistributedLock.LockStore | Fencing.Fencing,
  never,
  SqlClient | PgClient.PgClient | Timers.Timers
> => Layer.provideMerge(Layer.merge(DistributedLock.layer(settings), layerFencing), layerStore(settings))
