/**
 * A claimed aggregate, in the hands of its handler: how it is changed, and how it is known to be lost.
 *
 * All that a handler does with it goes through `settle`: one unit of work that holds the change under the version of
 * the claim, and whatever else belongs to it. Whoever was overtaken (a worker that was paused for longer than its lease)
 * is refused there, and nothing that stood in the unit happens.
 */
import { Cause, Deferred, Effect, identity, Option, Schema } from "effect"
import type { AggregateStore, NewState, Stored } from "../consistency/AggregateStore.ts"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import type { StorageError, Transaction, UnitOfWork } from "../consistency/UnitOfWork.ts"
import type { SharedUnits } from "./SharedUnits.ts"

/** Another has the aggregate now, or it was changed from outside. What this handler wanted to write was not written. */
export class ClaimLost extends Schema.TaggedError<ClaimLost>("paceline/ClaimLost")("ClaimLost", {
  kind: Schema.String,
  id: Schema.String,
}) {
  override get message(): string {
    return `The claim on ${this.kind} "${this.id}" is lost: its lease ran out, or it was changed meanwhile`
  }
}

/** What may become of the aggregate, inside the unit that settles it. Exactly one of them, once. */
export interface Change {
  /** Stores a new state; the claim stays held. For work of several steps. */
  readonly keep: (state: unknown) => Effect.Effect<void, StorageError | ClaimLost, Transaction>
  /** Ends the claim: it becomes due when it says. */
  readonly release: (next: NewState) => Effect.Effect<void, StorageError | ClaimLost, Transaction>
  /** Ends it: finished, out of the way. */
  readonly archive: (finalState: unknown, atMs: number) => Effect.Effect<void, StorageError | ClaimLost, Transaction>
  readonly remove: Effect.Effect<void, StorageError | ClaimLost, Transaction>
}

export interface Claim {
  readonly kind: string
  readonly id: string
  readonly rank: number
  /** As it was when claimed (and marked), or as it was kept last. */
  readonly state: unknown
  /**
   * Runs `unit` in one unit of work that must use one of the changes, and answers when it is durable. What the unit
   * does happens only if the claim is still in force. A unit that fails changes nothing, and the claim stays held.
   * Keep it shorter than the lease: there is no renewal while it runs.
   */
  readonly settle: <A, E, R>(
    unit: (change: Change) => Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E | StorageError | ClaimLost, Exclude<R, Transaction>>
  /**
   * The same in a unit of work that it shares with others that settle at the moment, for a fraction of the cost: for
   * what only stores, and quickly. It cannot be interrupted, and may run more than once (see `SharedUnits`).
   */
  readonly settleTogether: <A, E>(
    unit: (change: Change) => Effect.Effect<A, E, Transaction>,
  ) => Effect.Effect<A, E | StorageError | ClaimLost>
}

type Ending = { readonly _tag: "Kept"; readonly version: number; readonly state: unknown } | { readonly _tag: "Over" }

const OVER: Ending = { _tag: "Over" }

type StoreService = typeof AggregateStore.Service
type WorkService = typeof UnitOfWork.Service

/** What claims of one loop share. */
export interface Claiming {
  readonly store: StoreService
  readonly work: WorkService
  readonly units: SharedUnits
  /** One that is given now. */
  readonly lease: () => Lease
}

/** When it is over: by the due times, and by this process's monotonic clock. */
export interface Lease {
  readonly untilMs: number
  readonly untilMonotonic: number
}

/** The claim as the loop that took it sees it. */
export class HeldClaim implements Claim {
  readonly kind: string
  readonly id: string
  readonly rank: number
  state: unknown
  version: number
  /** Until when this process may believe that it holds the claim, by its monotonic clock. */
  heldUntil: number
  phase: "held" | "settling" | "over" | "lost" = "held"
  /** Set while it is being renewed. */
  #renewal: Deferred.Deferred<void> | undefined
  readonly #claiming: Claiming

  constructor(claiming: Claiming, stored: Stored, heldUntil: number) {
    this.#claiming = claiming
    this.kind = stored.kind
    this.id = stored.id
    this.rank = stored.rank
    this.state = stored.state
    this.version = stored.version
    this.heldUntil = heldUntil
  }

  get isRenewable(): boolean {
    return this.phase === "held" && this.#renewal === undefined
  }

  beginRenewal(done: Deferred.Deferred<void>): void {
    this.#renewal = done
  }

  /** `version` is undefined when the claim turned out to be lost; `heldUntil` when it is not known. */
  endRenewal(renewed: { readonly version: number; readonly heldUntil: number } | "lost" | "failed"): void {
    this.#renewal = undefined
    if (renewed === "lost") this.phase = "lost"
    else if (renewed !== "failed") {
      this.version = renewed.version
      this.heldUntil = renewed.heldUntil
    }
  }

