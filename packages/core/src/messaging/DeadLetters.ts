/**
 * The records that a consumer group could not handle, kept whole until a person decides: replay or drop.
 *
 * A letter has the record's payload, key, id and headers, what it failed with, how often and when. Replaying gives it
 * back to the group that failed, and to no other, in its key's order: the letter goes and the record comes back in one
 * unit of work, so an interrupted replay loses nothing and doubles nothing. A record that fails again comes back as the
 * same letter.
 *
 * @example
 * const letters = yield* DeadLetters.list({ group: "mileage", topic: "training" }, { limit: 50 })
 * yield* DeadLetters.replay({ group: "mileage", topic: "training" }, letters[0].id)
 */
import { Clock, Context, Effect, Option, Schema } from "effect"
import { AggregateStore, type Page, type Stored } from "../consistency/AggregateStore.ts"
import type { VersionConflict } from "../consistency/OptimisticLock.ts"
import { type StorageError, Transaction, UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Parked from "../kernel/messaging/Parked.ts"
import * as Broadcast from "./Broadcast.ts"
import { countDeadLetter } from "./ConsumerMetrics.ts"
import * as Kinds from "./GroupKinds.ts"
import * as Missed from "./Missed.ts"
import * as Parking from "./Parking.ts"

/** A consumer group on a topic. */
export interface GroupOf {
  readonly group: string
  readonly topic: string
}

const Letter = Schema.Struct({
  partition: Schema.Int,
  ...Parking.RecordFields,
  /** What it failed with last, in words. */
  error: Schema.String,
  attempts: Schema.Int,
  /** When it failed first, and when it was given up; milliseconds since the epoch. */
  failedAtMs: Schema.Number,
  deadAtMs: Schema.Number,
})

type LetterState = typeof Letter.Type

export interface DeadLetter extends GroupOf, Omit<LetterState, "id"> {
  /** Names the letter within its group and topic: the record's partition and offset. */
  readonly id: string
  /** The id under which the record was published, if it had one. */
  readonly recordId: string | null
}

/** There is no such letter (any more): it was replayed or dropped, or never was. */
export class NoSuchLetter extends Schema.TaggedError<NoSuchLetter>("paceline/NoSuchLetter")("NoSuchLetter", {
  group: Schema.String,
  topic: Schema.String,
  id: Schema.String,
}) {
  override get message(): string {
    return `Group "${this.group}" has no dead letter "${this.id}" of topic "${this.topic}": list them again`
  }
}

/** Told of each letter that arrives in this process, after its commit. For alerts; reading the list is the truth. */
export class DeadLetterAlerts extends Context.Reference<DeadLetterAlerts>()(
  "@paceline/core/messaging/DeadLetterAlerts",
  {
    defaultValue: () => Broadcast.make<DeadLetter>(),
  },
) {}

type Store = Context.Tag.Service<typeof AggregateStore>

const decode = Schema.decodeUnknown(Letter)
const encode = Schema.encodeSync(Letter)

/** In the order of the log when sorted as text. */
const idOf = (partition: number, offset: number): string =>
  `${String(partition).padStart(5, "0")}-${String(offset).padStart(16, "0")}`

const letterOf = (of: GroupOf, { id: recordId, ...state }: LetterState): DeadLetter => ({
  group: of.group,
  topic: of.topic,
  ...state,
  recordId,
  id: idOf(state.partition, state.offset),
})

const read = (of: GroupOf, stored: Stored): Effect.Effect<DeadLetter> =>
  Effect.map(Effect.orDie(decode(stored.state)), (state) => letterOf(of, state))

/** What is known of a record that is given up. */
export interface GivenUp {
  readonly record: Parked.ParkedRecord
  readonly error: string
  readonly attempts: number
  /** When it failed first; now, if not given. */
  readonly failedAtMs?: number | null
}

/** Makes a record a dead letter, in the unit that moves the group past it. */
export const put = (
  store: Store,
  of: GroupOf,
  partition: number,
  { attempts, error, failedAtMs, record }: GivenUp,
): Effect.Effect<void, StorageError | VersionConflict, Transaction> =>
  Effect.gen(function* () {
    const deadAtMs = yield* Clock.currentTimeMillis
    const state: LetterState = { ...record, partition, error, attempts, failedAtMs: failedAtMs ?? deadAtMs, deadAtMs }
    const letter = letterOf(of, state)
    const kind = Kinds.deadLetters(of.group, of.topic)
    const before = yield* store.get(kind, letter.id)
    const next = { state: encode(state), dueAtMs: null }
    if (Option.isNone(before)) yield* store.insert(kind, letter.id, next)
    else yield* store.update(kind, letter.id, before.value.version, next)
    const alerts = yield* DeadLetterAlerts
    const { afterCommit } = yield* Transaction
    const count = countDeadLetter(of)
    afterCommit(() => {
      count()
      alerts.publish(letter)
    })
  })

/** The letters of a group, in the order of the log, a page at a time: `after` is the id of the last one seen. */
export const list = (of: GroupOf, page: Page): Effect.Effect<ReadonlyArray<DeadLetter>, StorageError, AggregateStore> =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const stored = yield* store.list(Kinds.deadLetters(of.group, of.topic), page)
    return yield* Effect.forEach(stored, (one) => read(of, one))
  })

