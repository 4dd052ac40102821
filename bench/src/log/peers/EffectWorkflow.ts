/** @effect/workflow on the single-node cluster of @effect/cluster, stored in the SQLite of @effect/sql-sqlite-bun. */
import { join } from "node:path"
import { ClusterWorkflowEngine, SingleRunner } from "@effect/cluster"
import { SqliteClient } from "@effect/sql-sqlite-bun"
import { Activity, Workflow } from "@effect/workflow"
import { Effect, Layer, Logger, LogLevel, ManagedRuntime, Schema } from "effect"
import type { AtEnd } from "../../Harness.ts"
import { temporaryFolder } from "../stage/Stores.ts"
import { Workout } from "../stage/Workout.ts"

export const NAME = "@effect/workflow 0.19"
export const SETTINGS =
  "@effect/workflow 0.19.1, @effect/cluster 0.60.2, their defaults on @effect/sql-sqlite-bun 0.50.2: WAL, synchronous=FULL"

const Registration = Workflow.make({
  name: "Registration",
  success: Schema.Number,
  payload: { id: Schema.String, workout: Workout },
  idempotencyKey: ({ id }) => id,
})

const step = (name: string, n: number) =>
  Activity.make({ name, success: Schema.Struct({ n: Schema.Number }), execute: Effect.succeed({ n }) })

const registration = Registration.toLayer(() =>
  Effect.gen(function* () {
    const { n: reserved } = yield* step("reserve", 1)
    const { n: charged } = yield* step("charge", reserved + 1)
    const { n: confirmed } = yield* step("confirm", charged + 1)
    const { n: told } = yield* step("tell", confirmed + 1)
    return told
  }),
)

/** Answered with what carries one out to its end. */
export const open = (atEnd: AtEnd) => {
  const store = SqliteClient.layer({ filename: join(temporaryFolder(atEnd), "workflows.db") })
  const engine = ClusterWorkflowEngine.layer.pipe(Layer.provideMerge(SingleRunner.layer()), Layer.provideMerge(store))
  const quiet = Logger.minimumLogLevel(LogLevel.Error)
  const runtime = ManagedRuntime.make(registration.pipe(Layer.provideMerge(engine), Layer.provideMerge(quiet)))
  atEnd(() => runtime.dispose())
  const execute = (id: string, workout: Workout) =>
    Effect.flatMap(Registration.execute({ id, workout }), (told) =>
      told === 4 ? Effect.void : Effect.dieMessage(`${id} ended with ${told}`),
    )
  return { run: runtime.runPromise, execute }
}
