/**
 * How one caller asks the store for a lock: again when it may be free, and never so that a grant is lost.
 *
 * A question goes on when nobody waits for its answer any more, because the time was up or the caller gave up: a slow
 * store cannot hold its callers. A lease that it then brings is given back.
 */
import type { FencingToken } from "../../kernel/concurrency/Lease.ts"
import type { Place } from "../LockLines.ts"
import type { StoreAttempt } from "../LockStore.ts"
import { untilTold } from "./Abort.ts"
import { hostAlarm } from "./HostAlarm.ts"
import { ask, type PromiseLockStore, type Told, within } from "./LockStore.ts"

export interface Asking {
  readonly store: PromiseLockStore
  readonly resource: string
  readonly owner: string
  readonly ttlMillis: number
  readonly pollMillis: number
  readonly signal: AbortSignal | undefined
}

export interface Grant {
  readonly token: FencingToken
  /** When it was asked for, on the host's clock. */
  readonly askedAtMillis: number
}

/** The store has at least so long for its first answer, in milliseconds, however short the caller would wait. */
const LEAST_PATIENCE_MILLIS = 1_000

export class LockAttempts {
  readonly #with: Asking
  /** The question that was not answered yet, or with a grant. */
  #open: Promise<Told<StoreAttempt>> | undefined

  constructor(asking: Asking) {
    this.#with = asking
  }

  /**
   * Asks, from the front of the line, until it is granted; undefined when the deadline came first.
   *
   * @throws LockUnavailable, and the signal's reason.
   */
  async until(deadline: number, place: Place): Promise<Grant | undefined> {
    const { pollMillis, signal } = this.#with
    let patience = Math.max(deadline - hostAlarm.now(), LEAST_PATIENCE_MILLIS)
    for (;;) {
      const seen = place.hints()
      const askedAtMillis = hostAlarm.now()
      const answer = await this.#ask(patience)
      if (answer?._tag === "Granted") return { token: answer.token, askedAtMillis }
      const left = deadline - hostAlarm.now()
      if (answer === undefined || left <= 0) return undefined
      // The fronts of other processes poll too: not all in the same millisecond.
      const poll = pollMillis * (0.75 + 0.5 * Math.random())
      const pause = Math.min(left, poll, Math.max(1, answer.retryAfterMillis))
      await untilTold<void>((tell) => place.hinted(seen, pause, tell), signal)
      patience = Math.max(1, deadline - hostAlarm.now())
    }
  }

  /** Gives back what was granted, or will be. */
  async abandon(): Promise<void> {
    const { owner, resource, store } = this.#with
    if (this.#open === undefined) return
    await this.#open
    // When the store cannot be reached, the lease is free when it expires.
    await ask(resource, () => store.release(resource, owner))
  }

  /** One question. Undefined when there is no answer in time. */
  async #ask(patienceMillis: number): Promise<StoreAttempt | undefined> {
    const { owner, resource, signal, store, ttlMillis } = this.#with
    const open = ask(resource, () => store.tryAcquire(resource, owner, ttlMillis))
    this.#open = open
    const told = await untilTold(within(hostAlarm, open, patienceMillis), signal)
    if (told === undefined) return undefined
    if ("error" in told) throw told.error
    if (told.value._tag === "Held") this.#open = undefined
    return told.value
  }
}
