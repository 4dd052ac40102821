/**
 * `UnitOfWork` on PostgreSQL: a transaction on a connection of its own, answered after its commit.
 *
 * A transaction that the database gave up because of another (a deadlock, a serialization failure) is run again. A unit
 * that runs another joins it, as a savepoint. PostgreSQL ends a transaction in which any statement failed, also when
 * the body went on, and answers its commit with a rollback: such a unit dies with `AbortedUnitOfWork` instead of
 * pretending to have written. What may fail inside a unit belongs into a unit of its own.
 */
import { TransactionConnection } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import { type StorageError, Transaction, type UnitOfWork } from "@paceline/core/consistency"
import { Context, Effect, Exit, Option, Scope } from "effect"
import { retryCollisions, TAKE_TURN } from "./Collisions.ts"
import { inUnit as guarded } from "./GuardedConnection.ts"
import type { Pools } from "./Pools.ts"
import { commitError, storageError, storageTrouble } from "./PostgresErrors.ts"

/** A statement failed, the body went on all the same, and PostgreSQL wrote nothing: a programming mistake. */
export class AbortedUnitOfWork extends Error {
  override readonly name = "AbortedUnitOfWork"
  constructor() {
    super(
      "A statement of this unit of work failed and the unit went on. PostgreSQL rolled all of it back. " +
        "Put what may fail into a unit of its own, inside this one.",
    )
  }
}

export interface UnitOfWorkOptions {
  /**
   * A process that is paused or cut off in the middle of a unit keeps what it locked for so long, in milliseconds; then
   * the database ends its transaction and the connection. So does a unit that waits for something else than the store:
   * it fails as if the connection had been lost. Default 10 s.
   */
  readonly abandonedAfterMillis?: number
}

const ABANDONED_AFTER_MILLIS = 10_000

/** A unit while its body runs. */
export class OpenUnit {
  /** For the unit of work itself: it begins and ends transactions here. */
  readonly connection: Connection
  /** For what runs in the unit. */
  readonly guarded: Connection
  readonly depth: number
  readonly #actions: Array<() => void> = []
  #open = true
  #inner: OpenUnit | undefined