/** How many letters a group has. */
export const count = (of: GroupOf): Effect.Effect<number, StorageError, AggregateStore> =>
  Effect.flatMap(AggregateStore, (store) => store.count(Kinds.deadLetters(of.group, of.topic)))

/** All groups that have letters, and how many. */
export const groups: Effect.Effect<
  ReadonlyArray<GroupOf & { readonly letters: number }>,
  StorageError,
  AggregateStore
> = Effect.gen(function* () {
  const store = yield* AggregateStore
  const kinds = yield* store.kinds(Kinds.allDeadLetters)
  return yield* Effect.forEach(kinds, (kind) =>
    Effect.map(store.count(kind), (letters) => ({ ...Kinds.groupAndTopic(kind), letters })),
  )
})

const find = (store: Store, of: GroupOf, id: string) =>
  Effect.flatMap(
    store.get(Kinds.deadLetters(of.group, of.topic), id),
    Option.match({
      onNone: () => Effect.fail(new NoSuchLetter({ ...of, id })),
      onSome: Effect.succeed,
    }),
  )

export const show = (of: GroupOf, id: string): Effect.Effect<DeadLetter, StorageError | NoSuchLetter, AggregateStore> =>
  Effect.flatMap(AggregateStore, (store) => Effect.flatMap(find(store, of, id), (stored) => read(of, stored)))

/** Gives a letter's record back to its group, inside a unit. */
const giveBack = (store: Store, of: GroupOf, stored: Stored) =>
  Effect.gen(function* () {
    const state = yield* Effect.orDie(decode(stored.state))
    const { attempts: _, deadAtMs: __, error: ___, failedAtMs: ____, partition, ...record } = state
    yield* store.remove(stored.kind, stored.id, stored.version)
    yield* Parking.change(store, Kinds.parked(of.group, of.topic, partition), record.key, (parked) =>
      Parked.add(parked, [record]),
    )
  })

/** A person's command met another: the newer state is read and decided on again. */
const settled = <A, E, R>(unit: Effect.Effect<A, E | VersionConflict, R>) =>
  UnitOfWork.run(unit).pipe(
    Effect.retry({ times: 5, while: (error) => Parking.isConflict(error) }),
    Effect.catchIf(Parking.isConflict, Effect.die),
  )

/** Gives one letter's record back to its group, to be handled in its key's order. */
export const replay = (
  of: GroupOf,
  id: string,
): Effect.Effect<void, StorageError | NoSuchLetter, AggregateStore | UnitOfWork> =>
  Effect.flatMap(AggregateStore, (store) =>
    settled(Effect.flatMap(find(store, of, id), (stored) => giveBack(store, of, stored))),
  )

/** So many letters in one unit of work. */
const PAGE = 100

/** Replays all letters that the group has now, a page a unit; answers how many. */
export const replayAll = (of: GroupOf): Effect.Effect<number, StorageError, AggregateStore | UnitOfWork> =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const kind = Kinds.deadLetters(of.group, of.topic)
    const page = (after: string | undefined) =>
      settled(
        Effect.gen(function* () {
          const letters = yield* store.list(kind, { ...(after === undefined ? {} : { after }), limit: PAGE })
          yield* Effect.forEach(letters, (stored) => giveBack(store, of, stored), { discard: true })
          return letters
        }),
      )
    let replayed = 0
    let last: string | undefined
    while (true) {
      // On from the last one: what fails again meanwhile is not replayed twice.
      const letters = yield* page(last)
      replayed += letters.length
      last = letters.at(-1)?.id
      if (letters.length < PAGE) return replayed
    }
  })

/** Gives a letter up for good. It goes on being counted as failed. */
export const drop = (
  of: GroupOf,
  id: string,
): Effect.Effect<void, StorageError | NoSuchLetter, AggregateStore | UnitOfWork> =>
  Effect.flatMap(AggregateStore, (store) =>
    settled(
      Effect.gen(function* () {
        const stored = yield* find(store, of, id)
        const { partition } = yield* Effect.orDie(decode(stored.state))
        yield* store.remove(stored.kind, id, stored.version)
        yield* Missed.letterDropped(store, of, partition)
      }),
    ),
  )