  /** This process took it a second time, because its lease seemed to be over: the newer version is the one in force. */
  adopt(stored: Stored, heldUntil: number): void {
    this.version = stored.version
    this.heldUntil = heldUntil
  }

  settle<A, E, R>(
    unit: (change: Change) => Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E | StorageError | ClaimLost, Exclude<R, Transaction>> {
    const { work } = this.#claiming
    return Effect.uninterruptibleMask((restore) => this.#attempt(unit, (body) => restore(work.run(body)), restore))
  }

  settleTogether<A, E>(
    unit: (change: Change) => Effect.Effect<A, E, Transaction>,
  ): Effect.Effect<A, E | StorageError | ClaimLost> {
    const { units } = this.#claiming
    return Effect.uninterruptible(this.#attempt(unit, units.join, identity))
  }

  /** `run` runs the body in a unit of work, `wait` waits until a renewal is through. `last`: it is not made again. */
  #attempt<A, E, R, B, R2>(
    unit: (change: Change) => Effect.Effect<A, E, R>,
    run: (body: Effect.Effect<A, E, R>) => Effect.Effect<A, B, R2>,
    wait: (renewal: Effect.Effect<void>) => Effect.Effect<void>,
    last = false,
  ): Effect.Effect<A, B | ClaimLost, R2> {
    return Effect.suspend(() => {
      if (this.#renewal !== undefined) {
        return Effect.zipRight(wait(Deferred.await(this.#renewal)), this.#attempt(unit, run, wait, last))
      }
      if (this.phase !== "held") return Effect.fail(this.#lost())
      this.phase = "settling"
      const { untilMonotonic, untilMs } = this.#claiming.lease()
      const { version } = this
      let ending: Ending | undefined
      const change = this.#changes(untilMs, (ended) => {
        ending = ended
      })
      const body = Effect.suspend(() => {
        ending = undefined
        return Effect.flatMap(unit(change), (answer) =>
          ending === undefined ? Effect.die(new UnsettledUnit()) : Effect.succeed(answer),
        )
      })
      return Effect.matchCauseEffect(run(body), {
        onFailure: (cause) => {
          const isRefused = isLost(cause, this)
          // This process took it a second time meanwhile: it was refused by its own newer version, and is tried with that.
          const isAdopted = isRefused && this.version !== version
          this.phase = isRefused && !isAdopted ? "lost" : "held"
          return isAdopted && !last ? this.#attempt(unit, run, wait, true) : Effect.failCause(cause)
        },
        onSuccess: (answer) => {
          this.phase = "held"
          this.#end(ending, untilMonotonic)
          return Effect.succeed(answer)
        },
      })
    })
  }

  #end(ending: Ending | undefined, untilMonotonic: number): void {
    if (ending === undefined || ending._tag === "Over") {
      this.phase = "over"
      return
    }
    this.version = ending.version
    this.state = ending.state
    this.heldUntil = untilMonotonic
  }

  #changes(untilMs: number, end: (ending: Ending) => void): Change {
    const { id, kind } = this
    const { store } = this.#claiming
    const over = () => end(OVER)
    const fenced = <A>(written: Effect.Effect<A, StorageError | VersionConflict, Transaction>, then: (a: A) => void) =>
      Effect.mapBoth(written, {
        onFailure: (error) => (error instanceof VersionConflict ? this.#lost() : error),
        onSuccess: then,
      })
    const removed = () => Effect.suspend(() => fenced(store.remove(kind, id, this.version), over))
    return {
      keep: (state) =>
        fenced(store.update(kind, id, this.version, { state, dueAtMs: untilMs }), (version) =>
          end({ _tag: "Kept", version, state }),
        ),
      release: (next) => fenced(store.update(kind, id, this.version, next), over),
      archive: (finalState, atMs) => fenced(store.archive(kind, id, this.version, finalState, atMs), over),
      get remove() {
        return removed()
      },
    }
  }

  #lost(): ClaimLost {
    return new ClaimLost({ kind: this.kind, id: this.id })
  }
}

/** The unit wrote without changing the claimed aggregate, so nothing would have fenced it: a programming mistake. */
class UnsettledUnit extends Error {
  override readonly name = "UnsettledUnit"
  constructor() {
    super("A unit that settles a claim must keep, release, archive or remove what was claimed. It was rolled back.")
  }
}

const isLost = (cause: Cause.Cause<unknown>, claim: { readonly kind: string; readonly id: string }): boolean => {
  const error = Option.getOrUndefined(Cause.failureOption(cause))
  return error instanceof ClaimLost && error.kind === claim.kind && error.id === claim.id
}
