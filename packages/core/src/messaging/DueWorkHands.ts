/**
 * What a loop over due work has in hand: the places, the handlers that run, the renewal of their claims, and the end.
 *
 * A handler whose claim is lost is interrupted. At the end, handlers may go on for a while, then they are interrupted, and
 * what they leave is given back, due at once.
 */
import {
  Cause,
  Deferred,
  Duration,
  Effect,
  Either,
  Exit,
  Fiber,
  FiberRef,
  FiberRefs,
  Queue,
  Runtime,
  RuntimeFlags,
} from "effect"
import type { Stored } from "../consistency/AggregateStore.ts"
import type { Place } from "./DueWorkAdmission.ts"
import { type Claim, type Claiming, HeldClaim } from "./DueWorkClaim.ts"
import type { Times } from "./DueWorkTime.ts"

export interface HandsOptions<E, R> {
  readonly concurrency: number | (() => number)
  readonly leaseMillis: number
  readonly drainMillis: number
  readonly handle: (claim: Claim) => Effect.Effect<void, E, R>
  readonly ended?: (id: string) => void
}

interface InHand {
  readonly claim: HeldClaim
  readonly fiber: Fiber.RuntimeFiber<void>
}

export class Hands<E, R> {
  /** Told when a place becomes free, and when the last handler is done. */
  readonly freed: Queue.Queue<void>
  readonly #options: HandsOptions<E, R>
  readonly #claims: Claiming
  readonly #times: Times
  /** Where handlers run, uninterruptible but for what they do: they outlive the loop until they are drained. */
  readonly #runtime: Runtime.Runtime<R>
  readonly #inHand = new Map<string, InHand>()
  /** Places that are kept for what is being claimed, or put into the store. */
  #kept = 0
  /** Nothing that is due waits for a place, as far as is known: only then a place may be given to somebody new. */
  #nobodyWaits = false
  #draining = false
  #closed = false

  static readonly make = <E, R>(options: HandsOptions<E, R>, claims: Claiming, times: Times) =>
    Effect.gen(function* () {
      const { context, fiberRefs, runtimeFlags } = yield* Effect.runtime<R>()
      // A handler that is interrupted before it has begun must end like any other.
      const flags = RuntimeFlags.disable(runtimeFlags, RuntimeFlags.Interruption)
      // Each fiber is given these two by itself.
      const own = FiberRefs.delete(FiberRefs.delete(fiberRefs, FiberRef.currentContext), FiberRef.currentRuntimeFlags)
      const runtime = Runtime.make({ context, fiberRefs: own, runtimeFlags: flags })
      return new Hands(options, claims, times, runtime, yield* Queue.sliding<void>(1))
    })

  private constructor(
    options: HandsOptions<E, R>,
    claims: Claiming,
    times: Times,
    runtime: Runtime.Runtime<R>,
    freed: Queue.Queue<void>,
  ) {
    this.#options = options
    this.#claims = claims
    this.#times = times
    this.#runtime = runtime
    this.freed = freed
  }

