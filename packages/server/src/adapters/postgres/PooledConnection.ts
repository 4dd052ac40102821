/**
 * A connection that is no one connection: each statement takes one from the pool and gives it back.
 *
 * Waiting for one cannot be interrupted, because one that arrives after its taker has gone would be lost to the pool.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Effect, type Scope, Stream } from "effect"

type RowsTransform = Parameters<Connection["execute"]>[2]

export class PooledConnection implements Connection {
  readonly #reserve: Effect.Effect<Connection, SqlError, Scope.Scope>

  constructor(reserve: Effect.Effect<Connection, SqlError, Scope.Scope>) {
    this.#reserve = reserve
  }

  #use<A>(run: (connection: Connection) => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.scoped(
      Effect.uninterruptibleMask((restore) => Effect.flatMap(this.#reserve, (connection) => restore(run(connection)))),
    )
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return this.#use((connection) => connection.execute(sql, params, transformRows))
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>) {
    return this.#use((connection) => connection.executeRaw(sql, params))
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.#use((connection) => connection.executeValues(sql, params))
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return this.#use((connection) => connection.executeUnprepared(sql, params, transformRows))
  }

  executeStream(sql: string, params: ReadonlyArray<unknown>, transformRows: RowsTransform) {
    return Stream.unwrapScoped(
      Effect.map(this.#reserve, (connection) => connection.executeStream(sql, params, transformRows)),
    )
  }
}
