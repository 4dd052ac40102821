/** The queue of @effect/experimental, on the SQLite of @effect/sql-sqlite-bun, with its defaults. */
import { join } from "node:path"
import * as Queue from "@effect/experimental/PersistedQueue"
import * as SqlPersistedQueue from "@effect/sql/SqlPersistedQueue"
import { SqliteClient } from "@effect/sql-sqlite-bun"
import { Effect, Layer, ManagedRuntime } from "effect"
import type { AtEnd } from "../../Harness.ts"
import { temporaryFolder } from "../stage/Stores.ts"
import { Workout } from "../stage/Workout.ts"

export const NAME = "PersistedQueue 0.61.1"
export const SETTINGS =
  "its defaults on @effect/sql-sqlite-bun 0.50.2: WAL, synchronous=FULL, one flush an offer; 100 fibers offer"

export const open = async (atEnd: AtEnd) => {
  const store = SqlPersistedQueue.layerStore().pipe(
    Layer.provide(SqliteClient.layer({ filename: join(temporaryFolder(atEnd), "queue.db") })),
  )
  const runtime = ManagedRuntime.make(Queue.layer.pipe(Layer.provide(store)))
  atEnd(() => runtime.dispose())
  const queue = await runtime.runPromise(Queue.make({ name: "bench", schema: Workout }))
  return (workout: Workout): Effect.Effect<unknown> => Effect.orDie(queue.offer(workout))
}