  /** How many more there is room for. */
  freePlaces(): number {
    const { concurrency } = this.#options
    const places = typeof concurrency === "number" ? concurrency : concurrency()
    const free = Math.max(0, Math.floor(places) - this.#inHand.size - this.#kept)
    // Who comes now waits for a claim.
    if (free === 0) this.#nobodyWaits = false
    return free
  }

  get isEmpty(): boolean {
    return this.#inHand.size === 0
  }

  has(id: string): boolean {
    return this.#inHand.has(id)
  }

  /** After a claim: whether it has brought all that is due. */
  broughtAll(all: boolean): void {
    this.#nobodyWaits = all
  }

  /** Keeps places for what is being claimed; what is returned frees them. */
  keep(places: number): () => void {
    this.#kept += places
    return () => {
      this.#kept -= places
    }
  }

  /** For what is new, if there is room and nobody waits for it. */
  place(): Place | undefined {
    if (this.#draining || !this.#nobodyWaits || this.freePlaces() === 0) return undefined
    this.#kept++
    const lease = this.#claims.lease()
    let over = false
    const end = (then: () => void): void => {
      if (over) return
      over = true
      this.#kept--
      then()
    }
    return {
      lease,
      units: this.#claims.units,
      take: (stored) => end(() => this.start(stored, lease.untilMonotonic)),
      giveUp: () => end(() => this.freed.unsafeOffer(undefined)),
    }
  }

  start(stored: Stored, heldUntil: number): void {
    const known = this.#inHand.get(stored.id)
    if (known !== undefined) {
      known.claim.adopt(stored, heldUntil)
      return
    }
    const claim = new HeldClaim(this.#claims, stored, heldUntil)
    const handling = Effect.matchCauseEffect(Effect.interruptible(Effect.suspend(() => this.#options.handle(claim))), {
      onFailure: (cause) => this.#ended(claim, cause),
      onSuccess: () => this.#ended(claim, undefined),
    })
    // Not begun in this very moment: it is in hand before it can end.
    const fiber = Runtime.runFork(this.#runtime)(handling, { immediate: false })
    this.#inHand.set(claim.id, { claim, fiber })
    // Put into the store while the loop ended: it only gives back what it got.
    if (this.#closed) Runtime.runFork(this.#runtime)(Effect.zipRight(Effect.yieldNow(), Fiber.interruptFork(fiber)))
  }

  /** `cause` is why it failed, if it did. */
  #ended(claim: HeldClaim, cause: Cause.Cause<E> | undefined): Effect.Effect<void> {
    const over = Effect.sync(() => {
      this.#inHand.delete(claim.id)
      this.freed.unsafeOffer(undefined)
      this.#options.ended?.(claim.id)
    })
    return claim.phase === "held" ? Effect.zipRight(this.#left(claim, cause), over) : over
  }

  /** It has ended, and its claim is still held. */
  #left(claim: HeldClaim, cause: Cause.Cause<E> | undefined): Effect.Effect<void> {
    const log =
      cause !== undefined && !Cause.isInterruptedOnly(cause)
        ? Effect.logWarning("A handler failed and left its claim; it is claimed again later.", cause).pipe(
            Effect.annotateLogs({ id: claim.id }),
          )
        : Effect.void
    return Effect.zipRight(
      log,
      Effect.suspend(() => (this.#draining ? this.#giveBack(claim) : Effect.void)),
    )
  }

  #giveBack(claim: HeldClaim): Effect.Effect<void> {
    const dueAtMs = this.#times.now()
    return Effect.ignore(claim.settle((change) => change.release({ state: claim.state, dueAtMs })))
  }

  /** Renews what is in hand each third of a lease, and interrupts the handlers of what is lost. */
  readonly renewing: Effect.Effect<never> = Effect.forever(
    Effect.gen(this, function* () {
      yield* Effect.sleep(Duration.millis(this.#options.leaseMillis / 3))
      yield* this.#renew
      const at = this.#times.monotonic()
      for (const { claim, fiber } of this.#inHand.values()) {
        if (claim.phase === "held" && at >= claim.heldUntil) claim.phase = "lost"
        if (claim.phase !== "lost") continue
        yield* Effect.logWarning("A claim is lost; its handler is interrupted.").pipe(
          Effect.annotateLogs({ id: claim.id }),
        )
        yield* Fiber.interruptFork(fiber)
      }
    }),
  )

  /** One unit of work for all that is in hand. */
  get #renew() {
    return Effect.gen(this, function* () {
      const claims = [...this.#inHand.values()].flatMap(({ claim }) => (claim.isRenewable ? [claim] : []))
      if (claims.length === 0) return
      const done = yield* Deferred.make<void>()
      for (const claim of claims) claim.beginRenewal(done)
      const { store, work } = this.#claims
      const { untilMonotonic: heldUntil, untilMs: dueAtMs } = this.#claims.lease()
      const exit = yield* Effect.exit(
        work.run(
          Effect.forEach(claims, ({ id, kind, state, version }) =>
            Effect.either(store.update(kind, id, version, { state, dueAtMs })),
          ),
        ),
      )
      claims.forEach((claim, index) => {
        const renewed = Exit.isSuccess(exit) ? exit.value[index] : undefined
        if (renewed === undefined) claim.endRenewal("failed")
        else if (Either.isRight(renewed)) claim.endRenewal({ version: renewed.right, heldUntil })
        else claim.endRenewal(renewed.left._tag === "VersionConflict" ? "lost" : "failed")
      })
      yield* Deferred.succeed(done, undefined)
      if (Exit.isFailure(exit)) yield* Effect.logWarning("Claims could not be renewed.", exit.cause)
    }).pipe(Effect.uninterruptible)
  }

  /** Waits for the handlers, then interrupts those that still run. What they leave is given back. */
  readonly drain: Effect.Effect<void> = Effect.gen(this, function* () {
    this.#draining = true
    const idle = Effect.gen(this, function* () {
      while (this.#inHand.size + this.#kept > 0) yield* Queue.take(this.freed)
    })
    yield* Effect.timeoutOption(Effect.interruptible(idle), Duration.millis(this.#options.drainMillis))
    this.#closed = true
    yield* Fiber.interruptAll([...this.#inHand.values()].map(({ fiber }) => fiber))
    while (this.#inHand.size > 0) yield* Queue.take(this.freed)
  })
}
