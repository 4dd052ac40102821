/**
 * Where a lock for promises keeps its leases: a port, and the store in memory.
 *
 * A store of your own (Redis, a table, a Durable Object) decides as `Lease` of `@paceline/core/kernel` does, by a
 * clock of its own that all who use it share. Keep one `LeaseRecord` a resource; each call is atomic and durable
 * before it answers, and tokens only increase: a token that was given out is never given again. The guarded resource
 * must refuse a write under a token that does not `passes`, in the transaction that writes.
 *
 * @example
 * const store: PromiseLockStore = {
 *   tryAcquire: (resource, owner, ttlMillis) =>
 *     transaction(async (rows) => {
 *       const token = (await rows.lastToken()) + 1
 *       const attempt = Lease.tryAcquire(await rows.find(resource), { owner, ttlMillis, token }, Date.now())
 *       await rows.save(resource, attempt.record)
 *       return attempt._tag === "Held" ? attempt : { _tag: "Granted", token }
 *     }),
 *   // renew, release and passes in the same way
 * }
 */
import type { FencingToken } from "../../kernel/concurrency/Lease.ts"
import type { Alarm } from "../Alarm.ts"
import { LeaseTable } from "../LeaseTable.ts"
import { LockUnavailable } from "../LockErrors.ts"
import type { StoreAttempt } from "../LockStore.ts"
import { hostAlarm } from "./HostAlarm.ts"

type Answer<A> = A | PromiseLike<A>

/** What fails or throws is told to the caller as `LockUnavailable`. */
export interface PromiseLockStore {
  /** Takes the resource if nobody holds it. `owner` is one grant's identity, never used before. */
  readonly tryAcquire: (resource: string, owner: string, ttlMillis: number) => Answer<StoreAttempt>
  /** False when the lease is over: expired, released or another's. */
  readonly renew: (resource: string, owner: string, ttlMillis: number) => Answer<boolean>
  /** False, and nothing changed, when it is not this owner's. */
  readonly release: (resource: string, owner: string) => Answer<boolean>
  /** Whether a write under this token may pass; see above. */
  readonly passes: (resource: string, token: FencingToken) => Answer<boolean>
  /**
   * Calls `wake` when a resource was released, as far as it is heard of; without a resource when releases may have
   * been missed. Returns what ends it. A hint for speed: who hears of nothing polls.
   */
  readonly onRelease?: (wake: (resource?: string) => void) => () => void
}

/** Leases in this process's memory: for tests, and for programs of one process. */
export const memoryLockStore = (): PromiseLockStore => {
  const leases = new LeaseTable(hostAlarm.now)
  return {
    tryAcquire: (resource, owner, ttlMillis) => leases.tryAcquire(resource, owner, ttlMillis),
    renew: (resource, owner, ttlMillis) => leases.renew(resource, owner, ttlMillis),
    release: (resource, owner) => leases.release(resource, owner),
    passes: (resource, token) => leases.passes(resource, token),
    onRelease: (wake) => leases.onRelease(wake),
  }
}

/** A store's answer, or what kept it from answering. */
export type Told<A> = { readonly value: A } | { readonly error: LockUnavailable }

/** Asks the store. Never rejects. */
export const ask = async <A>(resource: string, question: () => Answer<A>): Promise<Told<A>> => {
  try {
    return { value: await question() }
  } catch (cause) {
    return { error: cause instanceof LockUnavailable ? cause : new LockUnavailable({ resource, cause }) }
  }
}

/** Tells the answer, or undefined when there is none after `millis`; the question goes on. */
export const within =
  <A>(alarm: Alarm, question: Promise<A>, millis: number) =>
  (tell: (answer: A | undefined) => void): (() => void) => {
    const late = alarm.schedule(millis, () => tell(undefined))
    void question.then((answer) => {
      alarm.cancel(late)
      tell(answer)
    })
    return () => void alarm.cancel(late)
  }
