/**
 * A lease while it is held: renewed each third of its time to live, and known to be lost as soon as it may be.
 *
 * A renewal that fails is tried again, soon, as long as the lease lasts; one that hangs does not make it last longer.
 */
import { Cause, Deferred, Effect, Either, Fiber, type Scope } from "effect"
import * as Kernel from "../kernel/concurrency/Lease.ts"
import { awaitWithin } from "./AwaitWithin.ts"
import { LeaseLost } from "./LockErrors.ts"
import type { LeaseEvent } from "./LockEvents.ts"
import type { LockStoreService } from "./LockStore.ts"
import type { TimersService } from "./Timers.ts"

export interface Lease {
  readonly resource: string
  /** Greater than that of every grant of this resource before it. */
  readonly token: Kernel.FencingToken
  /** Fails once the lease is lost. It asks the clock only, so it may stand before each write. */
  readonly ensureHeld: Effect.Effect<void, LeaseLost>
  /** Suspends until the lease is lost or released. */
  readonly lost: Effect.Effect<LeaseLost>
  /** Runs the effect while the lease is held; interrupts it, and fails, when it is lost. */
  readonly guard: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LeaseLost, R>
}

export interface Keeping {
  readonly store: LockStoreService
  readonly timers: TimersService
  /** Where renewals run, and releases that take longer than anyone waits. */
  readonly scope: Scope.Scope
  readonly resource: string
  readonly owner: string
  readonly lease: Kernel.Lease
  /** Once, when it is lost or released. */
  readonly onEnd: () => void
  readonly tell: (event: LeaseEvent) => void
}

/** The longest that the end of a scope waits for the store, in milliseconds. The release goes on behind it. */
const RELEASE_WAIT_MILLIS = 5_000

/** Starts renewing. `close` releases. To be run with interruption off. */
export const keep = (keeping: Keeping): Effect.Effect<Lease & { readonly close: Effect.Effect<void> }> => {
  const { lease, onEnd, owner, resource, scope, store, tell, timers } = keeping
  const { token } = lease
  const loss = (reason: Kernel.LossReason): LeaseLost => new LeaseLost({ resource, token, reason })

  const release = store.release(resource, owner).pipe(
    Effect.matchCause({
      onSuccess: (released) => {
        if (released && lease.lost === "released") tell({ _tag: "Released", resource, token })
      },
      onFailure: (cause) => {
        const failure = Cause.failureOrCause(cause)
        if (failure._tag === "Left") tell({ _tag: "ReleaseFailed", resource, token, error: failure.left })
      },
    }),
  )

  return Effect.gen(function* () {
    const lost = yield* Deferred.make<LeaseLost>()
    let ended = false

    const end = (reason: Kernel.LossReason): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (ended) return Effect.void
        ended = true
        const final = Kernel.lose(lease, reason, timers.now())
        if (final !== "released") tell({ _tag: "Lost", resource, token, reason: final })
        onEnd()
        return Deferred.succeed(lost, loss(final))
      })

    /** Asks for a renewal, for no longer than the lease lasts. */
    const renew = Effect.gen(function* () {
      const askedAt = timers.now()
      const asking = yield* Effect.fork(store.renew(resource, owner, lease.ttlMillis))
      const exit = yield* awaitWithin(asking, lease.heldUntilMillis - askedAt, timers)
      if (exit === undefined) {
        yield* Fiber.interruptFork(asking)
        return "expired"
      }
      const renewed = yield* Effect.either(exit)
      if (Either.isLeft(renewed)) {
        tell({ _tag: "RenewalFailed", resource, token, error: renewed.left })
        return "failed"
      }
      if (!renewed.right) return "refused"
      if (!Kernel.prolong(lease, askedAt, timers.now())) return "expired"
      tell({ _tag: "Renewed", resource, token })
      return "renewed"
    })

    const renewing = Effect.gen(function* () {
      let state: "renewed" | "failed" | Kernel.LossReason = "renewed"
      while (state === "renewed" || state === "failed") {
        yield* timers.sleep(Kernel.renewAfterMillis(lease, timers.now(), state === "failed"))
        state = Kernel.lossOf(lease, timers.now()) ?? (yield* renew)
      }
      yield* end(state)
      // What the store may still think to be held, by a renewal whose answer came too late.
      yield* release
    })

    /** Gives the lease back. `fork` says where the release goes on when it takes longer than anyone waits. */
    const letGo = (fork: typeof Effect.forkDaemon) =>
      Effect.gen(function* () {
        if (Kernel.lossOf(lease, timers.now()) === undefined) lease.lost = "released"
        const releasing = yield* fork(Effect.interruptible(release))
        const exit = yield* awaitWithin(releasing, RELEASE_WAIT_MILLIS, timers)
        yield* end("released")
        return exit === undefined ? releasing : undefined
      })

    let closing = false
    // Interrupted by nobody who closes the lease: the service itself ends, and nobody would renew any more.
    const orphaned = Effect.suspend(() =>
      closing
        ? Effect.void
        : Effect.flatMap(letGo(Effect.forkDaemon), (late) => (late ? Fiber.interruptFork(late) : Effect.void)),
    )
    // Interruption is off here, and so in the fiber until it renews: it may be interrupted before it has begun.
    const renewals = yield* Effect.forkIn(
      Effect.onInterrupt(Effect.interruptible(renewing), () => orphaned),
      scope,
    )

    const ensureHeld = Effect.suspend(() => {
      const reason = Kernel.lossOf(lease, timers.now())
      return reason === undefined ? Effect.void : Effect.fail(loss(reason))
    })

    const close = Effect.gen(function* () {
      closing = true
      yield* Fiber.interrupt(renewals)
      yield* letGo(Effect.forkIn(scope))
    })

    return {
      resource,
      token,
      ensureHeld,
      lost: Deferred.await(lost),
      guard: (self) =>
        Effect.zipRight(ensureHeld, Effect.raceFirst(self, Effect.flatMap(Deferred.await(lost), Effect.fail))),
      close,
    }
  })
}
