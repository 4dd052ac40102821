/**
 * Jobs that were given up, kept whole until a person decides: replay or drop.
 *
 * A dead job keeps its payload, its last error, and how often it was tried. Replayed it comes back under its id, with
 * its attempts counted anew, due at once; the letter goes and the job comes in one unit of work.
 *
 * @example
 * const dead = yield* JobQueueDeadLetters.list("mail", { limit: 50 })
 * yield* JobQueueDeadLetters.replay("mail", dead[0].id)
 */
import { type Context, Effect, Option, Schema } from "effect"
import { AggregateStore, type Page, type Stored } from "../consistency/AggregateStore.ts"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import { type StorageError, UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as DueWorkTime from "./DueWorkTime.ts"
import * as State from "./JobQueueState.ts"

export interface DeadJob extends State.Dead {
  readonly queue: string
  readonly id: string
}

/** There is no such dead job (any more): it was replayed or dropped, or never was. */
export class NoSuchDeadJob extends Schema.TaggedError<NoSuchDeadJob>("paceline/NoSuchDeadJob")("NoSuchDeadJob", {
  queue: Schema.String,
  id: Schema.String,
}) {
  override get message(): string {
    return `The queue "${this.queue}" has no dead job "${this.id}": list them again`
  }
}

type Store = Context.Tag.Service<typeof AggregateStore>

const read = (queue: string, { id, state }: Stored): Effect.Effect<DeadJob> =>
  Effect.map(State.readDead(state), (dead) => ({ ...dead, queue, id }))

/** All queues that have dead jobs, and how many. */
export const queues: Effect.Effect<
  ReadonlyArray<{ readonly queue: string; readonly dead: number }>,
  StorageError,
  AggregateStore
> = Effect.flatMap(AggregateStore, (store) =>
  Effect.flatMap(store.kinds(State.ALL_DEAD), (kinds) =>
    Effect.forEach(kinds, (kind) =>
      Effect.map(store.count(kind), (dead) => ({ queue: State.queueOfDead(kind), dead })),
    ),
  ),
)

/** A page of a queue's dead jobs, by id: `after` is the id of the last one seen. */
export const list = (queue: string, page: Page): Effect.Effect<ReadonlyArray<DeadJob>, StorageError, AggregateStore> =>
  Effect.flatMap(AggregateStore, (store) =>
    Effect.flatMap(store.list(State.deadKindOf(queue), page), (found) =>
      Effect.forEach(found, (stored) => read(queue, stored)),
    ),
  )

const find = (store: Store, queue: string, id: string) =>
  Effect.flatMap(
    store.get(State.deadKindOf(queue), id),
    Option.match({ onNone: () => Effect.fail(new NoSuchDeadJob({ queue, id })), onSome: Effect.succeed }),
  )

export const show = (queue: string, id: string): Effect.Effect<DeadJob, StorageError | NoSuchDeadJob, AggregateStore> =>
  Effect.flatMap(AggregateStore, (store) => Effect.flatMap(find(store, queue, id), (stored) => read(queue, stored)))

const bringBack = (store: Store, queue: string, stored: Stored) =>
  Effect.gen(function* () {
    const { deadAtMs: _, ...job } = yield* State.readDead(stored.state)
    const runAtMs = yield* DueWorkTime.now
    yield* store.remove(stored.kind, stored.id, stored.version)
    const state: State.Job = { ...job, attempts: 0, begun: false, runAtMs }
    const rank = State.RANKS[job.priority]
    yield* store.insert(State.kindOf(queue), stored.id, { state, dueAtMs: runAtMs, rank })
  })

/** Another person was faster, or the store's answer was stale: look again. */
const settled = <A, E, R>(unit: Effect.Effect<A, E | VersionConflict, R>) =>
  UnitOfWork.run(unit).pipe(
    Effect.retry({ times: 5, while: (error) => error instanceof VersionConflict }),
    Effect.catchIf((error): error is VersionConflict => error instanceof VersionConflict, Effect.die),
  )

export const replay = (
  queue: string,
  id: string,
): Effect.Effect<void, StorageError | NoSuchDeadJob, AggregateStore | UnitOfWork> =>
  Effect.flatMap(AggregateStore, (store) =>
    settled(Effect.flatMap(find(store, queue, id), (stored) => bringBack(store, queue, stored))),
  )

/** Replays all that are dead now, a hundred a unit of work; answers how many. */
export const replayAll = (queue: string): Effect.Effect<number, StorageError, AggregateStore | UnitOfWork> =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const kind = State.deadKindOf(queue)
    let replayed = 0
    let after: string | undefined
    while (true) {
      const page = { ...(after === undefined ? {} : { after }), limit: 100 }
      const stored = yield* settled(
        Effect.tap(store.list(kind, page), (found) =>
          Effect.forEach(found, (one) => bringBack(store, queue, one), { discard: true }),
        ),
      )
      replayed += stored.length
      after = stored.at(-1)?.id
      if (stored.length < page.limit) return replayed
    }
  })

/** Gives it up for good. */
export const drop = (
  queue: string,
  id: string,
): Effect.Effect<void, StorageError | NoSuchDeadJob, AggregateStore | UnitOfWork> =>
  Effect.flatMap(AggregateStore, (store) =>
    settled(Effect.flatMap(find(store, queue, id), (stored) => store.remove(stored.kind, id, stored.version))),
  )
