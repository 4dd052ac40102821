/**
 * The states of a stream's keys: one aggregate each, due in EVENT time.
 *
 * "Due" is the moment of the stream at which something happens to the key next, and it is claimed with the watermark as
 * the present. So a batch touches its own keys and those that it made due, however many others there are. The rank of
 * a key is its shard. Everything here happens behind the shard's gate.
 */
import { type Context, Effect, Option, type Schema } from "effect"
import type { AggregateStore, Stored } from "../consistency/AggregateStore.ts"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import { StateCodec } from "./StateCodec.ts"
import { overtaken } from "./StreamGate.ts"

type Store = Context.Tag.Service<typeof AggregateStore>

/** What is stored of a key; a key of which nothing is stored has version 0 and no state. */
export interface LoadedKey<S> {
  readonly id: string
  readonly version: number
  readonly state: S | undefined
  /** In event time, whole milliseconds; null when nothing will happen by itself. */
  readonly dueAtMs: number | null
}

/** A state, and when it is due. */
export interface NextKey<S> {
  readonly state: S
  readonly dueAtMs: number | null
}

export class KeyStates<S, I> {
  readonly #store: Store
  readonly #kind: string
  readonly #codec: StateCodec<S, I>

  constructor(store: Store, kind: string, schema: Schema.Schema<S, I>) {
    this.#store = store
    this.#kind = kind
    this.#codec = new StateCodec(schema)
  }

  load(id: string): Effect.Effect<LoadedKey<S>, StorageError> {
    return Effect.flatMap(
      this.#store.get(this.#kind, id),
      Option.match({
        onNone: () => Effect.succeed({ id, version: 0, state: undefined, dueAtMs: null }),
        onSome: (stored) => this.#read(stored),
      }),
    )
  }

  /** Each of these keys once. */
  loadAll(ids: Iterable<string>): Effect.Effect<ReadonlyArray<LoadedKey<S>>, StorageError> {
    return Effect.forEach(new Set(ids), (id) => this.load(id))
  }

  /**
   * Up to `limit` keys of the shard that are due when event time has come to `atMillis`, longest due first. Each must be
   * written in the same unit.
   */
  claim(
    shard: number,
    atMillis: number,
    limit: number,
  ): Effect.Effect<ReadonlyArray<LoadedKey<S>>, StorageError, Transaction> {
    // Nobody sees the time that the claim gives them: the unit writes them before it ends.
    const claim = { nowMs: atMillis, untilMs: atMillis + 1, limit }
    return Effect.flatMap(this.#store.claim(this.#kind, shard, claim), (due) =>
      Effect.forEach(due, (stored) => this.#read(stored)),
    )
  }

  /** A key without a next state is removed. */
  write(
    shard: number,
    { id, version }: Pick<LoadedKey<S>, "id" | "version">,
    next: NextKey<S> | undefined,
  ): Effect.Effect<void, StorageError, Transaction> {
    if (next === undefined && version === 0) return Effect.void
    return Effect.catchTag(this.#put(shard, id, version, next), "VersionConflict", overtaken)
  }

  /** When the first of all keys is due, in event time; null when none ever is. */
  get nextDueAtMillis(): Effect.Effect<number | null, StorageError> {
    return this.#store.nextDueAtMs(this.#kind)
  }

  #put(shard: number, id: string, version: number, next: NextKey<S> | undefined) {
    if (next === undefined) return this.#store.remove(this.#kind, id, version)
    const stored = { state: this.#codec.encode(next.state), dueAtMs: next.dueAtMs, rank: shard }
    return version === 0
      ? this.#store.insert(this.#kind, id, stored)
      : Effect.asVoid(this.#store.update(this.#kind, id, version, stored))
  }

  #read({ dueAtMs, id, state, version }: Stored): Effect.Effect<LoadedKey<S>, StorageError> {
    return Effect.map(this.#codec.decode(this.#kind, id, state), (state) => ({ id, version, state, dueAtMs }))
  }
}