  constructor(connection: Connection, depth = 0) {
    this.connection = connection
    this.guarded = guarded(connection, () => this.#open)
    this.depth = depth
  }

  get isOpen(): boolean {
    return this.#open
  }

  readonly afterCommit = (action: () => void): void => {
    if (!this.#open) throw new Error("This unit of work has ended: nothing more can be done after its commit.")
    this.#actions.push(action)
  }

  openInner(): OpenUnit {
    if (this.#inner?.isOpen === true) {
      throw new Error("The units inside one unit of work must run one after the other, not concurrently.")
    }
    this.#inner = new OpenUnit(this.connection, this.depth + 1)
    return this.#inner
  }

  /** Ends the unit and hands over what is to be done after the commit. */
  end(): ReadonlyArray<() => void> {
    this.#open = false
    return this.#actions
  }
}

const execute = (connection: Connection, statement: string) => connection.executeUnprepared(statement, [], undefined)

/** What COMMIT did: "COMMIT", or "ROLLBACK" when a statement had failed. */
const commit = (connection: Connection): Effect.Effect<string, SqlError> =>
  Effect.map(connection.executeRaw("COMMIT", []), (result) => String(Reflect.get(Object(result), "command")))

/** A failing database reaches the caller as `StorageError`, whether a statement or the commit met it. */
const withStorageErrors = <E>(error: E): E | StorageError =>
  error instanceof SqlError ? (storageTrouble(error) ?? error) : error

const runActions = (actions: ReadonlyArray<() => void>): Effect.Effect<void> =>
  Effect.forEach(
    actions,
    (action) =>
      Effect.catchAllCause(Effect.sync(action), (cause) =>
        Effect.logError("Something to do after a commit failed.", cause),
      ),
    { discard: true },
  )

/** A unit that was committed: its answer, and what is to be done now. */
interface Done<A> {
  readonly value: A
  readonly actions: ReadonlyArray<() => void>
}

const inUnit = <A, E, R>(
  body: Effect.Effect<A, E, R>,
  unit: OpenUnit,
): Effect.Effect<A, E, Exclude<R, Transaction>> => {
  const inTransaction = Effect.provideService(body, Transaction, unit)
  return Effect.provideService(inTransaction, TransactionConnection, [unit.guarded, unit.depth])
}

/** The unit that the fiber is in; undefined outside, and after its end. */
export const currentUnit = (context: Context.Context<never>): OpenUnit | undefined => {
  const unit = Option.getOrUndefined(Context.getOption(context, Transaction))
  return unit instanceof OpenUnit && unit.isOpen ? unit : undefined
}

/** The unit that the caller's transaction is. */
export const unitOf = (transaction: Context.Tag.Service<typeof Transaction>): OpenUnit => {
  if (!(transaction instanceof OpenUnit)) throw new Error("This transaction belongs to another store")
  if (!transaction.isOpen) throw new Error("This unit of work has ended: nothing more can be written through it.")
  return transaction
}

export const make = (pools: Pools, options: UnitOfWorkOptions): Context.Tag.Service<typeof UnitOfWork> => {
  // Said in each transaction, because a pooler in between gives every transaction another connection.
  const abandonedAfter = Math.ceil(options.abandonedAfterMillis ?? ABANDONED_AFTER_MILLIS)
  const begin = `BEGIN; SET LOCAL idle_in_transaction_session_timeout = ${abandonedAfter}`

  /** One attempt, on a connection that goes back to the pool when it is over. Waiting for one cannot be interrupted. */
  const attempt = <A, E, R>(
    body: Effect.Effect<A, E, R>,
    collided: boolean,
  ): Effect.Effect<Done<A>, E | StorageError, Exclude<R, Transaction>> =>
    Effect.scopedWith((scope) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const reserved = Effect.provideService(pools.reserve, Scope.Scope, scope)
          const connection = yield* Effect.mapError(reserved, storageError)
          const unit = new OpenUnit(connection)
          yield* execute(connection, collided ? `${begin}; ${TAKE_TURN}` : begin).pipe(
            Effect.tapError(() => Effect.ignore(execute(connection, "ROLLBACK"))),
            Effect.mapError(storageError),
          )
          const exit = yield* Effect.exit(restore(inUnit(body, unit)))
          const actions = unit.end()
          if (Exit.isFailure(exit)) {
            // Without a connection there is nothing to roll back: the database does it by itself.
            yield* Effect.ignore(execute(connection, "ROLLBACK"))
            return yield* Effect.failCause(exit.cause)
          }
          const done = yield* Effect.mapError(commit(connection), commitError)
          if (done !== "COMMIT") return yield* Effect.die(new AbortedUnitOfWork())
          return { value: exit.value, actions }
        }),
      ),
    )

  const join = <A, E, R>(
    body: Effect.Effect<A, E, R>,
    outer: OpenUnit,
  ): Effect.Effect<A, E | StorageError, Exclude<R, Transaction>> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const inner = outer.openInner()
        const { connection } = inner
        const savepoint = `unit_${inner.depth}`
        yield* Effect.mapError(execute(connection, `SAVEPOINT ${savepoint}`), storageError)
        const exit = yield* Effect.exit(restore(inUnit(body, inner)))
        const actions = inner.end()
        if (Exit.isFailure(exit)) {
          yield* Effect.mapError(
            execute(connection, `ROLLBACK TO ${savepoint}; RELEASE ${savepoint}`),
            storageError,
          ).pipe(Effect.ignore)
          return yield* Effect.failCause(exit.cause)
        }
        const released = yield* Effect.exit(execute(connection, `RELEASE ${savepoint}`))
        if (Exit.isFailure(released)) return yield* Effect.die(new AbortedUnitOfWork())
        for (const action of actions) outer.afterCommit(action)
        return exit.value
      }),
    )

  return {
    run: <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E | StorageError, Exclude<R, Transaction>> =>
      Effect.contextWithEffect((context: Context.Context<never>) => {
        const outer = currentUnit(context)
        if (outer !== undefined) return Effect.mapError(join(body, outer), withStorageErrors)
        return retryCollisions((collided) => Effect.mapError(attempt(body, collided), withStorageErrors)).pipe(
          Effect.flatMap(({ actions, value }) =>
            actions.length === 0 ? Effect.succeed(value) : Effect.as(runActions(actions), value),
          ),
        )
      }),
  }
}
