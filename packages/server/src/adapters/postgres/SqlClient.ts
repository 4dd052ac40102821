/**
 * `SqlClient` of @effect/sql for contexts: inside a unit of work its statements are part of the unit; outside they only
 * read, and see what is committed. `sql.withTransaction` inside a unit is a unit within the unit (a savepoint).
 */
import type * as Client from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { StorageError, type UnitOfWork } from "@paceline/core/consistency"
import { type Context, Effect } from "effect"
import * as GuardedConnection from "./GuardedConnection.ts"
import { clientOn, type Pools } from "./Pools.ts"
import { currentUnit } from "./UnitOfWork.ts"

const refused = new SqlError({
  message: "A transaction outside a unit of work is refused: writing goes through UnitOfWork.run.",
  cause: new Error("There is no unit of work here."),
})

export const make = (pools: Pools, work: Context.Tag.Service<typeof UnitOfWork>): Effect.Effect<Client.SqlClient> => {
  const reading = Effect.map(pools.reading, GuardedConnection.readOnly)
  const withTransaction: Client.SqlClient["withTransaction"] = (body) =>
    Effect.contextWithEffect((context: Context.Context<never>) =>
      currentUnit(context) === undefined
        ? Effect.fail(refused)
        : Effect.mapError(work.run(body), (error) =>
            error instanceof StorageError ? new SqlError({ cause: error, message: error.message }) : error,
          ),
    )
  return Effect.map(clientOn(reading, Effect.fail(refused)), (client) => Object.assign(client, { withTransaction }))
}
