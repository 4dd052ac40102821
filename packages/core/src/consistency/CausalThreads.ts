/**
 * Threads of messages whose readers never see an answer before its question.
 *
 * A message is delivered in the unit of work that receives it, if all that it was written after has been; otherwise it is
 * held back in the store, with a bound, and delivered in the unit that brings the last of what it waits for. All units of
 * one thread follow one another by the thread's version, so none overlooks what another delivers. The decisions are the
 * kernel's (`CausalOrder`).
 *
 * @example
 * const conversations = CausalThreads.make({
 *   kind: "people/conversation",
 *   message: ChatMessage,
 *   delivered: (thread, ids) => messages.existing(thread, ids),
 *   deliver: (thread, message) => messages.insert(thread, message),
 * })
 * yield* conversations.offer(thread, { id, after: seenIds, message })
 */
import { Clock, Effect, Schema } from "effect"
import * as Kernel from "../kernel/consistency/CausalOrder.ts"
import * as Aggregate from "./Aggregate.ts"
import type { AggregateStore } from "./AggregateStore.ts"
import * as ConflictRetry from "./ConflictRetry.ts"
import { VersionConflict } from "./OptimisticLock.ts"
import { type StorageError, type Transaction, UnitOfWork } from "./UnitOfWork.ts"

export interface Options<A, I, E, R> {
  /** The namespace of the threads' ids. */
  readonly kind: string
  readonly message: Schema.Schema<A, I>
  /** The most that is held back in one thread; 1000 if not given. */
  readonly capacity?: number
  /** Which of these messages the thread has: asked inside the unit. */
  readonly delivered: (thread: string, ids: ReadonlyArray<string>) => Effect.Effect<Iterable<string>, E, R>
  /** Stores a message where `delivered` finds it: inside the unit, causes before effects. */
  readonly deliver: (thread: string, message: Kernel.CausalMessage<A>) => Effect.Effect<void, E, R>
}

export type Outcome =
  /** It can be read now, and so can the others that waited for it: all ids, in order. */
  | { readonly _tag: "Delivered"; readonly ids: ReadonlyArray<string> }
  /** It waits for these. Ask their authors for them when they do not come. */
  | { readonly _tag: "HeldBack"; readonly missing: ReadonlyArray<string> }
  /** It is delivered or held back already. */
  | { readonly _tag: "Duplicate" }

/** Too much is held back in the thread. Send what is missing first, then this again. */
export class ThreadFull extends Schema.TaggedError<ThreadFull>("paceline/ThreadFull")("ThreadFull", {
  thread: Schema.String,
  missing: Schema.Array(Schema.String),
}) {
  /** The same again would fail again. */
  get retryable(): boolean {
    return false
  }
  override get message(): string {
    return `Too many messages of "${this.thread}" wait for others. Send these first: ${this.missing.join(", ")}`
  }
}

type Failure<E> = E | StorageError | Aggregate.AggregateNotFound | VersionConflict
type Needs<R> = UnitOfWork | AggregateStore | Exclude<R, Transaction>

export interface CausalThreads<A, E, R> {
  readonly offer: (
    thread: string,
    message: Kernel.CausalMessage<A>,
  ) => Effect.Effect<Outcome, Failure<E> | ThreadFull, Needs<R>>
  /** What the thread waits for and has not got. */
  readonly missing: (
    thread: string,
  ) => Effect.Effect<ReadonlyArray<string>, StorageError | Aggregate.AggregateNotFound, AggregateStore>
  /** Gives up on what has been held back since before `beforeMs`: takes it out, undelivered, and answers it. */
  readonly expire: (
    thread: string,
    beforeMs: number,
  ) => Effect.Effect<ReadonlyArray<Kernel.Held<A>>, Failure<never>, UnitOfWork | AggregateStore>
}

/** What is held back, as it is stored. */
const stateOf = <A, I>(message: Schema.Schema<A, I>) =>
  Schema.Struct({
    held: Schema.Array(
      Schema.Struct({
        id: Schema.String,
        after: Schema.Array(Schema.String),
        missing: Schema.Array(Schema.String),
        sinceMs: Schema.Number,
        message,
      }),
    ),
  })

export const make = <A, I, E, R>(options: Options<A, I, E, R>): CausalThreads<A, E, R> => {
  const { capacity = Kernel.CAPACITY, deliver, delivered, kind } = options
  const threads = Aggregate.make({ kind, state: stateOf(options.message), initial: () => ({ held: [] }) })

  /** Always raises the version, so that of two units that know nothing of each other one is decided again. */
  const inThread = <B, F, S>(
    thread: string,
    change: (order: Kernel.CausalOrder<A>, nowMs: number) => Effect.Effect<readonly [Kernel.CausalOrder<A>, B], F, S>,
  ) =>
    ConflictRetry.retrying(
      UnitOfWork.run(
        Effect.gen(function* () {
          const loaded = yield* Aggregate.load(threads, thread)
          const order = { capacity, held: loaded.state.held }
          const [{ held }, answer] = yield* change(order, yield* Clock.currentTimeMillis)
          yield* Aggregate.update(threads, loaded, { held })
          return answer
        }),
      ),
      (error) => error instanceof VersionConflict,
    )

  return {
    offer: (thread, message) =>
      inThread(thread, (order, nowMs) =>
        Effect.gen(function* () {
          const known = new Set(yield* delivered(thread, [message.id, ...message.after]))
          const offered = Kernel.offer(order, message, nowMs, (id) => known.has(id))
          switch (offered._tag) {
            case "Deliver": {
              yield* Effect.forEach(offered.messages, (each) => deliver(thread, each), { discard: true })
              return outcome(offered.state, { _tag: "Delivered", ids: offered.messages.map(({ id }) => id) })
            }
            case "Hold":
              return outcome(offered.state, { _tag: "HeldBack", missing: offered.missing })
            case "Duplicate":
              return outcome(offered.state, { _tag: "Duplicate" })
            case "Full":
              return yield* new ThreadFull({ thread, missing: offered.missing })
          }
        }),
      ),
    missing: (thread) =>
      Effect.map(Aggregate.load(threads, thread), ({ state: { held } }) => Kernel.missingOf({ capacity, held })),
    expire: (thread, beforeMs) =>
      inThread(thread, (order) => {
        const { expired, state } = Kernel.expire(order, beforeMs)
        return Effect.succeed([state, expired] as const)
      }),
  }
}

const outcome = <A>(state: Kernel.CausalOrder<A>, told: Outcome): readonly [Kernel.CausalOrder<A>, Outcome] => [
  state,
  told,
]
