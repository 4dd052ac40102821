/**
 * A process that carries a saga out and kills itself with SIGKILL in the middle of it.
 *
 * `bun SagaVictim.ts FOLDER [WHERE]`: `WHERE` is a line that the saga would write, such as `run b`; the process dies
 * there, after the effect and before it is recorded. Without it, it goes on to the end. What calls do is noted in
 * `calls.txt`, which no transaction takes back.
 */
import { appendFileSync } from "node:fs"
import { join } from "node:path"
import { AggregateStore } from "@paceline/core/consistency"
import { Saga } from "@paceline/core/workflow"
import { Data, Effect, Option, Schema } from "effect"
import * as SqliteStore from "../sqlite/SqliteStore.ts"

export const CALLS = "calls.txt"
export const ID = "1"

class Refused extends Data.TaggedError("Refused")<object> {
  readonly retryable = false
}

/** Two steps of each sort, and one that is refused. */
export const victimSaga = (folder: string, dieAt: string | undefined) => {
  const maybeDie = (line: string) =>
    Effect.sync(() => {
      if (line === dieAt) process.kill(process.pid, "SIGKILL")
    })
  const write = (line: string) =>
    Effect.gen(function* () {
      const store = yield* AggregateStore.AggregateStore
      const before = yield* store.get("ledger", "all")
      const lines = Option.match(before, {
        onNone: () => [],
        onSome: ({ state }) => Schema.decodeUnknownSync(Schema.Array(Schema.String))(state),
      })
      const next = { state: [...lines, line], dueAtMs: null }
      if (Option.isNone(before)) yield* store.insert("ledger", "all", next)
      else yield* store.update("ledger", "all", before.value.version, next)
      yield* maybeDie(line)
      return null
    })
  const call = (line: string, key: string) =>
    Effect.zipRight(
      Effect.sync(() => appendFileSync(join(folder, CALLS), `${line} ${key}\n`)),
      Effect.as(maybeDie(line), null),
    )
  return Saga.make({
    name: "victim",
    input: Schema.Null,
    steps: (saga) =>
      saga
        .transaction("a", { result: Schema.Null, run: () => write("run a"), compensate: () => write("undo a") })
        .call("b", {
          result: Schema.Null,
          run: (_, __, { key }) => call("run b", key),
          compensate: (_, __, { key }) => call("undo b", key),
        })
        .call("c", { result: Schema.Null, run: () => Effect.fail(new Refused()) }),
  })
}

export const ledger = Effect.flatMap(AggregateStore.AggregateStore, (store) =>
  Effect.map(store.get("ledger", "all"), (found) => Option.getOrUndefined(found)?.state),
)

if (import.meta.main) {
  const [, , folder = "", dieAt] = process.argv
  const saga = victimSaga(folder, dieAt)
  const life = Effect.gen(function* () {
    yield* saga.start(ID, null)
    yield* saga.work({ leaseMillis: 600 })
    yield* saga.await(ID)
  })
  await Effect.runPromise(Effect.provide(Effect.scoped(life), SqliteStore.layer({ folder })))
}
