/**
 * The store's last word on a lock: a unit of work that names its fencing token fails when the lock has gone to another.
 *
 * A holder can be paused between its last look at its lease and its write, for longer than the lease lasts. Only the
 * store that takes the write can refuse it then. It looks in the transaction that writes, so nobody is granted the lock
 * between the look and the commit.
 *
 * @example
 * yield* DistributedLock.withLock(`seats/${eventId}`, (lease) =>
 *   Fencing.guarded(lease, seats.assign(athleteId)))
 */
import { Context, Effect, Schema } from "effect"
import { type StorageError, type Transaction, UnitOfWork } from "./UnitOfWork.ts"

/** The token is not the newest of its resource: another was granted it since, or it was released. Nothing was written. */
export class StaleToken extends Schema.TaggedError<StaleToken>("paceline/StaleToken")("StaleToken", {
  resource: Schema.String,
  token: Schema.Int,
}) {
  override get message(): string {
    return `Token ${this.token} of "${this.resource}" is no longer in force: the lock was released, or is another's`
  }
}

export class Fencing extends Context.Tag("@paceline/core/consistency/Fencing")<
  Fencing,
  {
    readonly fence: (resource: string, token: number) => Effect.Effect<void, StaleToken | StorageError, Transaction>
  }
>() {}

/** Fails the unit of work it stands in unless `token` is in force for the resource, and until the unit commits. */
export const fence = (
  resource: string,
  token: number,
): Effect.Effect<void, StaleToken | StorageError, Transaction | Fencing> =>
  Effect.flatMap(Fencing, (fencing) => fencing.fence(resource, token))

/** What a write under a lock needs of its lease. */
export interface Fenced<E> {
  readonly resource: string
  readonly token: number
  /** Fails once the holder knows that the lease is lost. */
  readonly ensureHeld: Effect.Effect<void, E>
}

/** Runs a unit of work under a lease: not started when the lease is known to be lost, refused when the store knows better. */
export const guarded = <A, E, R, L>(
  lease: Fenced<L>,
  unit: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | L | StaleToken | StorageError, Exclude<R, Transaction> | Fencing | UnitOfWork> =>
  Effect.zipRight(
    lease.ensureHeld,
    Effect.flatMap(Fencing, (fencing) =>
      UnitOfWork.run(Effect.zipRight(fencing.fence(lease.resource, lease.token), unit)),
    ),
  )
