/**
 * How a port's prepared statements reach the database: inside a unit of work they run on the writer, as part of it;
 * outside they run on the connection that only reads, and sees what is committed.
 *
 * Each set of statements is prepared once for each of the two connections. Plain functions run them, so that a hot
 * path costs one step of the interpreter.
 */
import { SQLiteError } from "bun:sqlite"
import { type StorageError, Transaction } from "@paceline/core/consistency"
import { Clock, Context, Effect } from "effect"
import type { Database } from "./Database.ts"
import { currentUnit, OpenUnit } from "./UnitOfWork.ts"

export class StoreAccess<Statements> {
  readonly writer: Database
  readonly onWriter: Statements
  readonly onReader: Statements

  constructor(writer: Database, reader: Database, prepare: (database: Database) => Statements) {
    this.writer = writer
    this.onWriter = prepare(writer)
    this.onReader = prepare(reader)
  }

  /** Inside a unit a reader sees what the unit has written; outside, what is committed. */
  reading<A>(read: (statements: Statements) => A): Effect.Effect<A, StorageError> {
    return Effect.withFiberRuntime((fiber) => {
      const inUnit = currentUnit(fiber.currentContext, this.writer) !== undefined
      return this.#attempt(() => Effect.succeed(read(inUnit ? this.onWriter : this.onReader)))
    })
  }

  /** Runs against the unit of the caller's transaction. A mistake of the program dies, trouble of the store fails. */
  writing<A, E = never>(
    write: (unit: OpenUnit, nowMs: number) => Effect.Effect<A, E>,
  ): Effect.Effect<A, E | StorageError, Transaction> {
    return Effect.withFiberRuntime<A, E | StorageError, Transaction>((fiber) => {
      const transaction = Context.unsafeGet(fiber.currentContext, Transaction)
      if (!(transaction instanceof OpenUnit) || transaction.database !== this.writer) {
        throw new Error("This transaction belongs to another store")
      }
      transaction.assertOpen()
      const nowMs = Context.get(fiber.currentDefaultServices, Clock.Clock).unsafeCurrentTimeMillis()
      return this.#attempt(() => write(transaction, nowMs))
    })
  }

  /** The same, for what can only fail with the store. */
  changing<A>(change: (unit: OpenUnit, nowMs: number) => A): Effect.Effect<A, StorageError, Transaction> {
    return this.writing((unit, nowMs) => Effect.succeed(change(unit, nowMs)))
  }

  #attempt<A, E>(run: () => Effect.Effect<A, E>): Effect.Effect<A, E | StorageError> {
    try {
      return run()
    } catch (cause) {
      return Effect.fail(troubleOf(this.writer, cause))
    }
  }
}

/** What a statement threw, as the store's own trouble. Throws on what is a mistake of the program. */
export const troubleOf = (writer: Database, cause: unknown): StorageError => {
  const trouble = writer.storageTrouble(cause)
  if (trouble !== undefined) return trouble
  if (cause instanceof SQLiteError) return writer.storageError(cause)
  throw cause
}
