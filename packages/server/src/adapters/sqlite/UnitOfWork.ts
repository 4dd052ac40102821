/**
 * `UnitOfWork` on SQLite: each unit waits for the single writer, runs there in one go, and is answered once the
 * commit it shares with others is on the disk.
 *
 * The body runs synchronously with the caller's services and fiber refs. It must not wait for anything but the
 * store: a body that suspends (a sleep, a promise, a queue) is rolled back and dies with `SuspendedUnitOfWork`.
 * A unit that runs another joins it: the inner one is a savepoint of the outer, so it can be rolled back alone,
 * commits with the outer, and never waits for the writer that is busy running it.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { StorageError, Transaction, type UnitOfWork } from "@paceline/core/consistency"
import { Cause, Context, Effect, Exit, type Fiber, Option, Runtime } from "effect"
import { runInOneGo } from "../InOneGo.ts"
import { answered } from "./Answered.ts"
import type { Database } from "./Database.ts"
import { SqliteConnection } from "./SqliteConnection.ts"
import type { Writer } from "./Writer.ts"

/** A unit of work while its body runs: what its statements and its after-commit actions go through. */
export class OpenUnit {
  readonly database: Database
  readonly #actions: Array<() => void> = []
  #connection: SqliteConnection | undefined
  #open = true
  #inner: OpenUnit | undefined

  constructor(database: Database) {
    this.database = database
  }

  /** Made at its first use: many units have no SQL of their own. */
  get connection(): SqliteConnection {
    this.#connection ??= new SqliteConnection(this.database, () => this.assertOpen())
    return this.#connection
  }

  get isOpen(): boolean {
    return this.#open
  }

