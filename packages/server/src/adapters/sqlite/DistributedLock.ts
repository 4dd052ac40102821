/**
 * Leases in the embedded database, decided by `kernel/concurrency/Lease`, each step one durable unit of work.
 *
 * The clock is the machine's. Waiters in this process are woken after the commit of a release; another process on the
 * same file asks when its poll is due.
 *
 * @example
 * program.pipe(
 *   Effect.provide(SqliteLock.layer()),
 *   Effect.provide([SqliteStore.layer({ folder }), Timers.layer]),
 * )
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { DistributedLock, type Timers } from "@paceline/core/concurrency"
import { afterCommit, type Fencing, UnitOfWork } from "@paceline/core/consistency"
import { Lease } from "@paceline/core/kernel"
import { Clock, Effect, Layer } from "effect"
import { layerFencing } from "../Fencing.ts"

interface Row {
  readonly token: number
  readonly owner: string
  readonly expires_at_ms: number
  readonly ttl_ms: number
}

/** With each grant so many leases that ended long ago are forgotten. */
const FORGET_AT_ONCE = 2

const toRecord = (row: Row): Lease.LeaseRecord => ({
  token: row.token,
  owner: row.owner,
  expiresAtMillis: row.expires_at_ms,
  ttlMillis: row.ttl_ms,
})

const make = Effect.gen(function* () {
  const sql = yield* SqlClient
  const work = yield* UnitOfWork
  const listeners = new Set<(resource?: string) => void>()

  const find = (resource: string) =>
    Effect.map(
      sql<Row>`SELECT token, owner, expires_at_ms, ttl_ms FROM lock_lease WHERE resource = ${resource}`,
      ([row]) => (row === undefined ? undefined : toRecord(row)),
    )

  const store = (resource: string, { expiresAtMillis, owner, token, ttlMillis }: Lease.LeaseRecord) =>
    sql`INSERT INTO lock_lease (resource, token, owner, expires_at_ms, ttl_ms)
      VALUES (${resource}, ${token}, ${owner}, ${expiresAtMillis}, ${ttlMillis})
      ON CONFLICT (resource) DO UPDATE SET token = excluded.token, owner = excluded.owner,
        expires_at_ms = excluded.expires_at_ms, ttl_ms = excluded.ttl_ms`

  const forget = (nowMillis: number) =>
    sql`DELETE FROM lock_lease WHERE resource IN (
      SELECT resource FROM lock_lease WHERE expires_at_ms <= ${nowMillis - Lease.FORGET_AFTER_MILLIS}
      LIMIT ${FORGET_AT_ONCE})`

  const tryAcquire = (resource: string, owner: string, ttlMillis: number) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const [counter] = yield* sql<{ last: number }>`SELECT last FROM lock_token`
      const bid = { owner, ttlMillis: Math.round(ttlMillis), token: (counter?.last ?? 0) + 1 }
      const before = yield* find(resource)
      const attempt = Lease.tryAcquire(before, bid, now)
      if (attempt.record !== before) yield* store(resource, attempt.record)
      if (attempt._tag === "Held") return { _tag: "Held" as const, retryAfterMillis: attempt.retryAfterMillis }
      yield* sql`UPDATE lock_token SET last = ${bid.token}`
      yield* forget(now)
      return { _tag: "Granted" as const, token: bid.token }
    })

  const renew = (resource: string, owner: string, ttlMillis: number) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const renewed = Lease.renew(yield* find(resource), owner, Math.round(ttlMillis), now)
      if (renewed !== undefined) yield* store(resource, renewed)
      return renewed !== undefined
    })

  const release = (resource: string, owner: string) =>
    Effect.gen(function* () {
      if (Lease.release(yield* find(resource), owner) === undefined) return false
      yield* sql`DELETE FROM lock_lease WHERE resource = ${resource}`
      yield* afterCommit(() => {
        for (const wake of listeners) wake(resource)
      })
      return true
    })

  const answered = <A, E, R>(resource: string, effect: Effect.Effect<A, E, R>) =>
    Effect.mapError(effect, (cause) => new DistributedLock.LockUnavailable({ resource, cause }))

  const service: DistributedLock.LockStoreService = {
    tryAcquire: (resource, owner, ttl) => answered(resource, work.run(tryAcquire(resource, owner, ttl))),
    renew: (resource, owner, ttl) => answered(resource, work.run(renew(resource, owner, ttl))),
    release: (resource, owner) => answered(resource, work.run(release(resource, owner))),
    passes: (resource, token) =>
      answered(
        resource,
        Effect.map(find(resource), (record) => Lease.passes(record, token)),
      ),
    onRelease: (wake) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(wake)),
        () => Effect.sync(() => void listeners.delete(wake)),
      ),
  }
  return service
})

const layerStore: Layer.Layer<DistributedLock.LockStore, never, UnitOfWork | SqlClient> = Layer.effect(
  DistributedLock.LockStore,
  make,
)

/** The lock, its store, and the fence for units of work on the same database. */
export const layer = (
  settings?: DistributedLock.LockSettings,
): Layer.Layer<
  DistributedLock.DistributedLock | DistributedLock.LockStore | Fencing.Fencing,
  never,
  UnitOfWork | SqlClient | Timers.Timers
> => Layer.provideMerge(Layer.merge(DistributedLock.layer(settings), layerFencing), layerStore)
