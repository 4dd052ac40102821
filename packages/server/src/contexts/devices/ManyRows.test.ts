import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { Effect } from "effect"
import * as SqliteStore from "../../adapters/sqlite/SqliteStore.ts"
import { manyRows } from "./ManyRows.ts"

describe("many rows", () => {
  it.scoped("are each written once, however many they are", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* UnitOfWork.run(sql`CREATE TABLE kept (n INTEGER PRIMARY KEY, text TEXT, bytes BLOB, again INTEGER) STRICT`)
      const insert = manyRows(
        sql,
        4,
        "INSERT INTO kept (n, text, bytes, again)",
        "ON CONFLICT (n) DO UPDATE SET again = again + 1",
      )
      let next = 0
      for (const count of [0, 1, 7, 8, 9, 64, 65, 73, 136]) {
        const rows = Array.from(
          { length: count },
          (_, i) => [next + i, i % 2 === 0 ? null : `row ${next + i}`, new Uint8Array([i]), 0] as const,
        )
        yield* UnitOfWork.run(insert(rows.flat()))
        const kept = yield* sql`SELECT n, text, bytes, again FROM kept WHERE n >= ${next} ORDER BY n`
        expect(kept.map(({ again, bytes, n, text }) => [n, text, bytes, again])).toEqual(rows)
        next += count
      }
      yield* UnitOfWork.run(insert([0, null, new Uint8Array(), 0]))
      expect(yield* sql`SELECT count(*) AS rows, sum(again) AS again FROM kept`).toEqual([{ rows: next, again: 1 }])
    }).pipe(Effect.provide(SqliteStore.layerTest())),
  )
})
