import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { AggregateStore, UnitOfWork, VersionConflict } from "@paceline/core/consistency"
import { Effect, Option } from "effect"
import { aggregateStoreSuite } from "../suites/AggregateStoreSuite.ts"
import { migrations } from "./migrations/index.ts"
import * as SqliteStore from "./SqliteStore.ts"

aggregateStoreSuite("SQLite", SqliteStore.layerTest())

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-aggregates-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

describe("aggregate store on SQLite, as it lies in the file", () => {
  it.scoped("aggregates of an older version are all there, with their versions, and due in the same order", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const { "0018_aggregate_order": _, ...older } = migrations
      const before = Effect.gen(function* () {
        const store = yield* AggregateStore.AggregateStore
        yield* UnitOfWork.run(
          Effect.gen(function* () {
            yield* store.insert("bike", "b", { state: { metres: 1 }, dueAtMs: null })
            yield* store.update("bike", "b", 1, { state: { metres: 2 }, dueAtMs: null })
            for (const id of ["late", "z", "a"]) {
              yield* store.insert("job", id, { state: id, dueAtMs: id === "late" ? 20 : 10, rank: 1 })
            }
          }),
        )
      })
      yield* Effect.provide(before, SqliteStore.layer({ folder: path, migrations: older }))
      const after = Effect.gen(function* () {
        const store = yield* AggregateStore.AggregateStore
        expect(Option.getOrThrow(yield* store.get("bike", "b"))).toMatchObject({ version: 2, state: { metres: 2 } })
        const taken = yield* UnitOfWork.run(Effect.flip(store.insert("bike", "b", { state: 0, dueAtMs: null })))
        expect(taken).toEqual(new VersionConflict({ aggregate: "bike", id: "b", expectedVersion: 0, actualVersion: 2 }))
        const claimed = yield* UnitOfWork.run(store.claim("job", 1, { nowMs: 30, untilMs: 99, limit: 9 }))
        expect(claimed.map(({ id }) => id)).toEqual(["a", "z", "late"])
      })
      yield* Effect.provide(after, SqliteStore.layer({ folder: path }))
    }),
  )

  it.scoped("[log 54] a claim reads what is due from its index, without sorting, and asks for it by one seek", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const plan = yield* sql<{ detail: string }>`
        EXPLAIN QUERY PLAN SELECT id, version, state, due_at_ms, rank FROM aggregate
        WHERE kind = 'job' AND rank = 0 AND due_at_ms <= 1 ORDER BY due_at_ms, id LIMIT 9`
      expect(plan.map(({ detail }) => detail)).toEqual([
        "SEARCH aggregate USING INDEX aggregate_due (kind=? AND rank=? AND due_at_ms<?)",
      ])
    }).pipe(Effect.provide(SqliteStore.layerTest())),
  )
})
