/** What a distributed lock tells while it works, for fibers and for promises alike. */
import type { FencingToken, LossReason } from "../kernel/concurrency/Lease.ts"
import type { AcquireError, LockUnavailable } from "./LockErrors.ts"

interface OfLease {
  readonly resource: string
  readonly token: FencingToken
}

export type LeaseEvent =
  | (OfLease & { readonly _tag: "Renewed" | "Released" })
  | (OfLease & { readonly _tag: "RenewalFailed"; readonly error: LockUnavailable })
  /** Not released at the store: it stays taken until it expires. */
  | (OfLease & { readonly _tag: "ReleaseFailed"; readonly error: LockUnavailable })
  | (OfLease & { readonly _tag: "Lost"; readonly reason: LossReason })

export type LockEvent =
  | LeaseEvent
  /** `waitedMillis` since it was asked for. */
  | (OfLease & { readonly _tag: "Acquired"; readonly waitedMillis: number })
  | { readonly _tag: "NotAcquired"; readonly resource: string; readonly error: AcquireError }
