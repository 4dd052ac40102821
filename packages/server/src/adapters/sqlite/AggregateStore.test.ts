import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { AggregateStore, UnitOfWork, VersionConflict } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Exit, Option, Queue } from "effect"
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

  it.scoped("[log 4] of many changes at once, one that the disk has no room for and one that throws fail alone", () =>
    Effect.gen(function* () {
      const store = yield* AggregateStore.AggregateStore
      const make = (n: number) =>
        store.change("bike", `${n}`, () => {
          if (n === 3) throw new Error("a mistake of the program")
          const records = [{ topic: "t", records: [{ key: "k", payload: n }] }]
          return { answer: n, next: { state: n === 7 ? "x".repeat(8_000_000) : n, dueAtMs: null, records } }
        })
      const exits = yield* Effect.forEach(
        Array.from({ length: 12 }, (_, n) => make(n)),
        Effect.exit,
        {
          concurrency: "unbounded",
        },
      )
      const [thrown, full] = [exits[3], exits[7]]
      expect(thrown).toEqual(Exit.die(new Error("a mistake of the program")))
      expect(full).toMatchObject({ _tag: "Failure", cause: { error: { _tag: "StorageError", reason: "full" } } })
      const others = [0, 1, 2, 4, 5, 6, 8, 9, 10, 11]
      expect(others.map((n) => exits[n])).toEqual(others.map((n) => Exit.succeed(n)))
      const stored = yield* store.list("bike", { limit: 99 })
      expect(stored.map(({ version }) => version)).toEqual(others.map(() => 1))
      const log = yield* EventLog.EventLog
      const told = yield* log.read("t", 0, 0, 99)
      expect(told.map(({ offset }) => offset)).toEqual(others.map((_, i) => i))
      expect(new Set(told.map(({ payload }) => payload))).toEqual(new Set(others))
    }).pipe(Effect.provide(SqliteStore.layerTest({ database: { maxPageCount: 1_000 } }))),
  )

  it.scoped(
    "a change of the state alone leaves time and rank, and one of either moves it among those that are due",
    () =>
      Effect.gen(function* () {
        const store = yield* AggregateStore.AggregateStore
        const seen: Array<number | undefined> = []
        const change = (next: AggregateStore.NewState) =>
          store.change("job", "a", ({ stored }) => {
            seen.push(stored?.version)
            return { answer: undefined, next }
          })
        const stored = Effect.map(store.get("job", "a"), Option.getOrThrow)
        const dueAt = (rank: number, nowMs: number) =>
          Effect.map(store.backlog("job", nowMs), (all) => all.find((one) => one.rank === rank)?.due ?? 0)

        yield* change({ state: "made", dueAtMs: 10, rank: 1 })
        yield* change({ state: "the same time, no rank said", dueAtMs: 10 })
        yield* change({ state: "the same time and rank", dueAtMs: 10, rank: 1 })
        expect(yield* stored).toMatchObject({ version: 3, state: "the same time and rank", dueAtMs: 10, rank: 1 })
        expect(yield* dueAt(1, 10)).toBe(1)

        yield* change({ state: "later", dueAtMs: 20 })
        expect(yield* stored).toMatchObject({ version: 4, state: "later", dueAtMs: 20, rank: 1 })
        expect([yield* dueAt(1, 10), yield* dueAt(1, 20)]).toEqual([0, 1])

        yield* change({ state: "higher", dueAtMs: 20, rank: 0 })
        expect(yield* stored).toMatchObject({ version: 5, state: "higher", dueAtMs: 20, rank: 0 })
        expect([yield* dueAt(0, 20), yield* dueAt(1, 20)]).toEqual([1, 0])

        yield* change({ state: "never", dueAtMs: null })
        yield* change({ state: "still never", dueAtMs: null })
        expect(yield* stored).toMatchObject({ version: 7, state: "still never", dueAtMs: null, rank: 0 })
        expect(yield* dueAt(0, 99)).toBe(0)
        expect(seen).toEqual([undefined, 1, 2, 3, 4, 5, 6])
      }).pipe(Effect.provide(SqliteStore.layerTest())),
  )

  it.scoped("a change that keeps the time still tells those who wait for what is due", () =>
    Effect.gen(function* () {
      const store = yield* AggregateStore.AggregateStore
      yield* store.change("job", "a", () => ({ answer: undefined, next: { state: 1, dueAtMs: 10 } }))
      const hints = yield* store.hints("job")
      yield* store.change("job", "a", () => ({ answer: undefined, next: { state: 2, dueAtMs: 10 } }))
      yield* Queue.take(hints)
    }).pipe(Effect.provide(SqliteStore.layerTest())),
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
