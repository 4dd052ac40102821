/**
 * An aggregate: what changes as a whole, with a version that each change raises.
 *
 * `make` says once where its states lie, what they are, what becomes of a write that was overtaken, and where its events
 * go. `Command.execute` does the rest; `load`, `insert` and `update` are for what it is too narrow for. A write
 * names the version that it was decided on, and is refused with `VersionConflict` when that has moved.
 *
 * @example
 * const Bikes = Aggregate.make({
 *   kind: "gear/bike",
 *   state: Bike,
 *   onConflict: Conflict.merge({ metres: "sum" }),
 *   records: (events: ReadonlyArray<BikeEvent>, id) => [
 *     EventLog.records(Gear, events.map((event) => ({ key: id, event }))),
 *   ],
 * })
 */
import { Effect, Either, Option, ParseResult, Schema } from "effect"
import type { Strategy } from "../kernel/consistency/Conflict.ts"
import { reject } from "../kernel/consistency/Conflict.ts"
import { AggregateStore, type Found, type NewState } from "./AggregateStore.ts"
import type { TopicRecords } from "./NewRecord.ts"
import type { VersionConflict } from "./OptimisticLock.ts"
import * as PlainData from "./PlainData.ts"
import { StorageError, type Transaction } from "./UnitOfWork.ts"

export interface Options<S, I, Ev> {
  /** The namespace of its ids, and its name in errors. */
  readonly kind: string
  /** Encodes states to JSON data. A stored state that does not fit fails as `StorageError`, reason corrupt. */
  readonly state: Schema.Schema<S, I>
  /**
   * What becomes of a command that was sent by who saw an older version. Fields are those of the encoded state.
   * `Conflict.reject` if not given: nothing that somebody has not seen is overwritten.
   */
  readonly onConflict?: Strategy<Extract<keyof I, string>>
  /** The state of an id that is not stored yet. If not given, commands to such an id fail. */
  readonly initial?: (id: string) => S
  /** What the log is told of events, in the unit of work that writes the state. Pure. Nothing if not given. */
  readonly records?: (events: ReadonlyArray<Ev>, id: string) => ReadonlyArray<TopicRecords>
}

export interface Aggregate<S, I, Ev = never> {
  readonly kind: string
  readonly onConflict: Strategy
  readonly initial: ((id: string) => S) | undefined
  readonly records: (events: ReadonlyArray<Ev>, id: string) => ReadonlyArray<TopicRecords>
  readonly encode: (state: S) => I
  readonly decode: (stored: unknown) => Either.Either<S, ParseResult.ParseError>
}

export const make = <S, I, Ev = never>(options: Options<S, I, Ev>): Aggregate<S, I, Ev> => ({
  kind: options.kind,
  onConflict: options.onConflict ?? reject,
  initial: options.initial,
  records: options.records ?? (() => []),
  encode: PlainData.encoder(options.state),
  decode: PlainData.decoder(options.state),
})

/** No such id is stored, or only in the archive. */
export class AggregateNotFound extends Schema.TaggedError<AggregateNotFound>("paceline/AggregateNotFound")(
  "AggregateNotFound",
  { aggregate: Schema.String, id: Schema.String, archived: Schema.Boolean },
) {
  /** The same again would fail again. */
  get retryable(): boolean {
    return false
  }
  override get message(): string {
    return this.archived
      ? `${this.aggregate} "${this.id}" is finished and in the archive: it does not change any more`
      : `There is no ${this.aggregate} "${this.id}"`
  }
}

/** A state, and what a write has to name. */
export interface Loaded<S> {
  readonly id: string
  readonly state: S
  /** As it is stored: JSON data. */
  readonly stored: unknown
  /** 0 when it is not stored yet. */
  readonly version: number
  readonly dueAtMs: number | null
}

/** Milliseconds since the epoch at which a worker should look at it (null: never), and its rank in that; see `NewState`. */
export type Due = Partial<Pick<NewState, "dueAtMs" | "rank">>

/** Inside a unit of work it sees what the unit has written; outside, what is committed. */
export const load = <S, I, Ev>(
  aggregate: Aggregate<S, I, Ev>,
  id: string,
): Effect.Effect<Loaded<S>, StorageError | AggregateNotFound, AggregateStore> =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const stored = Option.getOrNull(yield* store.get(aggregate.kind, id))
    const isArchived = stored === null && Option.isSome(yield* store.getArchived(aggregate.kind, id))
    return yield* read(aggregate, id, { stored, isArchived })
  })

/** What the store found, as the aggregate reads it. */
export const read = <S, I, Ev>(
  aggregate: Aggregate<S, I, Ev>,
  id: string,
  { isArchived, stored }: Found,
): Either.Either<Loaded<S>, StorageError | AggregateNotFound> => {
  if (stored !== null) {
    const { dueAtMs, version } = stored
    const state = aggregate.decode(stored.state)
    if (Either.isLeft(state)) return Either.left(unreadable(aggregate, id, state.left))
    return Either.right({ id, state: state.right, stored: stored.state, version, dueAtMs })
  }
  if (isArchived || aggregate.initial === undefined) {
    return Either.left(new AggregateNotFound({ aggregate: aggregate.kind, id, archived: isArchived }))
  }
  const state = aggregate.initial(id)
  return Either.right({ id, state, stored: aggregate.encode(state), version: 0, dueAtMs: null })
}

/** Fails with `VersionConflict` when the id is taken. */
export const insert = <S, I, Ev>(
  aggregate: Aggregate<S, I, Ev>,
  id: string,
  state: S,
  due: Due = {},
): Effect.Effect<Loaded<S>, StorageError | VersionConflict, Transaction | AggregateStore> => {
  const stored = aggregate.encode(state)
  const dueAtMs = due.dueAtMs ?? null
  return Effect.flatMap(AggregateStore, (store) =>
    Effect.as(store.insert(aggregate.kind, id, { ...due, state: stored, dueAtMs }), {
      id,
      state,
      stored,
      version: 1,
      dueAtMs,
    }),
  )
}

/**
 * Writes the state that was decided on what was loaded; inserts it when that was not stored yet. Keeps `due` where none is
 * given.
 */
export const update = <S, I, Ev>(
  aggregate: Aggregate<S, I, Ev>,
  loaded: Loaded<S>,
  state: S,
  due: Due = {},
): Effect.Effect<Loaded<S>, StorageError | VersionConflict, Transaction | AggregateStore> => {
  if (loaded.version === 0) return insert(aggregate, loaded.id, state, due)
  const stored = aggregate.encode(state)
  const next = { dueAtMs: loaded.dueAtMs, ...due, state: stored }
  return Effect.flatMap(AggregateStore, (store) =>
    Effect.map(store.update(aggregate.kind, loaded.id, loaded.version, next), (version) => ({
      id: loaded.id,
      state,
      stored,
      version,
      dueAtMs: next.dueAtMs,
    })),
  )
}

const unreadable = <S, I, Ev>(
  aggregate: Aggregate<S, I, Ev>,
  id: string,
  cause: ParseResult.ParseError,
): StorageError => {
  const problem = ParseResult.TreeFormatter.formatErrorSync(cause)
  const message = `The stored state of ${aggregate.kind} "${id}" cannot be read: ${problem}`
  return new StorageError({ reason: "corrupt", message, cause })
}
