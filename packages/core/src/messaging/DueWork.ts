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
import { Cause, Duration, Effect, Exit, Queue, Random, Scope } from "effect"
import * as AggregateStore from "../consistency/AggregateStore.ts"
import { UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import * as FairRanks from "../kernel/workflow/FairRanks.ts"
import type { Admission } from "./DueWorkAdmission.ts"
import type { Claim, Claiming } from "./DueWorkClaim.ts"
import { Hands } from "./DueWorkHands.ts"
import * as DueWorkTime from "./DueWorkTime.ts"
import * as SharedUnits from "./SharedUnits.ts"

export { type Admission, make as makeAdmission, type Place } from "./DueWorkAdmission.ts"
export { type Change, type Claim, ClaimLost } from "./DueWorkClaim.ts"
export { now, type Times, timesOf } from "./DueWorkTime.ts"

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
  /** Where those who put something new into the store are given places at once. */
  readonly admission?: Admission
  /** Told when a handler has ended, whatever came of it. */
  readonly ended?: (id: string) => void
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
    const { loop, hands } = yield* make(options)
    yield* Effect.forkScoped(hands.renewing)
    return yield* Effect.zipRight(Effect.ignore(DueWorkTime.resume), loop.claiming).pipe(Effect.onExit(() => loop.end))
  }).pipe(Effect.scoped, Effect.annotateLogs({ kind: options.kind }))

const make = <E, R>(options: DueWorkOptions<E, R>) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore.AggregateStore
    const work = yield* UnitOfWork
    const times = DueWorkTime.timesOf(yield* Effect.clock)
    const { drainMillis = DRAIN_MILLIS, leaseMillis = LEASE_MILLIS } = options
    const claims: Claiming = {
      store,
      work,
      units: SharedUnits.make(work, yield* Effect.runtime()),
      lease: () => times.lease(leaseMillis),
    }
    const hands = yield* Hands.make({ ...options, leaseMillis, drainMillis }, claims, times)
    return { loop: new Loop(options, claims, times, hands), hands }
  })

class Loop<E, R> {
  readonly #options: DueWorkOptions<E, R>
  readonly #ranks: ReadonlyArray<number>
  readonly #claims: Claiming
  readonly #times: DueWorkTime.Times
  readonly #hands: Hands<E, R>
  readonly #closeDoor: () => void
  #ages: FairRanks.Ages

  constructor(options: DueWorkOptions<E, R>, claims: Claiming, times: DueWorkTime.Times, hands: Hands<E, R>) {
    this.#options = options
    this.#ranks = options.ranks ?? [0]
    this.#ages = FairRanks.fresh(this.#ranks.length)
    this.#claims = claims
    this.#times = times
    this.#hands = hands
    const { store, work } = claims
    this.#closeDoor =
      options.admission?.open({ store, work, place: () => hands.place(), holds: (id) => hands.has(id) }) ?? (() => {})
  }

  /** Claims what is due, again and again. */
  readonly claiming: Effect.Effect<never> = Effect.scopedWith((scope) =>
    Effect.gen(this, function* () {
      const { store } = this.#claims
      const hints = yield* Effect.provideService(store.hints(this.#options.kind), Scope.Scope, scope)
      let failures = 0
      while (true) {
        // Handlers that end in the same turn free their places together, and the claim is one.
        yield* Effect.yieldNow()
        const free = this.#hands.freePlaces()
        if (free === 0) {
          yield* Effect.timeoutOption(Queue.take(this.#hands.freed), Duration.millis(POLL_MILLIS))
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
        let pauseMillis = step.value
        while (pauseMillis > 0) {
          yield* Effect.timeoutOption(Queue.take(hints), Duration.millis(pauseMillis))
          // What is in hand gives hints of its own: a look is cheaper than a claim that finds nothing.
          pauseMillis = this.#hands.isEmpty ? 0 : yield* Effect.orElseSucceed(this.#pause, () => 0)
          if (pauseMillis > 0) this.#hands.broughtAll(true)
        }
      }
    }),
  )

  /** Claims once. How long to sleep then, in milliseconds; 0 when there may be more. */
  #step(free: number) {
    return Effect.gen(this, function* () {
      const claimed = yield* Effect.uninterruptible(this.#claim(free))
      const pauseMillis = yield* this.#pause
      this.#hands.broughtAll(claimed < free || pauseMillis > 0)
      // What is due and was not claimed is not ours: of another rank, or being claimed by another.
      return claimed === free || pauseMillis > 0 ? pauseMillis : POLL_MILLIS
    })
  }

  /** How long until something is due, in milliseconds; 0 when something is. */
  get #pause() {
    return Effect.map(this.#claims.store.nextDueAtMs(this.#options.kind), (nextMs) =>
      nextMs === null ? POLL_MILLIS : Math.max(0, Math.min(POLL_MILLIS, nextMs - this.#times.now())),
    )
  }

  /** Claims up to `free` in one unit of work, and starts their handlers. How many. Nobody else gets their places. */
  #claim(free: number) {
    return Effect.suspend(() => Effect.ensuring(this.#claimAndStart(free), Effect.sync(this.#hands.keep(free))))
  }

  #claimAndStart(free: number) {
    return Effect.gen(this, function* () {
      const { store, work } = this.#claims
      const { untilMonotonic, untilMs } = this.#claims.lease()
      const { ages, stored } = yield* work.run(this.#take(free, this.#times.now(), untilMs))
      this.#ages = ages
      for (const one of stored) this.#hands.start(one, untilMonotonic)
      if (stored.length > 0) {
        yield* Effect.ignore(
          DueWorkTime.note.pipe(
            Effect.provideService(AggregateStore.AggregateStore, store),
            Effect.provideService(UnitOfWork, work),
          ),
        )
      }
      return stored.length
    })
  }

  /** The body of the claiming unit: rank by rank, until all places are taken or nothing is due. */
  #take(free: number, nowMs: number, untilMs: number) {
    const { kind, mark } = this.#options
    const { store } = this.#claims
    return Effect.gen(this, function* () {
      const waiting = this.#ranks.map(() => true)
      const stored: Array<AggregateStore.Stored> = []
      let ages = this.#ages
      while (stored.length < free && waiting.includes(true)) {
        const allotment = FairRanks.allot(ages, waiting, free - stored.length)
        ages = allotment.ages
        for (const [index, limit] of allotment.places.entries()) {
          if (limit === 0) continue
          const claimed = yield* store.claim(kind, this.#ranks[index] ?? 0, { nowMs, untilMs, limit })
          if (claimed.length < limit) waiting[index] = false
          for (const one of claimed) {
            stored.push(mark === undefined || this.#hands.has(one.id) ? one : yield* this.#marked(one, mark, untilMs))
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
        this.#claims.store.update(one.kind, one.id, one.version, { state, dueAtMs: untilMs }),
        "VersionConflict",
        Effect.die,
      ),
      (version) => ({ ...one, state, version }),
    )
  }

  /** Claims no more, and brings what is in hand to an end. */
  get end(): Effect.Effect<void> {
    return Effect.zipRight(Effect.sync(this.#closeDoor), this.#hands.drain)
  }
}
