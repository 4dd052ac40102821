/**
 * The loop that finds what is due: it claims aggregates of a kind whose time has come and hands each to a handler.
 *
 * Jobs, schedules, sagas and request lifecycles stand on it. It promises:
 *
 * - **One at a time:** a claim is a lease, renewed while the handler runs. A handler whose lease is lost is interrupted,
 *   and what it wants to settle is refused. When a worker dies, its claims run out and another takes them.
 * - **No more than there is room for:** it claims as many as there are free places, so a slow handler holds nothing back
 *   from other workers, and memory is bounded.
 * - **Fair ranks:** the first rank goes first, and none is passed over for ever (kernel `FairRanks`).
 * - **In time:** it wakes by the store's hints, by the next due time, and by a poll every second, which is the truth. No
 *   fiber and no timer waits for a single aggregate.
 * - **Steady time:** a wall clock that is set runs nothing twice and puts nothing to sleep (`DueWorkTime`, and the policy
 *   in the kernel `SteadyTime`).
 * - **An orderly end:** interrupted, it claims no more, lets handlers finish for a while, then interrupts them, and
 *   gives back what is not settled, due at once.
 *
 * A handler settles its claim, whatever happens; one that ends without doing so leaves it to run out, and it is claimed
 * again after the lease. How often and when to try again is the handler's to decide.
 *
 * @example
 * DueWork.run({
 *   kind: "reminder",
 *   concurrency: 10,
 *   handle: (claim) =>
 *     Effect.zipRight(
 *       send(claim.state),
 *       claim.settle((change) => change.archive({ sent: true }, atMs)),
 *     ),
 * })
 */
