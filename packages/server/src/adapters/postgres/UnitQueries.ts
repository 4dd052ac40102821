/** Statements of the adapters themselves inside the caller's unit of work. */
import type { SqlError } from "@effect/sql/SqlError"
import { type StorageError, Transaction } from "@paceline/core/consistency"
import { Effect } from "effect"
import type { Query } from "./Pools.ts"
import { withStorageErrors } from "./PostgresErrors.ts"
import { type OpenUnit, unitOf } from "./UnitOfWork.ts"

/** Runs against the unit that the caller's transaction is; a statement that fails is a `StorageError`. */
export const writing = <A, E>(
  write: (query: Query, unit: OpenUnit) => Effect.Effect<A, E>,
): Effect.Effect<A, Exclude<E, Extract<E, SqlError>> | StorageError, Transaction> =>
  Effect.flatMap(Transaction, (transaction) => {
    const unit = unitOf(transaction)
    const query: Query = (text, params) => unit.guarded.executeUnprepared(text, params, undefined)
    return withStorageErrors(write(query, unit))
  })
