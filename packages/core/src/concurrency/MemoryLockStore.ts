/**
 * Leases in this process's memory: for tests, and for programs of one process. Its clock is the process's monotonic one.
 *
 * What is released is forgotten at once, what expired when the resource is next asked for or in passing; tokens are
 * counted over all resources, so they go on increasing all the same.
 */
import { Effect, Layer } from "effect"
import * as Lease from "../kernel/concurrency/Lease.ts"
import { LockStore, type LockStoreService } from "./LockStore.ts"
import { Timers } from "./Timers.ts"

/** So many leases are looked at with each grant, and forgotten if they are over. */
const LOOKS = 2

const make: Effect.Effect<LockStoreService, never, Timers> = Effect.map(Timers, ({ now }) => {
  const records = new Map<string, Lease.LeaseRecord>()
  const listeners = new Set<(resource?: string) => void>()
  let lastToken = 0
  let hand = records.entries()

  /** Goes round the records, a few at a time. */
  const forget = (): void => {
    for (let i = 0; i < LOOKS; i++) {
      const next = hand.next()
      if (next.done === true) {
        hand = records.entries()
        return
      }
      const [resource, record] = next.value
      if (Lease.isForgettable(record, now())) records.delete(resource)
    }
  }

  return {
    tryAcquire: (resource, owner, ttlMillis) =>
      Effect.sync(() => {
        const bid = { owner, ttlMillis, token: lastToken + 1 }
        const attempt = Lease.tryAcquire(records.get(resource), bid, now())
        if (attempt._tag === "Held") return { _tag: "Held", retryAfterMillis: attempt.retryAfterMillis }
        forget()
        records.set(resource, attempt.record)
        lastToken = attempt.record.token
        return { _tag: "Granted", token: lastToken }
      }),
    renew: (resource, owner, ttlMillis) =>
      Effect.sync(() => {
        const renewed = Lease.renew(records.get(resource), owner, ttlMillis, now())
        if (renewed !== undefined) records.set(resource, renewed)
        return renewed !== undefined
      }),
    release: (resource, owner) =>
      Effect.sync(() => {
        if (Lease.release(records.get(resource), owner) === undefined) return false
        records.delete(resource)
        for (const wake of listeners) wake(resource)
        return true
      }),
    passes: (resource, token) => Effect.sync(() => Lease.passes(records.get(resource), token)),
    onRelease: (wake) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(wake)),
        () => Effect.sync(() => void listeners.delete(wake)),
      ),
  }
})

export const layer: Layer.Layer<LockStore, never, Timers> = Layer.effect(LockStore, make)
