/**
 * A connection that refuses what belongs to the unit of work: writing outside of one, and ending its transaction.
 *
 * It reads how a statement begins. That catches the mistake on the developer's machine; it is no protection from who
 * means harm, whom only the database's own rights stop.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import { Effect, Stream } from "effect"

type RowsTransform = Parameters<Connection["execute"]>[2]

const START = String.raw`^(?:\s|;|\(|--[^\n]*(?:\n|$)|/\*[\s\S]*?\*/)*`

/** A statement that begins or ends a transaction or a savepoint. */
const MOVES_TRANSACTION = new RegExp(
  `${START}(?:begin|start|commit|end|rollback|abort|savepoint|release|prepare\\s+transaction)\\b`,
  "i",
)
const READS = new RegExp(`${START}(?:select|with|values|table|show|explain)\\b`, "i")
/** A query whose parts write. */
const WRITES_WITHIN =
  /\b(?:insert\s+into|(?<!\bfor\s+)(?<!\bfor\s+no\s+key\s+)update\s+\S|delete\s+from|merge\s+into)\b/i

const refusal = (problem: string) => {
  const cause = new Error(problem)
  return new SqlError({ cause, message: problem })
}

/** For statements inside a unit of work. `isOpen` tells whether it still runs. */
export const inUnit = (connection: Connection, isOpen: () => boolean): Connection =>
  new GuardedConnection(connection, (sql) => {
    if (!isOpen()) return refusal("This unit of work has ended: nothing more can be read or written through it.")
    if (MOVES_TRANSACTION.test(sql)) return refusal("Transactions go through UnitOfWork.run, not through SQL.")
    return undefined
  })

/** For statements outside. */
export const readOnly = (connection: Connection): Connection =>
  new GuardedConnection(connection, (sql) =>
    READS.test(sql) && !WRITES_WITHIN.test(sql)
      ? undefined
      : refusal("A write outside a unit of work is refused: writing goes through UnitOfWork.run."),
  )

class GuardedConnection implements Connection {
  readonly #connection: Connection
  readonly #refused: (sql: string) => SqlError | undefined

  constructor(connection: Connection, refused: (sql: string) => SqlError | undefined) {
    this.#connection = connection
    this.#refused = refused
  }

  #guarded<A>(sql: string, run: (connection: Connection) => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.suspend(() => {
      const refused = this.#refused(sql)
      return refused === undefined ? run(this.#connection) : Effect.fail(refused)
    })
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return this.#guarded(sql, (connection) => connection.execute(sql, params, transformRows))
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>) {
    return this.#guarded(sql, (connection) => connection.executeRaw(sql, params))
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.#guarded(sql, (connection) => connection.executeValues(sql, params))
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return this.#guarded(sql, (connection) => connection.executeUnprepared(sql, params, transformRows))
  }

  executeStream(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return Stream.suspend(() => {
      const refused = this.#refused(sql)
      return refused === undefined ? this.#connection.executeStream(sql, params, transformRows) : Stream.fail(refused)
    })
  }
}
