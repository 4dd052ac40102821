/**
 * `UnitOfWork` on PostgreSQL: a transaction on a connection of its own, answered after its commit.
 *
 * A transaction that the database gave up because of another (a deadlock, a serialization failure) is run again. A unit
 * that runs another joins it, as a savepoint. PostgreSQL ends a transaction in which any statement failed, also when
 * the body went on, and answers its commit with a rollback: such a unit dies with `AbortedUnitOfWork` instead of
 * pretending to have written. What may fail inside a unit belongs into a unit of its own.
 */
import { SqlClient, TransactionConnection } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import { type StorageError, Transaction, UnitOfWork } from "@paceline/core/consistency"
import { Context, Effect, Exit, Layer, Option, Schedule, Scope } from "effect"
import { isCollision, storageError, storageTrouble } from "./PostgresErrors.ts"

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

/** A transaction is tried again so often after a collision, each time a little later. */
const COLLISIONS = Schedule.jittered(Schedule.exponential("5 millis")).pipe(Schedule.intersect(Schedule.recurs(4)))

export interface UnitOfWorkOptions {
  /**
   * A process that is paused or cut off in the middle of a unit keeps what it locked for so long, in milliseconds; then
   * the database ends its transaction. Default 10 s.
   */
  readonly abandonedAfterMillis?: number
}

const ABANDONED_AFTER_MILLIS = 10_000

class OpenUnit {
  readonly connection: Connection
  readonly depth: number
  readonly #actions: Array<() => void> = []
  #open = true
  #inner: OpenUnit | undefined

  constructor(connection: Connection, depth = 0) {
    this.connection = connection
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
  return Effect.provideService(inTransaction, TransactionConnection, [unit.connection, unit.depth])
}

const make = (options: UnitOfWorkOptions) =>
  Effect.map(SqlClient, (sql): Context.Tag.Service<typeof UnitOfWork> => {
    // Said in each transaction, because a pooler in between gives every transaction another connection.
    const abandonedAfter = Math.ceil(options.abandonedAfterMillis ?? ABANDONED_AFTER_MILLIS)
    const begin = `BEGIN; SET LOCAL idle_in_transaction_session_timeout = ${abandonedAfter}`

    /** One attempt, on a connection that goes back to the pool when it is over. Waiting for one cannot be interrupted. */
    const attempt = <A, E, R>(
      body: Effect.Effect<A, E, R>,
    ): Effect.Effect<Done<A>, E | StorageError, Exclude<R, Transaction>> =>
      Effect.scopedWith((scope) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const reserved = Effect.provideService(sql.reserve, Scope.Scope, scope)
            const connection = yield* Effect.mapError(reserved, storageError)
            const unit = new OpenUnit(connection)
            yield* Effect.mapError(execute(connection, begin), storageError)
            const exit = yield* Effect.exit(restore(inUnit(body, unit)))
            const actions = unit.end()
            if (Exit.isFailure(exit)) {
              // Without a connection there is nothing to roll back: the database does it by itself.
              yield* Effect.ignore(execute(connection, "ROLLBACK"))
              return yield* Effect.failCause(exit.cause)
            }
            const done = yield* Effect.mapError(commit(connection), storageError)
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
          const outer = Option.getOrUndefined(Context.getOption(context, Transaction))
          if (outer instanceof OpenUnit && outer.isOpen) return Effect.mapError(join(body, outer), withStorageErrors)
          return attempt(body).pipe(
            Effect.mapError(withStorageErrors),
            Effect.retry({ schedule: COLLISIONS, while: isCollision }),
            Effect.flatMap(({ actions, value }) => Effect.as(runActions(actions), value)),
          )
        }),
    }
  })

export const layer = (options: UnitOfWorkOptions = {}): Layer.Layer<UnitOfWork, never, SqlClient> =>
  Layer.effect(UnitOfWork, make(options))
