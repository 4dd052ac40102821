/** `Fencing` by the store that keeps the leases: for a lock and data that are in one database. */
import { SqlError } from "@effect/sql/SqlError"
import { DistributedLock } from "@paceline/core/concurrency"
import { Fencing, StorageError } from "@paceline/core/consistency"
import { Effect, Layer } from "effect"

/** The store's own trouble, as the unit of work tells it. */
const storageError = (error: DistributedLock.LockUnavailable): StorageError => {
  const cause = error.cause instanceof SqlError ? error.cause.cause : error.cause
  return cause instanceof StorageError
    ? cause
    : new StorageError({ reason: "failed", message: error.message, cause: error.cause })
}

export const layerFencing: Layer.Layer<Fencing.Fencing, never, DistributedLock.LockStore> = Layer.effect(
  Fencing.Fencing,
  Effect.map(DistributedLock.LockStore, (store) => ({
    fence: (resource, token) =>
      Effect.flatMap(Effect.mapError(store.passes(resource, token), storageError), (passes) =>
        passes ? Effect.void : new Fencing.StaleToken({ resource, token }),
      ),
  })),
)
