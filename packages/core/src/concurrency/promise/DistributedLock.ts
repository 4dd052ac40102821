/**
 * A lock among processes, for promises: one holder of a resource at a time, for as long as it renews, and a store that
 * refuses those who only think that they hold it.
 *
 * `acquire` gives a lease with a fencing token, greater than every one before it. It is renewed each third of its time
 * to live until `release`, which only its owner can do and which wakes who waits. A lease that could not be renewed is
 * lost: `ensureHeld` throws before the next write, its `signal` is aborted, and `guard` rejects. Write the token along
 * with what you write and let the store refuse an old one: a process that was paused between the look and the write is
 * stopped by nothing else. A lock is not reentrant.
 *
 * @example
 * const lock = PromiseDistributedLock.make({ store: PromiseDistributedLock.memoryLockStore() })
 * await lock.withLock(`seats/${eventId}`, (lease) => seats.assign(athleteId, { token: lease.token }))
 */
import * as Kernel from "../../kernel/concurrency/Lease.ts"
import { safely } from "../Listener.ts"
import { type AcquireError, LockTimeout, LockTooLate, LockUnavailable } from "../LockErrors.ts"
import type { LockEvent } from "../LockEvents.ts"
import { LockLines } from "../LockLines.ts"
import { untilTold } from "./Abort.ts"
import { hostAlarm } from "./HostAlarm.ts"
import { keep, type PromiseLease } from "./LeaseKeeper.ts"
import { LockAttempts } from "./LockAttempts.ts"
import type { PromiseLockStore } from "./LockStore.ts"

export { type AcquireError, LeaseLost, LockTimeout, LockTooLate, LockUnavailable } from "../LockErrors.ts"
export type { LockEvent } from "../LockEvents.ts"
export type { StoreAttempt } from "../LockStore.ts"
export type { PromiseLease } from "./LeaseKeeper.ts"
export { memoryLockStore, type PromiseLockStore } from "./LockStore.ts"

export interface PromiseLockOptions {
  /** How long the lease lasts without a renewal. Default 30,000. */
  readonly ttlMillis?: number
  /** How long to wait for it. Default 5,000; 0 asks once. */
  readonly waitMillis?: number
  /** Aborted while waiting, it leaves the line and rejects with the reason. A lease that is held stays held. */
  readonly signal?: AbortSignal
}

export interface PromiseLockSettings extends Omit<PromiseLockOptions, "signal"> {
  readonly store: PromiseLockStore
  /** How often the front of a line asks although it heard of no release. Default 1,000, and when the lease expires. */
  readonly pollMillis?: number
  /** Called at once: keep it short. */
  readonly onEvent?: (event: LockEvent) => void
}

export interface PromiseDistributedLock {
  /**
   * A lease that is renewed until it is released.
   *
   * @throws LockTimeout, LockTooLate, LockUnavailable, and the signal's reason; nothing is held then.
   */
  readonly acquire: (resource: string, options?: PromiseLockOptions) => Promise<PromiseLease>
  /**
   * Runs `use` while the lock is held, and releases it.
   *
   * @throws as `acquire`, and LeaseLost as soon as the lease is lost.
   */
  readonly withLock: <A>(
    resource: string,
    use: (lease: PromiseLease) => A | PromiseLike<A>,
    options?: PromiseLockOptions,
  ) => Promise<A>
  /** Releases all leases that are held, and gives none any more. */
  readonly close: () => Promise<void>
}

const DEFAULT = { ttlMillis: 30_000, waitMillis: 5_000, pollMillis: 1_000 } as const

export const make = (settings: PromiseLockSettings): PromiseDistributedLock => {
  const { pollMillis = DEFAULT.pollMillis, store } = settings
  const tell = safely<LockEvent>((event) => settings.onEvent?.(event))
  const lines = new LockLines(hostAlarm)
  const deafen = store.onRelease?.(lines.wake)
  const held = new Set<PromiseLease>()
  let closed = false

  const acquire: PromiseDistributedLock["acquire"] = async (resource, options = {}) => {
    const { signal, ttlMillis = settings.ttlMillis ?? DEFAULT.ttlMillis } = options
    const { waitMillis = settings.waitMillis ?? DEFAULT.waitMillis } = options
    signal?.throwIfAborted()
    const owner = crypto.randomUUID()
    const arrivedAt = hostAlarm.now()
    const deadline = arrivedAt + waitMillis
    const place = lines.enter(resource, deadline)
    const asking = new LockAttempts({ store, resource, owner, ttlMillis, pollMillis, signal })
    try {
      const isFront = await untilTold(place.front, signal)
      const granted = isFront && !closed ? await asking.until(deadline, place) : undefined
      // What was granted meanwhile is given back below.
      signal?.throwIfAborted()
      if (closed) throw new LockUnavailable({ resource, cause: new Error("the lock is closed") })
      if (granted === undefined) throw new LockTimeout({ resource, waitMillis })
      const now = hostAlarm.now()
      const kept = Kernel.hold(granted.token, ttlMillis, granted.askedAtMillis, now)
      if (kept === undefined) {
        throw new LockTooLate({ resource, ttlMillis, tookMillis: now - granted.askedAtMillis })
      }
      tell({ _tag: "Acquired", resource, token: kept.token, waitedMillis: now - arrivedAt })
      const onEnd = (): void => {
        held.delete(lease)
        place.leave()
      }
      const lease = keep({ store, resource, owner, lease: kept, onEnd, tell })
      held.add(lease)
      return lease
    } catch (error) {
      place.leave()
      void asking.abandon()
      if (isAcquireError(error)) tell({ _tag: "NotAcquired", resource, error })
      throw error
    }
  }

  return {
    acquire,
    withLock: async (resource, use, options) => {
      const lease = await acquire(resource, options)
      try {
        return await lease.guard(() => use(lease))
      } finally {
        await lease.release()
      }
    },
    close: async () => {
      closed = true
      deafen?.()
      await Promise.all([...held].map((lease) => lease.release()))
    },
  }
}

const isAcquireError = (error: unknown): error is AcquireError =>
  error instanceof LockTimeout || error instanceof LockTooLate || error instanceof LockUnavailable
