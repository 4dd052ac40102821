/**
 * Leases in this process's memory: for tests, and for programs of one process. Its clock is the process's monotonic one.
 */
import { Effect, Layer } from "effect"
import { LeaseTable } from "./LeaseTable.ts"
import { LockStore } from "./LockStore.ts"
import { Timers } from "./Timers.ts"

export const layer: Layer.Layer<LockStore, never, Timers> = Layer.effect(
  LockStore,
  Effect.map(Timers, ({ now }) => {
    const leases = new LeaseTable(now)
    return {
      tryAcquire: (resource, owner, ttlMillis) => Effect.sync(() => leases.tryAcquire(resource, owner, ttlMillis)),
      renew: (resource, owner, ttlMillis) => Effect.sync(() => leases.renew(resource, owner, ttlMillis)),
      release: (resource, owner) => Effect.sync(() => leases.release(resource, owner)),
      passes: (resource, token) => Effect.sync(() => leases.passes(resource, token)),
      onRelease: (wake) =>
        Effect.asVoid(
          Effect.acquireRelease(
            Effect.sync(() => leases.onRelease(wake)),
            (end) => Effect.sync(end),
          ),
        ),
    }
  }),
)
