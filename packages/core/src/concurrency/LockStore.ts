/**
 * Where a distributed lock keeps its leases: the port that memory, SQLite and PostgreSQL implement.
 *
 * A store decides as `kernel/concurrency/Lease` does, by a clock of its own that all who use the store share. Each call is atomic
 * and short, and durable before it answers: a token that was given out is never given again.
 */
import { Context, type Effect, type Scope } from "effect"
import type { FencingToken } from "../kernel/concurrency/Lease.ts"
import type { LockUnavailable } from "./LockErrors.ts"

export type StoreAttempt =
  | { readonly _tag: "Granted"; readonly token: FencingToken }
  /** Another holds it, for so long unless it renews, in milliseconds. */
  | { readonly _tag: "Held"; readonly retryAfterMillis: number }

export interface LockStoreService {
  /** Takes the resource if nobody holds it. `owner` is one grant's identity, never used before. */
  readonly tryAcquire: (
    resource: string,
    owner: string,
    ttlMillis: number,
  ) => Effect.Effect<StoreAttempt, LockUnavailable>
  /** False when the lease is over: expired, released or another's. */
  readonly renew: (resource: string, owner: string, ttlMillis: number) => Effect.Effect<boolean, LockUnavailable>
  /** False, and nothing changed, when it is not this owner's. */
  readonly release: (resource: string, owner: string) => Effect.Effect<boolean, LockUnavailable>
  /**
   * Whether a write under this token may pass. Asked in the transaction that writes, it holds until that commits:
   * nobody is granted the resource meanwhile. Elsewhere it protects nothing.
   */
  readonly passes: (resource: string, token: FencingToken) => Effect.Effect<boolean, LockUnavailable>
  /**
   * Calls `wake` when a resource was released, as far as it is heard of, until the scope closes; without a resource
   * when releases may have been missed. A hint for speed: asking is the truth.
   */
  readonly onRelease: (wake: (resource?: string) => void) => Effect.Effect<void, never, Scope.Scope>
}

export class LockStore extends Context.Tag("@paceline/core/concurrency/LockStore")<LockStore, LockStoreService>() {}
