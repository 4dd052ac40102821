/** The parts that the tests of a lock are made of: services on one store, as several processes would have, and writes. */
import { DistributedLock, type Timers } from "@paceline/core/concurrency"
import { afterCommit, Fencing, type UnitOfWork } from "@paceline/core/consistency"
import { Duration, Effect, type Scope } from "effect"

export type LockAdapter = DistributedLock.LockStore | Fencing.Fencing | UnitOfWork

/** Adds a test to the suite of an adapter. */
export type LockTest = <A, E>(
  title: string,
  body: Effect.Effect<A, E, LockAdapter | Timers.Timers | Scope.Scope>,
) => void

export const millisOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(effect), ([took]) => Duration.toMillis(took))

export const fresh = Effect.sync(() => `resource-${crypto.randomUUID()}`)

/** So long that nothing in a test comes from it. */
const NEVER = Duration.minutes(10)

/** A service of its own on the store of the test, as another process would have. */
export const service = (settings: DistributedLock.LockSettings = {}) =>
  DistributedLock.make({ ttl: NEVER, wait: "5 seconds", poll: NEVER, ...settings })

/** The same, with some of the store's answers changed. */
export const serviceWith = (
  change: (store: DistributedLock.LockStoreService) => Partial<DistributedLock.LockStoreService>,
  settings: DistributedLock.LockSettings = {},
) =>
  Effect.flatMap(DistributedLock.LockStore, (store) =>
    Effect.provideService(service(settings), DistributedLock.LockStore, { ...store, ...change(store) }),
  )

/** A write under a lease. `written` grows only when its unit of work has committed. */
export const write = (lease: Fencing.Fenced<DistributedLock.LeaseLost>, written: Array<number>) =>
  Fencing.guarded(
    lease,
    afterCommit(() => written.push(lease.token)),
  )

/** A holder that believes in its lease whatever its clock says, as one that was paused does. */
export const blind = (lease: { readonly resource: string; readonly token: number }) => ({
  resource: lease.resource,
  token: lease.token,
  ensureHeld: Effect.void,
})