  /** Throws once the unit has ended: what outlived it may not write into somebody else's transaction. */
  assertOpen(): void {
    if (!this.#open) throw new Error("This unit of work has ended: nothing more can be read or written through it.")
  }

  readonly afterCommit = (action: () => void): void => {
    this.assertOpen()
    this.#actions.push(action)
  }

  /** Ends the unit and hands over what is to be done after the commit. */
  end(): ReadonlyArray<() => void> {
    this.#open = false
    return this.#actions
  }

  openInner(): OpenUnit {
    this.assertOpen()
    if (this.#inner?.isOpen === true) {
      throw new Error("The units inside one unit of work must run one after the other, not concurrently.")
    }
    this.database.run("SAVEPOINT inner_unit")
    this.#inner = new OpenUnit(this.database)
    return this.#inner
  }

  endInner(inner: OpenUnit, keep: boolean): void {
    const actions = inner.end()
    // Without a transaction SQLite has rolled all of it back, and the writer will notice.
    if (!this.database.inTransaction) return
    if (keep) this.#actions.push(...actions)
    else this.database.run("ROLLBACK TO inner_unit")
    this.database.run("RELEASE inner_unit")
  }
}

/** The unit that is running on this database in the current fiber, if any. */
export const currentUnit = (context: Context.Context<never>, database: Database): OpenUnit | undefined => {
  const transaction = Option.getOrUndefined(Context.getOption(context, Transaction))
  return transaction instanceof OpenUnit && transaction.database === database && transaction.isOpen
    ? transaction
    : undefined
}

/** What a body needs: the transaction, and the connection that its SQL goes to. One copy of the caller's services. */
const withUnit = <R>(context: Context.Context<Exclude<R, Transaction>>, unit: OpenUnit): Context.Context<R> => {
  const services = new Map(context.unsafeMap)
  services.set(Transaction.key, unit)
  services.set(SqlClient.TransactionConnection.key, [unit.connection, 0])
  return Context.unsafeMake(services)
}

/** A full or failing disk reaches the caller as `StorageError`, whether a statement or the commit met it. */
const withStorageErrors = <A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, E | StorageError> =>
  Exit.isSuccess(exit)
    ? exit
    : Exit.mapError(exit, (error): E | StorageError =>
        error instanceof SqlError && error.cause instanceof StorageError ? error.cause : error,
      )

/**
 * Runs to the end or dies: what is left of a suspended body is interrupted, and can no longer write. The body gets a
 * fiber with the services in it from the start; providing them as effects would cost ten times as much.
 */
const runToEnd = <A, E, R>(
  { context, fiberRefs, runtimeFlags }: Runtime.Runtime<Exclude<R, Transaction>>,
  unit: OpenUnit,
  body: Effect.Effect<A, E, R>,
): Exit.Exit<A, E> => {
  const services = withUnit<R>(context, unit)
  return runInOneGo(Runtime.make({ context: services, fiberRefs, runtimeFlags }), body)
}

const runActions = (actions: ReadonlyArray<() => void>, report: (cause: unknown) => void): void => {
  for (const action of actions) {
    try {
      action()
    } catch (cause) {
      report(cause)
    }
  }
}

/**
 * Queues `body` for the writer's next turn, and answers what it came to once that is on the disk. The body runs in one
 * go and must not throw; a unit whose exit is a failure is rolled back. `isSure` is for one that hardly ever fails.
 */
export const submit = <A, E>(
  database: Database,
  writer: Writer,
  body: (unit: OpenUnit) => Exit.Exit<A, E>,
  isSure = false,
): Effect.Effect<A, E | StorageError> =>
  answered<A, E | StorageError>((resume, isWanted, fiber) => {
    let exit: Exit.Exit<A, E | StorageError> | undefined
    let actions: ReadonlyArray<() => void> = []
    writer.submit({
      isWanted,
      isSure,
      run: () => {
        const open = new OpenUnit(database)
        exit = withStorageErrors(body(open))
        actions = open.end()
        return Exit.isSuccess(exit)
      },
      answer: (failure) => {
        // What failed by itself keeps its own answer.
        if (failure !== undefined && (exit === undefined || Exit.isSuccess(exit))) exit = Exit.fail(failure)
        if (exit === undefined) exit = Exit.die(new Error("A unit of work was answered without having run"))
        if (Exit.isSuccess(exit)) runActions(actions, (cause) => reportIn(fiber, cause))
        resume(exit)
      },
    })
  })

const reportIn = (fiber: Fiber.RuntimeFiber<unknown, unknown>, cause: unknown): void => {
  const context = fiber.currentContext
  const { runtimeFlags } = Runtime.defaultRuntime
  Runtime.runFork(Runtime.make({ context, runtimeFlags, fiberRefs: fiber.getFiberRefs() }))(
    Effect.logError("Something to do after a commit failed.", Cause.die(cause)),
  )
}

/** Runs a body that is plain code in the unit that is open, as a part of it that is rolled back alone when it fails. */
export const runInside = <A, E>(outer: OpenUnit, body: (unit: OpenUnit) => Exit.Exit<A, E>): Exit.Exit<A, E> => {
  const inner = outer.openInner()
  const exit = body(inner)
  outer.endInner(inner, Exit.isSuccess(exit))
  return exit
}

export const make = (database: Database, writer: Writer): Context.Tag.Service<typeof UnitOfWork> => {
  /** Runs the body as a savepoint of the unit that is running already. */
  const join = <A, E, R>(body: Effect.Effect<A, E, R>, outer: OpenUnit) =>
    Effect.acquireUseRelease(
      Effect.sync(() => outer.openInner()),
      (inner) =>
        Effect.mapInputContext(body, (context: Context.Context<Exclude<R, Transaction>>) =>
          withUnit<R>(context, inner),
        ),
      (inner, exit) => Effect.sync(() => outer.endInner(inner, Exit.isSuccess(exit))),
    )

  return {
    run: <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E | StorageError, Exclude<R, Transaction>> =>
      Effect.flatMap(Effect.runtime<Exclude<R, Transaction>>(), (runtime) => {
        const outer = currentUnit(runtime.context, database)
        return outer === undefined
          ? submit(database, writer, (unit) => runToEnd(runtime, unit, body))
          : join(body, outer)
      }),
  }
}
