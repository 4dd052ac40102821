/**
 * How one caller asks the store for a lock: again when it may be free, and never so that a grant is lost.
 *
 * A question goes on when nobody waits for its answer any more, because the time was up or the caller was interrupted:
 * a slow store cannot hold its callers. A lease that it then brings is given back.
 */
import { Effect, Fiber, Random, type Scope } from "effect"
import type { FencingToken } from "../kernel/concurrency/Lease.ts"
import { awaitWithin } from "./AwaitWithin.ts"
import type { LockUnavailable } from "./LockErrors.ts"
import type { Place } from "./LockLines.ts"
import type { LockStoreService, StoreAttempt } from "./LockStore.ts"
import type { TimersService } from "./Timers.ts"

export interface Asking {
  readonly store: LockStoreService
  readonly timers: TimersService
  /** Where questions go on that nobody waits for. */
  readonly scope: Scope.Scope
  readonly resource: string
  readonly owner: string
  readonly ttlMillis: number
  readonly pollMillis: number
}

export interface Grant {
  readonly token: FencingToken
  /** When it was asked for, on the clock of the timers. */
  readonly askedAtMillis: number
}

/** The store has at least so long for its first answer, in milliseconds, however short the caller would wait. */
const LEAST_PATIENCE_MILLIS = 1_000

export class LockAttempts {
  readonly #with: Asking
  /** The question that was not answered yet, or with a grant. */
  #open: Fiber.RuntimeFiber<StoreAttempt, LockUnavailable> | undefined

  constructor(asking: Asking) {
    this.#with = asking
  }

  /** Asks, from the front of the line, until it is granted; undefined when the deadline came first. */
  until(deadline: number, place: Place): Effect.Effect<Grant | undefined, LockUnavailable> {
    const { pollMillis, timers } = this.#with
    const ask = (patience: number) => this.#ask(patience)
    return Effect.gen(function* () {
      let patience = Math.max(deadline - timers.now(), LEAST_PATIENCE_MILLIS)
      while (true) {
        const seen = place.hints()
        const askedAtMillis = timers.now()
        const answer = yield* ask(patience)
        if (answer?._tag === "Granted") return { token: answer.token, askedAtMillis }
        const left = deadline - timers.now()
        if (answer === undefined || left <= 0) return undefined
        // The fronts of other processes poll too: not all in the same millisecond.
        const poll = pollMillis * (0.75 + 0.5 * (yield* Random.next))
        yield* hinted(place, seen, Math.min(left, poll, Math.max(1, answer.retryAfterMillis)))
        patience = Math.max(1, deadline - timers.now())
      }
    })
  }

  /** Gives back what was granted, or will be. */
  get abandon(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#open === undefined) return Effect.void
      const { owner, resource, scope, store } = this.#with
      const giveBack = Effect.zipRight(Fiber.await(this.#open), store.release(resource, owner))
      // When the store cannot be reached, the lease is free when it expires.
      return Effect.forkIn(Effect.interruptible(Effect.ignore(giveBack)), scope)
    })
  }

  /** One question. Undefined when there is no answer in time. */
  #ask(patienceMillis: number): Effect.Effect<StoreAttempt | undefined, LockUnavailable> {
    const { owner, resource, scope, store, timers, ttlMillis } = this.#with
    const question = Effect.interruptible(store.tryAcquire(resource, owner, ttlMillis))
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen(this, function* () {
        const open = yield* Effect.forkIn(question, scope)
        this.#open = open
        const exit = yield* restore(awaitWithin(open, patienceMillis, timers))
        if (exit === undefined) return undefined
        const answer = yield* exit
        if (answer._tag === "Held") this.#open = undefined
        return answer
      }),
    )
  }
}

/** Suspends until this is the front of its line: true. False when its deadline came first. */
export const atFront = (place: Place): Effect.Effect<boolean> =>
  Effect.async((resume) => Effect.sync(place.front((front) => resume(Effect.succeed(front)))))

const hinted = (place: Place, seen: number, millis: number): Effect.Effect<void> =>
  Effect.async((resume) => Effect.sync(place.hinted(seen, millis, () => resume(Effect.void))))
