/**
 * A lock that times out, decided: who holds it, until when, and under which fencing token.
 *
 * It has two sides. The store keeps one `LeaseRecord` a resource and decides by its own clock who may take, renew and
 * release it. The holder keeps a `Lease` and decides by its own clock how long it may believe that it still holds it:
 * it counts from before it asked, so it never believes longer than the store. A holder that was paused for longer is
 * wrong all the same, between its last look and its write; so each grant has a token greater than every one before,
 * and the store refuses a write under a token that is not the one in force.
 *
 * Times are milliseconds; the two clocks are never compared. A `LeaseRecord` is plain data, to be kept; a `Lease` is not,
 * although it is plain: the holder's clock ends with its process, and a process that starts anew holds nothing.
 *
 * @example
 * const attempt = Lease.tryAcquire(record, { owner: "a", ttlMillis: 30_000, token: lastToken + 1 }, now)
 * if (attempt._tag === "Granted") store(attempt.record)
 */

/** Greater than the token of every grant before it. A whole number from 1. */
export type FencingToken = number

/** What the store keeps of a resource. */
export interface LeaseRecord {
  /** The newest grant's. */
  readonly token: FencingToken
  /** One grant's identity, never used again; undefined after its release. */
  readonly owner: string | undefined
  readonly expiresAtMillis: number
  readonly ttlMillis: number
}

export interface Bid {
  readonly owner: string
  readonly ttlMillis: number
  /** For the grant, if it is made: greater than all tokens given for this resource. */
  readonly token: FencingToken
}

export type Attempt =
  | { readonly _tag: "Granted"; readonly record: LeaseRecord }
  /** Another holds it, for `retryAfterMillis` more unless it renews. `record` is to be kept if it changed. */
  | { readonly _tag: "Held"; readonly record: LeaseRecord; readonly retryAfterMillis: number }

/** Whether somebody holds the resource. A lease ends at its last millisecond: at `expiresAtMillis` it is over. */
export const isTaken = (record: LeaseRecord | undefined, nowMillis: number): record is LeaseRecord =>
  record?.owner !== undefined && nowMillis < record.expiresAtMillis

/**
 * Takes the resource if nobody holds it. No lease can last longer than its time to live from now: a record that says
 * so was written before the clock was set back, and is shortened.
 */
export const tryAcquire = (record: LeaseRecord | undefined, bid: Bid, nowMillis: number): Attempt => {
  if (!isTaken(record, nowMillis)) {
    const { owner, token, ttlMillis } = bid
    return { _tag: "Granted", record: { token, owner, ttlMillis, expiresAtMillis: nowMillis + ttlMillis } }
  }
  const latest = nowMillis + record.ttlMillis
  const held = record.expiresAtMillis > latest ? { ...record, expiresAtMillis: latest } : record
  return { _tag: "Held", record: held, retryAfterMillis: held.expiresAtMillis - nowMillis }
}

/** The record renewed, or undefined when the lease is over: expired, released or another's. */
export const renew = (
  record: LeaseRecord | undefined,
  owner: string,
  ttlMillis: number,
  nowMillis: number,
): LeaseRecord | undefined =>
  isTaken(record, nowMillis) && record.owner === owner
    ? { ...record, ttlMillis, expiresAtMillis: nowMillis + ttlMillis }
    : undefined

/** The record released, or undefined when it is not this owner's to release. */
export const release = (record: LeaseRecord | undefined, owner: string): LeaseRecord | undefined =>
  record?.owner === owner ? { ...record, owner: undefined } : undefined

/**
 * Whether a write under `token` may pass: only under the newest grant, and not after its release. An expired lease
 * still passes while nobody has taken over: exclusion is what a lock promises, and it holds.
 */
export const passes = (record: LeaseRecord | undefined, token: FencingToken): boolean =>
  record !== undefined && record.owner !== undefined && record.token === token

/** So long after its end a store may forget a lease that nobody has taken over. */
export const FORGET_AFTER_MILLIS = 3_600_000

/** Whether the store may forget the record: no write under its token passes then, as after a release. */
export const isForgettable = (record: LeaseRecord, nowMillis: number): boolean =>
  nowMillis - record.expiresAtMillis >= FORGET_AFTER_MILLIS

/** Why a holder holds no longer. `refused`: the store would not renew it, for there it is over. */
export type LossReason = "expired" | "refused" | "released"

/** What the holder keeps. */
export interface Lease {
  readonly token: FencingToken
  readonly ttlMillis: number
  /** By the holder's clock. It grows with each renewal. */
  heldUntilMillis: number
  lost: LossReason | undefined
}

/** The holder's lease, after a grant that was asked for at `askedAtMillis`; undefined when the answer came too late. */
export const hold = (
  token: FencingToken,
  ttlMillis: number,
  askedAtMillis: number,
  nowMillis: number,
): Lease | undefined =>
  nowMillis - askedAtMillis < ttlMillis
    ? { token, ttlMillis, heldUntilMillis: askedAtMillis + ttlMillis, lost: undefined }
    : undefined

/** Why the lease is lost, or undefined while it is held. Once lost it stays lost. */
export const lossOf = (lease: Lease, nowMillis: number): LossReason | undefined => {
  if (lease.lost === undefined && nowMillis >= lease.heldUntilMillis) lease.lost = "expired"
  return lease.lost
}

/** Notes that it was lost; the first reason stands. */
export const lose = (lease: Lease, reason: LossReason, nowMillis: number): LossReason => {
  lease.lost = lossOf(lease, nowMillis) ?? reason
  return lease.lost
}

/** Notes a renewal that was asked for at `askedAtMillis`. False when its answer came after the lease was lost. */
export const prolong = (lease: Lease, askedAtMillis: number, nowMillis: number): boolean => {
  if (lossOf(lease, nowMillis) !== undefined) return false
  lease.heldUntilMillis = Math.max(lease.heldUntilMillis, askedAtMillis + lease.ttlMillis)
  return true
}

/** How long until the next renewal: when a third of the time to live has passed, and ten times as often after a failure. */
export const renewAfterMillis = (lease: Lease, nowMillis: number, failed = false): number => {
  const left = Math.max(0, lease.heldUntilMillis - nowMillis)
  return failed ? Math.min(left, lease.ttlMillis / 30) : Math.max(0, left - (lease.ttlMillis * 2) / 3)
}
