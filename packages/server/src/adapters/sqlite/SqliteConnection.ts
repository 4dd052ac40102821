/**
 * A SQLite connection as `@effect/sql` sees it. Every statement runs synchronously, so that a unit of work can
 * run in one go; trouble of the store (full, busy, damaged …) is the `cause` of the `SqlError`, as `StorageError`.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import { Effect, Exit, Stream } from "effect"
import type { Binding, Database, Prepared } from "./Database.ts"

type RowsTransform = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

/** A statement that begins or ends a transaction or a savepoint, also behind comments: only the unit of work does. */
const MOVES_TRANSACTION = /^(\s|;|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(begin|commit|end|rollback|savepoint|release)\b/i

const toBinding = (value: unknown): Binding => {
  switch (typeof value) {
    case "string":
    case "bigint":
    case "boolean":
      return value
    case "number":
      if (Number.isNaN(value)) throw new TypeError("NaN cannot be stored: SQLite would make it NULL")
      return value
    case "undefined":
      return null
    default:
      if (value === null || value instanceof Uint8Array) return value
      throw new TypeError(
        `A ${value instanceof Date ? "Date" : typeof value} cannot be bound: use a string, a number, a bigint, a boolean, null or a Uint8Array`,
      )
  }
}

export class SqliteConnection implements Connection {
  readonly #database: Database
  readonly #check: () => void

  /** `check` throws when the connection may not be used (any more). */
  constructor(database: Database, check: () => void = () => {}) {
    this.#database = database
    this.#check = check
  }

  /** Runs the statement now, not when the effect is run. */
  #runNow<A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    use: (statement: Prepared<unknown>, bound: Array<Binding>) => A,
  ): Exit.Exit<A, SqlError> {
    try {
      this.#check()
      if (MOVES_TRANSACTION.test(sql)) throw new Error("Transactions go through UnitOfWork.run, not through SQL")
      return Exit.succeed(use(this.#database.statement(sql), params.map(toBinding)))
    } catch (cause) {
      const trouble = this.#database.storageTrouble(cause)
      return Exit.fail(
        trouble === undefined
          ? new SqlError({ cause, message: `${this.#database.explain(cause)} (in: ${sql.trim()})` })
          : new SqlError({ cause: trouble, message: trouble.message }),
      )
    }
  }

  #run<A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    use: (statement: Prepared<unknown>, bound: Array<Binding>) => A,
  ): Effect.Effect<A, SqlError> {
    return Effect.suspend(() => this.#runNow(sql, params, use))
  }

  /** The rows of a statement that is run now. */
  executeNow(sql: string, params: ReadonlyArray<unknown>): Exit.Exit<ReadonlyArray<unknown>, SqlError> {
    return this.#runNow(sql, params, (statement, bound) => statement.all(...bound))
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return this.#run(sql, params, (statement, bound): ReadonlyArray<unknown> => {
      const rows = statement.all(...bound)
      return transformRows === undefined ? rows : transformRows(rows.filter(isObject))
    })
  }

  /** For a statement without rows: how many rows it changed and the last row id. Otherwise the rows. */
  executeRaw(sql: string, params: ReadonlyArray<unknown>) {
    return this.#run<unknown>(sql, params, (statement, bound) =>
      statement.columnNames.length === 0 ? statement.run(...bound) : statement.all(...bound),
    )
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.#run(
      sql,
      params,
      (statement, bound): ReadonlyArray<ReadonlyArray<unknown>> => statement.values(...bound),
    )
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return this.execute(sql, params, transformRows)
  }

  /** All rows are read at once: a cursor left open would keep the WAL from being reused. */
  executeStream(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return Stream.unwrap(Effect.map(this.execute(sql, params, transformRows), Stream.fromIterable))
  }
}

const isObject = (row: unknown): row is object => typeof row === "object" && row !== null
