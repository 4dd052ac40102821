/**
 * What a group will never handle: letters that were dropped, and records that retention dropped unread.
 *
 * One small aggregate a partition, so that progress stays exact and a lag can be explained.
 */
import { type Context, Effect, Option, Schema } from "effect"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import type { VersionConflict } from "../consistency/OptimisticLock.ts"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import * as Kinds from "./GroupKinds.ts"

/** Offsets from `from` up to `to`, `to` not included. */
const Range = Schema.Struct({ from: Schema.Int, to: Schema.Int, atMs: Schema.Number })

const State = Schema.Struct({
  /** Letters dropped by hand. */
  letters: Schema.Int,
  /** Records dropped from the log unread, in all. */
  skipped: Schema.Int,
  /** The newest of them, oldest first; those that touch are one. */
  ranges: Schema.Array(Range),
})

export type Missed = typeof State.Type

const none: Missed = { letters: 0, skipped: 0, ranges: [] }

/** Older ranges are forgotten; their records stay counted. */
const MOST_RANGES = 100

type Store = Context.Tag.Service<typeof AggregateStore>

const decode = (state: unknown) => Effect.orDie(Schema.decodeUnknown(State)(state))

interface GroupOf {
  readonly group: string
  readonly topic: string
}

const change = (
  store: Store,
  { group, topic }: GroupOf,
  partition: number,
  next: (missed: Missed) => Missed,
): Effect.Effect<void, StorageError | VersionConflict, Transaction> =>
  Effect.gen(function* () {
    const kind = Kinds.missed(group, topic)
    const id = `${partition}`
    const stored = yield* store.get(kind, id)
    if (Option.isNone(stored)) return yield* store.insert(kind, id, { state: next(none), dueAtMs: null })
    const missed = yield* decode(stored.value.state)
    yield* store.update(kind, id, stored.value.version, { state: next(missed), dueAtMs: null })
  })

/** Notes, in the unit that drops it, that a letter is given up. */
export const letterDropped = (store: Store, of: GroupOf, partition: number) =>
  change(store, of, partition, (missed) => ({ ...missed, letters: missed.letters + 1 }))

/** Notes, in the unit that drops them, that the group will not see the records of a range. */
export const rangeSkipped = (store: Store, of: GroupOf, partition: number, range: typeof Range.Type) =>
  change(store, of, partition, (missed) => ({
    ...missed,
    skipped: missed.skipped + range.to - range.from,
    ranges: joined(missed.ranges, range).slice(-MOST_RANGES),
  }))

const joined = (ranges: Missed["ranges"], range: typeof Range.Type): Missed["ranges"] => {
  const last = ranges.at(-1)
  return last?.to === range.from ? [...ranges.slice(0, -1), { ...range, from: last.from }] : [...ranges, range]
}

/** What a group missed, by partition. */
export const read = (
  store: Store,
  { group, topic }: GroupOf,
): Effect.Effect<ReadonlyArray<Missed & { readonly partition: number }>, StorageError> =>
  Effect.flatMap(store.list(Kinds.missed(group, topic), { limit: 100_000 }), (all) =>
    Effect.forEach(all, ({ id, state }) =>
      Effect.map(decode(state), (missed) => ({ ...missed, partition: Number(id) })),
    ),
  )
