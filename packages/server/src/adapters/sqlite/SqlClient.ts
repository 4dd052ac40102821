/**
 * `SqlClient` of @effect/sql on the embedded database.
 *
 * Inside a unit of work its statements go to the writer, as part of the unit; outside they go to a connection
 * that only reads, and sees what is committed. So a write outside a unit of work fails with a clear error.
 * `sql.withTransaction` inside a unit is a unit within the unit (a savepoint); outside it is refused: writing
 * goes through `UnitOfWork.run`, and there is no second way.
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import * as Client from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import { isTraced, StorageError, type UnitOfWork } from "@paceline/core/consistency"
import { type Context, Effect } from "effect"
import type { Database } from "./Database.ts"
import { SqliteConnection } from "./SqliteConnection.ts"
import { currentUnit } from "./UnitOfWork.ts"

const refused = new SqlError({
  message: "A transaction outside a unit of work is refused: writing goes through UnitOfWork.run.",
})

export const make = (
  writer: Database,
  reader: Database,
  work: Context.Tag.Service<typeof UnitOfWork>,
): Effect.Effect<Client.SqlClient> =>
  Effect.gen(function* () {
    const reading = new SqliteConnection(reader)
    const client = yield* Client.make({
      acquirer: Effect.succeed(reading),
      transactionAcquirer: Effect.fail(refused),
      compiler: Statement.makeCompilerSqlite(),
      spanAttributes: [["db.system.name", "sqlite"]],
    })
    const withTransaction: Client.SqlClient["withTransaction"] = (body) =>
      Effect.contextWithEffect((context: Context.Context<never>) =>
        currentUnit(context, writer) === undefined
          ? Effect.fail(refused)
          : Effect.mapError(work.run(body), (error) =>
              error instanceof StorageError ? new SqlError({ cause: error, message: error.message }) : error,
            ),
      )
    return lean(Object.assign(client, { withTransaction }), writer, reading)
  }).pipe(Effect.provide(Reactivity.layer))

/**
 * Statements whose span nobody would see run in one step: that span, and the scope of a connection that is always there,
 * would cost several times what SQLite needs.
 */
const lean = (client: Client.SqlClient, writer: Database, reading: SqliteConnection): Client.SqlClient => {
  const inOneStep = (made: unknown): unknown => {
    if (!isStatement(made)) return made
    const commit = Effect.withFiberRuntime<ReadonlyArray<unknown>, SqlError>((fiber) => {
      const transformed = fiber.getFiberRef(Statement.currentTransformer)._tag === "Some"
      if (transformed || (fiber.currentSpan !== undefined && isTraced(fiber))) return made.withoutTransform
      const [sql, params] = made.compile()
      return (currentUnit(fiber.currentContext, writer)?.connection ?? reading).executeNow(sql, params)
    })
    return Object.assign(made, { commit: () => commit })
  }
  const unsafe = (...parts: Parameters<Client.SqlClient["unsafe"]>) => inOneStep(client.unsafe(...parts))
  return new Proxy(client, {
    apply: (make, self, parts) => inOneStep(Reflect.apply(make, self, parts)),
    get: (target, key) => (key === "unsafe" ? unsafe : Reflect.get(target, key)),
  })
}

const isStatement = (made: unknown): made is Statement.Statement<unknown> =>
  Statement.isFragment(made) && "withoutTransform" in made
