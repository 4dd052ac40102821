/**
 * One unit of work at a time for each shard of a stream's keys.
 *
 * Keys lie in shards, usually one for each partition, so that members in several processes work side by side. What
 * writes to keys of a shard (its partition's batches, and ticks of any member) takes the shard's gate first: it raises
 * the version of one aggregate, on which others then wait until it has committed. So nothing behind the gate is ever
 * overtaken, and no batch fails because another one was faster. The gate keeps what the shard knows as a whole.
 */
import { type Context, Effect, Option, type Schema } from "effect"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import type { VersionConflict } from "../consistency/OptimisticLock.ts"
import { StorageError, type Transaction } from "../consistency/UnitOfWork.ts"
import { StateCodec } from "./StateCodec.ts"

type Store = Context.Tag.Service<typeof AggregateStore>

/** The gate of a shard, until the unit ends. */
export interface Held<G> {
  readonly shard: number
  readonly state: G
  readonly version: number
}

export class StreamGate<G, I> {
  readonly #store: Store
  readonly #kind: string
  readonly #codec: StateCodec<G, I>
  readonly #initial: G

  constructor(store: Store, kind: string, schema: Schema.Schema<G, I>, initial: G) {
    this.#store = store
    this.#kind = kind
    this.#codec = new StateCodec(schema)
    this.#initial = initial
  }

  /** Waits, where the store lets units run side by side, until nobody else is behind the gate. */
  lock(shard: number): Effect.Effect<Held<G>, StorageError, Transaction> {
    const attempt = (left: number): Effect.Effect<Held<G>, StorageError, Transaction> =>
      Effect.catchTag(this.#attempt(shard), "VersionConflict", (conflict) =>
        left === 0 ? Effect.fail(overtaken(conflict)) : attempt(left - 1),
      )
    return attempt(ATTEMPTS)
  }

  /** What the shard knows from now on. */
  keep({ shard, version }: Held<G>, state: G): Effect.Effect<void, StorageError, Transaction> {
    const next = { state: this.#codec.encode(state), dueAtMs: null }
    return Effect.catchTag(
      Effect.asVoid(this.#store.update(this.#kind, `${shard}`, version, next)),
      "VersionConflict",
      overtaken,
    )
  }

  /** All shards that there are. Inside no unit: what is committed. */
  get all(): Effect.Effect<ReadonlyArray<{ readonly shard: number; readonly state: G }>, StorageError> {
    return Effect.flatMap(this.#store.list(this.#kind, { limit: MOST_SHARDS }), (shards) =>
      Effect.forEach(shards, ({ id, state }) =>
        Effect.map(this.#codec.decode(this.#kind, id, state), (state) => ({ shard: Number(id), state })),
      ),
    )
  }

  #attempt(shard: number): Effect.Effect<Held<G>, StorageError | VersionConflict, Transaction> {
    return Effect.gen(this, function* () {
      const id = `${shard}`
      const found = yield* this.#store.get(this.#kind, id)
      if (Option.isNone(found)) {
        const state = this.#initial
        yield* this.#store.insert(this.#kind, id, { state: this.#codec.encode(state), dueAtMs: null })
        return { shard, state, version: 1 }
      }
      const { state: stored, version } = found.value
      const held = yield* this.#store.update(this.#kind, id, version, { state: stored, dueAtMs: null })
      return { shard, state: yield* this.#codec.decode(this.#kind, id, stored), version: held }
    })
  }
}

/** Who has to wait so often in a row had better let go of everything and begin anew. */
const ATTEMPTS = 50

/** More partitions than any log has. */
const MOST_SHARDS = 100_000

/** What lies behind a gate was changed past it, by a reset for instance: nothing was written, and trying again is right. */
export const overtaken = (conflict: VersionConflict): StorageError =>
  new StorageError({ reason: "busy", message: conflict.message, cause: conflict })
