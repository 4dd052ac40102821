/**
 * Several stores behind one map: a key's reads and units of work go to the shard that owns it, and a slot moves from one
 * shard to another without losing a write.
 *
 * A move copies while the owner still takes writes, then freezes the slot, waits for the units that are under way, copies
 * what changed since, and switches. Meanwhile writes fail with `SlotFrozen`, which may be tried again; reads go on. What
 * goes wrong before the switch aborts the move, and the owner stays what it was.
 *
 * One process moves and knows its own units. Where several route to the same stores, give `fence`: it runs inside each
 * unit and refuses an epoch that the store knows to be over, so that a process with an old map writes nothing.
 *
 * @example
 * const shards = yield* Shards.make({ map: ShardMap.byRegion({ eu: "paris", us: "boston" }, "eu"), stores })
 * yield* shards.write({ key: athleteId, region }, Command.execute(Bikes, bikeId, ride(metres)))
 * yield* shards.move("region/us", "paris", { copy: copyAll, catchUp: copyChanged })
 */
import { type Context, Deferred, Effect, Exit, Schema } from "effect"
import * as Kernel from "../kernel/consistency/ShardMap.ts"
import { type StorageError, type Transaction, UnitOfWork } from "./UnitOfWork.ts"

/** The map has no slot for the key, or no store for its owner. */
export class NoShard extends Schema.TaggedError<NoShard>("paceline/NoShard")("NoShard", { what: Schema.String }) {
  /** The same again would fail again. */
  get retryable(): boolean {
    return false
  }
  override get message(): string {
    return `The shard map has nothing for ${this.what}`
  }
}

/** The slot is being moved, and takes no writes for a moment. Try again. */
export class SlotFrozen extends Schema.TaggedError<SlotFrozen>("paceline/SlotFrozen")("SlotFrozen", {
  slot: Schema.String,
  retryAfterMillis: Schema.Number,
}) {
  override get message(): string {
    return `"${this.slot}" is moving to another shard. Try again in ${this.retryAfterMillis} ms`
  }
}

/** The slot is on the move already, or where it should go. */
export class MoveRefused extends Schema.TaggedError<MoveRefused>("paceline/MoveRefused")("MoveRefused", {
  slot: Schema.String,
  step: Schema.String,
  phase: Schema.String,
}) {
  /** The same again would fail again. */
  get retryable(): boolean {
    return false
  }
  override get message(): string {
    return `"${this.slot}" is ${this.phase}: it cannot ${this.step.toLowerCase()} now`
  }
}

/** The services of one shard. */
export type Store<R> = Context.Context<R | UnitOfWork>

export interface Options<R> {
  readonly map: Kernel.ShardMap
  /** Each shard's services, by its name in the map. */
  readonly stores: ReadonlyMap<string, Store<R>>
  /** Keeps each new map before it is acted on; the next start begins with the last one that was kept. */
  readonly save?: (map: Kernel.ShardMap) => Effect.Effect<void, StorageError>
  /**
   * Runs first in every unit: fails when the store knows that the route's epoch is over. Where units run side by side
   * (PostgreSQL) it has to hold what it looked at until the unit commits, as with a shared lock on the row.
   */
  readonly fence?: (route: Kernel.Route) => Effect.Effect<void, StorageError | SlotFrozen, R | Transaction>
}

/** What a move has to do, with the services of the one shard and those of the other. */
export interface Mover<R, E1, R1, E2, R2> {
  /** Copies what is there; writes go on meanwhile. */
  readonly copy: (from: Store<R>, to: Store<R>) => Effect.Effect<void, E1, R1>
  /** Copies what changed since; nobody writes meanwhile. */
  readonly catchUp: (from: Store<R>, to: Store<R>) => Effect.Effect<void, E2, R2>
}

/** What a unit needs besides its shard's services and its transaction. */
type ShardNeeds<R2, R> = Exclude<Exclude<R2 | R | Transaction, Transaction> | UnitOfWork, R | UnitOfWork>

export interface Shards<R> {
  /** The map as it is now. */
  readonly map: Effect.Effect<Kernel.ShardMap>
  /** Runs the effect with the services of the key's shard. */
  readonly read: <A, E, R2>(
    key: Kernel.ShardKey,
    effect: Effect.Effect<A, E, R2>,
  ) => Effect.Effect<A, E | NoShard, Exclude<R2, R | UnitOfWork>>
  /** Runs it as a unit of work of the key's shard. Nothing in it may wait for anything but that store. */
  readonly write: <A, E, R2>(
    key: Kernel.ShardKey,
    unit: Effect.Effect<A, E, R2>,
  ) => Effect.Effect<A, E | NoShard | SlotFrozen | StorageError, ShardNeeds<R2, R>>
  /** Moves a slot, from the plan to the switch; when it fails or is interrupted before that, nothing has moved. */
  readonly move: <E1, R1, E2, R2>(
    slot: string,
    to: string,
    mover: Mover<R, E1, R1, E2, R2>,
  ) => Effect.Effect<void, E1 | E2 | NoShard | MoveRefused | StorageError, R1 | R2>
  /** Calls off a move that a process left behind when it died. */
  readonly abort: (slot: string) => Effect.Effect<void, MoveRefused | StorageError>
}

