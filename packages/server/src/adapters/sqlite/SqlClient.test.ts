import { SqlClient } from "@effect/sql/SqlClient"
import * as Statement from "@effect/sql/Statement"
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { Effect, Either, Option, Tracer } from "effect"
import * as SqliteStore from "./SqliteStore.ts"

const test = <A, E>(title: string, body: Effect.Effect<A, E, SqliteStore.Provided>) =>
  it.effect(title, () => Effect.provide(body, SqliteStore.layerTest()))

/** A tracer that writes down the name of each span and of the one around it. */
const recording = (spans: Array<readonly [name: string, parent: string | undefined]>) => {
  const live = Tracer.tracerWith((tracer) => Effect.succeed(tracer))
  return Effect.map(live, (tracer) =>
    Tracer.make({
      context: tracer.context,
      span: (name, parent, ...rest) => {
        const around = Option.getOrUndefined(parent)
        spans.push([name, around?._tag === "Span" ? around.name : undefined])
        return tracer.span(name, parent, ...rest)
      },
    }),
  )
}

describe("sql on SQLite", () => {
  test(
    "a statement in a span has a span of its own there; outside any it has none, and gives the same",
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const spans: Array<readonly [string, string | undefined]> = []
      const tracer = yield* recording(spans)
      const both = Effect.all([sql`SELECT ${7} AS n`, UnitOfWork.run(sql`SELECT ${8} AS n`)])
      expect(yield* Effect.withTracer(both, tracer)).toEqual([[{ n: 7 }], [{ n: 8 }]])
      expect(spans).toEqual([])
      expect(yield* both.pipe(Effect.withSpan("request"), Effect.withTracer(tracer))).toEqual([[{ n: 7 }], [{ n: 8 }]])
      expect(spans.filter(([name]) => name === "sql.execute")).toEqual([
        ["sql.execute", "request"],
        ["sql.execute", "request"],
      ])
    }),
  )

  test(
    "a statement is run each time that it is asked for, and its other forms work",
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* UnitOfWork.run(sql`CREATE TABLE t (n INTEGER NOT NULL)`)
      const insert = sql`INSERT INTO t ${sql.insert([{ n: 1 }, { n: 2 }])}`
      yield* UnitOfWork.run(Effect.zipRight(insert, insert))
      const select = sql<{ n: number }>`SELECT n FROM ${sql("t")} WHERE n IN ${sql.in([2])}`
      expect(yield* select).toEqual([{ n: 2 }, { n: 2 }])
      expect(yield* select.values).toEqual([[2], [2]])
      expect(yield* select.raw).toEqual([{ n: 2 }, { n: 2 }])
      expect(yield* sql.unsafe("SELECT count(*) AS n FROM t")).toEqual([{ n: 4 }])
    }),
  )

  test(
    "a statement that is wrong fails with the statement in its message",
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const failed = yield* Effect.either(sql`SELECT nothing FROM nowhere`)
      expect(Either.isLeft(failed) && failed.left.message).toContain("nowhere")
      expect(Either.isLeft(failed) && failed.left._tag).toBe("SqlError")
    }),
  )

  test(
    "a transformer of statements is obeyed",
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const another: Statement.Statement.Transformer = (_, make) => Effect.succeed(make`SELECT ${"another"} AS said`)
      expect(yield* Statement.withTransformer(sql`SELECT ${"this"} AS said`, another)).toEqual([{ said: "another" }])
    }),
  )
})
