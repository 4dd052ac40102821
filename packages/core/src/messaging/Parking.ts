/**
 * Carries out `kernel/messaging/Parked`: the parked keys of one partition, in the store, and what of it a worker has to
 * know at every record, in memory.
 *
 * The store is the truth, for replays come from elsewhere; the memory is read from it again when something changed.
 */
import { Clock, type Context, Effect, Option, Schema } from "effect"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import { type StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import * as Parked from "../kernel/messaging/Parked.ts"
import type { LogRecord } from "./EventLog.ts"

export const RecordFields = {
  offset: Schema.Int,
  key: Schema.String,
  id: Schema.NullOr(Schema.String),
  payload: Schema.Unknown,
  headers: Schema.Record({ key: Schema.String, value: Schema.String }),
  appendedAtMs: Schema.Number,
} as const

const State = Schema.Struct({
  records: Schema.Array(Schema.Struct(RecordFields)),
  attempts: Schema.Int,
  unended: Schema.Int,
  error: Schema.NullOr(Schema.String),
  failedAtMs: Schema.NullOr(Schema.Number),
})

type Store = Context.Tag.Service<typeof AggregateStore>

export const isConflict = (error: unknown): error is VersionConflict => error instanceof VersionConflict

const decode = (state: unknown): Effect.Effect<Parked.Parked> => Effect.orDie(Schema.decodeUnknown(State)(state))

/** How many records a stored state holds. */
export const countOf = (state: unknown): Effect.Effect<number> =>
  Effect.map(decode(state), ({ records }) => records.length)

/** A record of the log, to be kept after the log has dropped it. */
export const copyOf = ({ appendedAtMs, headers, id, key, offset, payload }: LogRecord): Parked.ParkedRecord => ({
  offset,
  key,
  id: id ?? null,
  payload,
  headers,
  appendedAtMs,
})

/** The record that a copy was made of. */
export const recordOf = (topic: string, partition: number, copy: Parked.ParkedRecord): LogRecord => ({
  ...copy,
  id: copy.id ?? undefined,
  topic,
  partition,
})

const get = (store: Store, kind: string, key: string): Effect.Effect<Parked.Parked, StorageError> =>
  Effect.flatMap(
    store.get(kind, key),
    Option.match({ onNone: () => Effect.succeed(Parked.empty), onSome: ({ state }) => decode(state) }),
  )

/**
 * Changes what is parked of a key, inside a unit; a key of which nothing is left is gone. It is due again after
 * `dueInMillis`, at once if not given. Answers the new state.
 */
export const change = (
  store: Store,
  kind: string,
  key: string,
  next: (parked: Parked.Parked) => Parked.Parked,
  dueInMillis: number | "as it was" = 0,
): Effect.Effect<Parked.Parked, StorageError | VersionConflict, Transaction> =>
  Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    const stored = yield* store.get(kind, key)
    const before = Option.isNone(stored) ? Parked.empty : yield* decode(stored.value.state)
    const state = next(before)
    const dueAtMs =
      dueInMillis !== "as it was"
        ? nowMs + dueInMillis
        : Option.match(stored, { onNone: () => nowMs, onSome: (was) => was.dueAtMs ?? nowMs })
    if (Option.isNone(stored)) {
      if (state.records.length > 0) yield* store.insert(kind, key, { state, dueAtMs })
    } else if (state.records.length === 0) {
      yield* store.remove(kind, key, stored.value.version)
    } else {
      yield* store.update(kind, key, stored.value.version, { state, dueAtMs })
    }
    return state
  })

/** What a worker knows of a parked key. */
export interface ParkedKey {
  readonly count: number
  /** When it is to be tried again, by the steady clock. */
  readonly dueAtMillis: number
  /** At most so many of it next. */
  readonly limit: number
}

/** The parked keys of one partition. */
export class Parking {
  readonly keys = new Map<string, ParkedKey>()
  /** Records parked, over all keys. */
  total = 0
  /** The store may hold something that this does not know. */
  isStale = true
  readonly #store: Store
  readonly #kind: string

  constructor(store: Store, kind: string) {
    this.#store = store
    this.#kind = kind
  }

  /** Reads what there is. A time that lies further ahead than `longestMillis` comes of a clock that was wrong. */
  load(longestMillis: number): Effect.Effect<void, StorageError> {
    return Effect.gen(this, function* () {
      this.isStale = false
      const [nowMs, nowMillis] = [yield* Clock.currentTimeMillis, yield* steadyMillis]
      const found = new Map<string, ParkedKey>()
      let after: string | undefined
      while (true) {
        const page = yield* this.#store.list(this.#kind, { ...(after === undefined ? {} : { after }), limit: PAGE })
        for (const { dueAtMs, id, state } of page) {
          const { records } = yield* decode(state)
          const inMillis = Math.min(longestMillis, Math.max(0, (dueAtMs ?? nowMs) - nowMs))
          const limit = this.keys.get(id)?.limit ?? 1
          found.set(id, { count: records.length, dueAtMillis: nowMillis + inMillis, limit })
        }
        after = page.at(-1)?.id
        if (page.length < PAGE) break
      }
      this.keys.clear()
      this.total = 0
      for (const [key, known] of found) this.#set(key, known)
    })
  }

  get(key: string): Effect.Effect<Parked.Parked, StorageError> {
    return get(this.#store, this.#kind, key)
  }

  /** As the function `change`; known here once it is committed. */
  change(
    key: string,
    next: (parked: Parked.Parked) => Parked.Parked,
    dueInMillis: number | "as it was",
  ): Effect.Effect<Parked.Parked, StorageError | VersionConflict, Transaction> {
    return Effect.gen(this, function* () {
      const nowMillis = yield* steadyMillis
      const state = yield* change(this.#store, this.#kind, key, next, dueInMillis)
      const { afterCommit } = yield* Transaction
      afterCommit(() => {
        const before = this.keys.get(key)
        const dueAtMillis = dueInMillis === "as it was" ? (before?.dueAtMillis ?? nowMillis) : nowMillis + dueInMillis
        this.#set(key, { count: state.records.length, dueAtMillis, limit: before?.limit ?? 1 })
      })
      return state
    })
  }

  /** How many of a key to try next. */
  limit(key: string, limit: number): void {
    const known = this.keys.get(key)
    if (known !== undefined) this.keys.set(key, { ...known, limit })
  }

  /** The key that is due next, and when; undefined when nothing is parked. */
  get next(): { readonly key: string; readonly dueAtMillis: number } | undefined {
    let next: { readonly key: string; readonly dueAtMillis: number } | undefined
    for (const [key, { dueAtMillis }] of this.keys) {
      if (next === undefined || dueAtMillis < next.dueAtMillis) next = { key, dueAtMillis }
    }
    return next
  }

  #set(key: string, known: ParkedKey): void {
    this.total += known.count - (this.keys.get(key)?.count ?? 0)
    if (known.count === 0) this.keys.delete(key)
    else this.keys.set(key, known)
  }
}

const PAGE = 500

/** Milliseconds of a clock that no one sets. */
export const steadyMillis: Effect.Effect<number> = Effect.map(
  Clock.currentTimeNanos,
  (nanos) => Number(nanos / 1_000n) / 1_000,
)