/** A freeze is as long as the last copy takes. */
const RETRY_AFTER_MILLIS = 100

export const make = <R>({ fence, map: first, save, stores }: Options<R>): Effect.Effect<Shards<R>> =>
  Effect.gen(function* () {
    let map = first
    const oneStepAtATime = yield* Effect.makeSemaphore(1)
    const units = new UnitsUnderWay()

    const storeOf = (shard: string): Effect.Effect<Store<R>, NoShard> => {
      const store = stores.get(shard)
      return store === undefined ? Effect.fail(new NoShard({ what: `the shard "${shard}"` })) : Effect.succeed(store)
    }

    const routed = (key: Kernel.ShardKey) =>
      Effect.gen(function* () {
        const route = Kernel.route(map, key)
        if (route === undefined) return yield* new NoShard({ what: `the key "${key.key}"` })
        return { route, store: yield* storeOf(route.owner) }
      })

    /** Like `routed`, and counted among the units under way before anything else can happen. */
    const entered = (key: Kernel.ShardKey) =>
      Effect.tap(routed(key), ({ route }) => {
        if (!route.writable) return new SlotFrozen({ slot: route.slot, retryAfterMillis: RETRY_AFTER_MILLIS })
        return Effect.sync(() => units.enter(route.slot))
      })

    /** Once begun it is finished: a map is never kept without being acted on. */
    const take = (slot: string, step: Kernel.Step): Effect.Effect<void, MoveRefused | StorageError> =>
      Effect.gen(function* () {
        const taken = Kernel.step(map, slot, step)
        if (taken._tag === "Refused") return yield* new MoveRefused({ slot, step: step._tag, phase: taken.phase })
        if (save !== undefined) yield* save(taken.map)
        map = taken.map
      }).pipe(oneStepAtATime.withPermits(1), Effect.uninterruptible)

    const abort = (slot: string) => take(slot, { _tag: "Abort" })

    return {
      map: Effect.sync(() => map),
      read: (key, effect) => Effect.flatMap(routed(key), ({ store }) => Effect.provide(effect, store)),
      write: (key, unit) =>
        Effect.acquireUseRelease(
          entered(key),
          ({ route, store }) => {
            const fenced = fence === undefined ? Effect.void : fence(route)
            return Effect.provide(UnitOfWork.run(Effect.zipRight(fenced, unit)), store)
          },
          ({ route }) => units.leave(route.slot),
        ),
      move: (slot, to, mover) =>
        Effect.gen(function* () {
          const found = Kernel.slotAt(map, slot)
          if (found === undefined) return yield* new NoShard({ what: `the slot "${slot}"` })
          const source = yield* storeOf(found.owner)
          const target = yield* storeOf(to)
          yield* take(slot, { _tag: "Plan", to })
          yield* Effect.gen(function* () {
            yield* take(slot, { _tag: "Copy" })
            yield* mover.copy(source, target)
            yield* take(slot, { _tag: "Freeze" })
            yield* units.none(slot)
            yield* mover.catchUp(source, target)
            yield* take(slot, { _tag: "Switch" })
          }).pipe(
            Effect.onExit((exit) =>
              Exit.isSuccess(exit)
                ? Effect.void
                : Effect.catchAll(abort(slot), (error) =>
                    Effect.logError("A move that failed could not be aborted; its slot takes no writes.", error),
                  ),
            ),
          )
        }).pipe(Effect.withSpan("Shards.move", { attributes: { slot, to } })),
      abort,
    }
  })

/** The units that are running, by slot, and who waits until there are none. */
class UnitsUnderWay {
  readonly #running = new Map<string, number>()
  readonly #waiting = new Map<string, Deferred.Deferred<void>>()

  enter(slot: string): void {
    this.#running.set(slot, (this.#running.get(slot) ?? 0) + 1)
  }

  leave(slot: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const left = (this.#running.get(slot) ?? 1) - 1
      if (left > 0) {
        this.#running.set(slot, left)
        return Effect.void
      }
      this.#running.delete(slot)
      const waiting = this.#waiting.get(slot)
      this.#waiting.delete(slot)
      return waiting === undefined ? Effect.void : Deferred.succeed(waiting, undefined)
    })
  }

  /** Waits until none is running. Only the mover of the slot asks, so there is one that waits. */
  none(slot: string): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      if (!this.#running.has(slot)) return
      const waiting = yield* Deferred.make<void>()
      this.#waiting.set(slot, waiting)
      yield* Deferred.await(waiting)
    })
  }
}
