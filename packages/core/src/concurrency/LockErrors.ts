/** What may go wrong with a distributed lock, for fibers and for promises alike. */
import type { FencingToken, LossReason } from "../kernel/concurrency/Lease.ts"

/** Others held the resource for as long as the caller would wait. Nothing is held. */
export class LockTimeout extends Error {
  readonly _tag = "LockTimeout"
  override readonly name = "LockTimeout"
  readonly resource: string
  readonly waitMillis: number

  constructor({ resource, waitMillis }: { readonly resource: string; readonly waitMillis: number }) {
    super(`The lock of "${resource}" did not become free within ${waitMillis} ms`)
    this.resource = resource
    this.waitMillis = waitMillis
  }
}

/** The store's answer took as long as the lease would have lasted. It was given back; nothing is held. */
export class LockTooLate extends Error {
  readonly _tag = "LockTooLate"
  override readonly name = "LockTooLate"
  readonly resource: string
  readonly tookMillis: number
  readonly ttlMillis: number

  constructor(what: { readonly resource: string; readonly tookMillis: number; readonly ttlMillis: number }) {
    const { resource, tookMillis, ttlMillis } = what
    super(`The lock of "${resource}" came after ${Math.round(tookMillis)} ms, too late for a lease of ${ttlMillis} ms`)
    this.resource = resource
    this.tookMillis = tookMillis
    this.ttlMillis = ttlMillis
  }
}

/** The store could not be asked. Whether it did what was asked is not known. */
export class LockUnavailable extends Error {
  readonly _tag = "LockUnavailable"
  override readonly name = "LockUnavailable"
  readonly resource: string

  constructor({ cause, resource }: { readonly resource: string; readonly cause: unknown }) {
    super(`The lock of "${resource}" cannot be asked for: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
    this.resource = resource
  }
}

/**
 * Another may hold the resource now: write no more. `expired`: not renewed in time. `refused`: the store says that it
 * is over. `released`: it was given back.
 */
export class LeaseLost extends Error {
  readonly _tag = "LeaseLost"
  override readonly name = "LeaseLost"
  readonly resource: string
  readonly token: FencingToken
  readonly reason: LossReason

  constructor(what: { readonly resource: string; readonly token: FencingToken; readonly reason: LossReason }) {
    super(`The lock of "${what.resource}" under token ${what.token} is lost (${what.reason}): another may hold it`)
    this.resource = what.resource
    this.token = what.token
    this.reason = what.reason
  }
}

export type AcquireError = LockTimeout | LockTooLate | LockUnavailable