import { Cause, Deferred, Duration, Effect, Either, Exit, Fiber, Queue, Random, Scope } from "effect"
import * as AggregateStore from "../consistency/AggregateStore.ts"
import { UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import * as FairRanks from "../kernel/workflow/FairRanks.ts"
import { type Claim, type Claiming, HeldClaim } from "./DueWorkClaim.ts"
import * as DueWorkTime from "./DueWorkTime.ts"

export { type Change, type Claim, ClaimLost } from "./DueWorkClaim.ts"
export { now } from "./DueWorkTime.ts"

export interface DueWorkOptions<E, R> {
  readonly kind: string
  /** The ranks to claim, the first ones first; only rank 0 if not given. */
  readonly ranks?: ReadonlyArray<number>
  /** How many may be in hand at once; a function is asked before each claim, and may say 0 to pause. */
  readonly concurrency: number | (() => number)
  /** How long a claim lasts without renewal; it is renewed after each third of it. 30 s if not given. */
  readonly leaseMillis?: number
  /** How long handlers may go on when the loop is interrupted. 10 s if not given. */
  readonly drainMillis?: number
  /**
   * What the state becomes when it is claimed, in the same commit: one more attempt, for instance, which is then counted
   * even if the handler takes the process down with it. Unchanged if not given.
   */
  readonly mark?: (state: unknown) => unknown
  /** Must settle the claim. Its failure is logged, and the claim runs out. */
  readonly handle: (claim: Claim) => Effect.Effect<void, E, R>
}

const LEASE_MILLIS = 30_000
const DRAIN_MILLIS = 10_000

/** The longest sleep. Hints and due times are for speed; this is the truth. */
const POLL_MILLIS = 1_000

/** Claims and handles until interrupted. Trouble with the store is logged and tried again. */
export const run = <E, R>(
  options: DueWorkOptions<E, R>,
): Effect.Effect<never, never, AggregateStore.AggregateStore | UnitOfWork | R> =>
  Effect.gen(function* () {
    const loop = yield* Loop.make(options)
    yield* Effect.forkScoped(loop.renewing)
    return yield* Effect.zipRight(Effect.ignore(DueWorkTime.resume), loop.claiming).pipe(
      Effect.onExit(() => loop.drain),
    )
  }).pipe(Effect.scoped, Effect.annotateLogs({ kind: options.kind }))

interface InHand {
  readonly claim: HeldClaim
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
}

class Loop<E, R> {
  readonly #options: DueWorkOptions<E, R>
  readonly #ranks: ReadonlyArray<number>
  readonly #leaseMillis: number
  readonly #store: typeof AggregateStore.AggregateStore.Service
  readonly #work: typeof UnitOfWork.Service
  readonly #claims: Claiming
  /** Where handlers run: it outlives the loop until they are drained. */
  readonly #home: Scope.Scope
  /** Told when a place becomes free, and when the last handler is done. */
  readonly #freed: Queue.Queue<void>
  readonly #inHand = new Map<string, InHand>()
  #ages: FairRanks.Ages
  #draining = false

  static readonly make = <E, R>(options: DueWorkOptions<E, R>) =>
    Effect.gen(function* () {
      const home = yield* Effect.scope
      const store = yield* AggregateStore.AggregateStore
      const work = yield* UnitOfWork
      return new Loop(options, store, work, home, yield* Queue.sliding<void>(1))
    })

  private constructor(
    options: DueWorkOptions<E, R>,
    store: typeof AggregateStore.AggregateStore.Service,
    work: typeof UnitOfWork.Service,
    home: Scope.Scope,
    freed: Queue.Queue<void>,
  ) {
    this.#options = options
    this.#ranks = options.ranks ?? [0]
    this.#ages = FairRanks.fresh(this.#ranks.length)
    this.#leaseMillis = options.leaseMillis ?? LEASE_MILLIS
    this.#store = store
    this.#work = work
    this.#home = home
    this.#freed = freed
    this.#claims = { store, work, lease: this.#lease }
  }

  get #lease() {
    return Effect.gen(this, function* () {
      const untilMonotonic = (yield* DueWorkTime.monotonic) + this.#leaseMillis
      return { untilMs: yield* DueWorkTime.leaseUntil(this.#leaseMillis), untilMonotonic }
    })
  }

  get #freePlaces(): number {
    const { concurrency } = this.#options
    const places = typeof concurrency === "number" ? concurrency : concurrency()
    return Math.max(0, Math.floor(places) - this.#inHand.size)
  }

  /** Claims what is due, again and again. */
  readonly claiming: Effect.Effect<never, never, R> = Effect.scopedWith((scope) =>
    Effect.gen(this, function* () {
      const hints = yield* Effect.provideService(this.#store.hints(this.#options.kind), Scope.Scope, scope)
      let failures = 0
      while (true) {
        // Handlers that end in the same turn free their places together, and the claim is one.
        yield* Effect.yieldNow()
        const free = this.#freePlaces
        if (free === 0) {
          yield* Effect.timeoutOption(Queue.take(this.#freed), Duration.millis(POLL_MILLIS))
          continue
        }
        const step = yield* Effect.exit(this.#step(free))
        if (Exit.isFailure(step)) {
          if (Cause.isInterruptedOnly(step.cause)) return yield* Effect.interrupt
          const delayMillis = 50 + Backoff.delayMillis(Backoff.standard, failures++, yield* Random.next)
          yield* Effect.logWarning("Due work could not be claimed; it is tried again.", step.cause).pipe(
            Effect.annotateLogs({ failures, delayMillis }),
          )
          yield* Effect.sleep(Duration.millis(delayMillis))
          continue
        }
        failures = 0
        if (step.value > 0) yield* Effect.timeoutOption(Queue.take(hints), Duration.millis(step.value))
      }
    }),
  )

  /** Claims once. How long to sleep then, in milliseconds; 0 when there may be more. */
  #step(free: number) {
    return Effect.gen(this, function* () {
      const claimed = yield* Effect.uninterruptible(this.#claim(free))
      if (claimed === free) return 0
      const nextMs = yield* this.#store.nextDueAtMs(this.#options.kind)
      const now = yield* DueWorkTime.now
      // What is due and was not claimed is not ours: of another rank, or being claimed by another.
      return nextMs === null || nextMs <= now ? POLL_MILLIS : Math.min(POLL_MILLIS, nextMs - now)
    })
  }

  /** Claims up to `free` in one unit of work, and starts their handlers. How many. */
  #claim(free: number) {
    return Effect.gen(this, function* () {
      const { untilMonotonic, untilMs } = yield* this.#lease
      const nowMs = yield* DueWorkTime.now
      const { ages, stored } = yield* this.#work.run(this.#take(free, nowMs, untilMs))
      this.#ages = ages
      for (const one of stored) yield* this.#start(one, untilMonotonic)
      if (stored.length > 0) {
        yield* Effect.ignore(
          DueWorkTime.note.pipe(
            Effect.provideService(AggregateStore.AggregateStore, this.#store),
            Effect.provideService(UnitOfWork, this.#work),
          ),
        )
      }
      return stored.length
    })
  }

  /** The body of the claiming unit: rank by rank, until all places are taken or nothing is due. */
  #take(free: number, nowMs: number, untilMs: number) {
    const { kind, mark } = this.#options
    return Effect.gen(this, function* () {
      const waiting = this.#ranks.map(() => true)
      const stored: Array<AggregateStore.Stored> = []
      let ages = this.#ages
      while (stored.length < free && waiting.includes(true)) {
        const allotment = FairRanks.allot(ages, waiting, free - stored.length)
        ages = allotment.ages
        for (const [index, limit] of allotment.places.entries()) {
          if (limit === 0) continue
          const claimed = yield* this.#store.claim(kind, this.#ranks[index] ?? 0, { nowMs, untilMs, limit })
          if (claimed.length < limit) waiting[index] = false
          for (const one of claimed) {
            stored.push(mark === undefined || this.#inHand.has(one.id) ? one : yield* this.#marked(one, mark, untilMs))
          }
        }
      }
      return { stored, ages }
    })
  }

  #marked(one: AggregateStore.Stored, mark: (state: unknown) => unknown, untilMs: number) {
    const state = mark(one.state)
    return Effect.map(
      // Claimed in this very unit: nobody can have moved its version.
      Effect.catchTag(
        this.#store.update(one.kind, one.id, one.version, { state, dueAtMs: untilMs }),
        "VersionConflict",
        Effect.die,
      ),
      (version) => ({ ...one, state, version }),
    )
  }

  #start(stored: AggregateStore.Stored, heldUntil: number) {
    return Effect.gen(this, function* () {
      const known = this.#inHand.get(stored.id)
      if (known !== undefined) return known.claim.adopt(stored, heldUntil)
      const claim = new HeldClaim(this.#claims, stored, heldUntil)
      const inHand: InHand = { claim, fiber: undefined }
      this.#inHand.set(claim.id, inHand)
      inHand.fiber = yield* Effect.suspend(() => this.#options.handle(claim)).pipe(
        Effect.interruptible,
        Effect.exit,
        Effect.flatMap((exit) => this.#ended(claim, exit)),
        Effect.uninterruptible,
        Effect.forkIn(this.#home),
      )
    })
  }

  #ended(claim: HeldClaim, exit: Exit.Exit<void, E>) {
    return Effect.gen(this, function* () {
      if (claim.phase === "held") {
        if (Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)) {
          yield* Effect.logWarning("A handler failed and left its claim; it is claimed again later.", exit.cause).pipe(
            Effect.annotateLogs({ id: claim.id }),
          )
        }
        if (this.#draining) yield* this.#giveBack(claim)
      }
      this.#inHand.delete(claim.id)
      yield* Queue.offer(this.#freed, undefined)
    })
  }

  #giveBack(claim: HeldClaim) {
    return Effect.flatMap(DueWorkTime.now, (dueAtMs) =>
      Effect.ignore(claim.settle((change) => change.release({ state: claim.state, dueAtMs }))),
    )
  }

  /** Renews what is in hand each third of a lease, and interrupts the handlers of what is lost. */
  readonly renewing: Effect.Effect<never> = Effect.forever(
    Effect.gen(this, function* () {
      yield* Effect.sleep(Duration.millis(this.#leaseMillis / 3))
      yield* this.#renew
      const at = yield* DueWorkTime.monotonic
      for (const { claim, fiber } of this.#inHand.values()) {
        if (claim.phase === "held" && at >= claim.heldUntil) claim.phase = "lost"
        if (claim.phase !== "lost" || fiber === undefined) continue
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
      const { untilMonotonic: heldUntil, untilMs: dueAtMs } = yield* this.#lease
      const exit = yield* Effect.exit(
        this.#work.run(
          Effect.forEach(claims, ({ id, kind, state, version }) =>
            Effect.either(this.#store.update(kind, id, version, { state, dueAtMs })),
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
      while (this.#inHand.size > 0) yield* Queue.take(this.#freed)
    })
    const drainMillis = this.#options.drainMillis ?? DRAIN_MILLIS
    yield* Effect.timeoutOption(Effect.interruptible(idle), Duration.millis(drainMillis))
    yield* Fiber.interruptAll([...this.#inHand.values()].flatMap(({ fiber }) => fiber ?? []))
    yield* idle
  })
}
