/**
 * Leases in this process's memory, for the lock stores of fibers and of promises.
 *
 * What is released is forgotten at once, what expired when the resource is next asked for or in passing; tokens are
 * counted over all resources, so they go on increasing all the same.
 */
import * as Lease from "../kernel/concurrency/Lease.ts"
import type { StoreAttempt } from "./LockStore.ts"

/** So many leases are looked at with each grant, and forgotten if they are over. */
const LOOKS = 2

export class LeaseTable {
  readonly #now: () => number
  readonly #records = new Map<string, Lease.LeaseRecord>()
  readonly #listeners = new Set<(resource?: string) => void>()
  #lastToken = 0
  #hand = this.#records.entries()

  /** `now` in milliseconds, of a clock that never goes back. */
  constructor(now: () => number) {
    this.#now = now
  }

  tryAcquire(resource: string, owner: string, ttlMillis: number): StoreAttempt {
    const bid = { owner, ttlMillis, token: this.#lastToken + 1 }
    const attempt = Lease.tryAcquire(this.#records.get(resource), bid, this.#now())
    if (attempt._tag === "Held") return { _tag: "Held", retryAfterMillis: attempt.retryAfterMillis }
    this.#forget()
    this.#records.set(resource, attempt.record)
    this.#lastToken = attempt.record.token
    return { _tag: "Granted", token: this.#lastToken }
  }

  renew(resource: string, owner: string, ttlMillis: number): boolean {
    const renewed = Lease.renew(this.#records.get(resource), owner, ttlMillis, this.#now())
    if (renewed !== undefined) this.#records.set(resource, renewed)
    return renewed !== undefined
  }

  release(resource: string, owner: string): boolean {
    if (Lease.release(this.#records.get(resource), owner) === undefined) return false
    this.#records.delete(resource)
    for (const wake of this.#listeners) wake(resource)
    return true
  }

  passes(resource: string, token: Lease.FencingToken): boolean {
    return Lease.passes(this.#records.get(resource), token)
  }

  /** Returns what ends it. */
  onRelease(wake: (resource?: string) => void): () => void {
    this.#listeners.add(wake)
    return () => void this.#listeners.delete(wake)
  }

  /** Goes round the records, a few at a time. */
  #forget(): void {
    for (let i = 0; i < LOOKS; i++) {
      const next = this.#hand.next()
      if (next.done === true) {
        this.#hand = this.#records.entries()
        return
      }
      const [resource, record] = next.value
      if (Lease.isForgettable(record, this.#now())) this.#records.delete(resource)
    }
  }
}
