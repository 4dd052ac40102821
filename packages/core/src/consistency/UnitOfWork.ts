/**
 * The only way to write: state, events and consumer offset commit together or not at all.
 *
 * A unit of work is an effect that needs `Transaction`. `UnitOfWork.run` gives it one, commits when it
 * succeeds and rolls back when it fails, is interrupted or dies. It answers only after the commit is durable.
 *
 * @example
 * const rename = (id: AthleteId, alias: string) =>
 *   UnitOfWork.run(Effect.gen(function* () {
 *     const profile = yield* profiles.get(id)
 *     yield* profiles.save({ ...profile, alias })
 *     yield* EventLog.append(People, [{ key: id, event: new ProfileChanged({ … }) }])
 *   }))
 */
import { Context, Effect, Schema } from "effect"

/**
 * The store could not do it, and nothing was written. `reason` says why: the disk is `full`, somebody else keeps it
 * `busy`, it is `closed`, what it holds is `corrupt`, or it `failed` in another way, such as a connection that was lost.
 * With these everything fails that is tried now. `refused` is what the store will not take at any time, such as a row
 * against a constraint: the fault lies with who asked.
 */
export class StorageError extends Schema.TaggedError<StorageError>("paceline/StorageError")("StorageError", {
  reason: Schema.Literal("full", "busy", "closed", "corrupt", "failed", "refused"),
  message: Schema.String,
  cause: Schema.optional(Schema.Defect),
}) {}

/** What an effect may do only inside a unit of work. */
export class Transaction extends Context.Tag("@paceline/core/consistency/Transaction")<
  Transaction,
  {
    /** Runs `action` once, after the commit is durable; never after a rollback. For telling others in this process. */
    readonly afterCommit: (action: () => void) => void
  }
>() {}

export class UnitOfWork extends Context.Tag("@paceline/core/consistency/UnitOfWork")<
  UnitOfWork,
  {
    /**
     * Runs `unit` in one transaction. The body must not wait for anything but the store itself: on SQLite
     * it runs in one go on the single writer, and a body that suspends dies. It may run more than once when the
     * store lost the transaction and tries again; only the last run counts, so what is not in the store belongs
     * into `afterCommit`. A unit run inside a unit joins it: it can fail alone, and commits with the outer one.
     */
    readonly run: <A, E, R>(unit: Effect.Effect<A, E, R>) => Effect.Effect<A, E | StorageError, Exclude<R, Transaction>>
  }
>() {
  static run<A, E, R>(
    unit: Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E | StorageError, Exclude<R, Transaction> | UnitOfWork> {
    return Effect.flatMap(UnitOfWork, (work) => work.run(unit))
  }
}

/** Registers something to do after the commit, from inside a unit. */
export const afterCommit = (action: () => void): Effect.Effect<void, never, Transaction> =>
  Effect.map(Transaction, (transaction) => transaction.afterCommit(action))
