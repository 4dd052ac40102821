import { SqlError } from "@effect/sql/SqlError"
import { describe, expect, it } from "@effect/vitest"
import { StorageError } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { onNewDatabase } from "../../../test/PostgresStores.ts"
import { realPostgres } from "../../../test/RealPostgres.ts"
import * as GroupPublisher from "./GroupPublisher.ts"
import type { Columns } from "./LogRecords.ts"

const postgres = realPostgres()

const record = (n: number): EventLog.NewRecord => ({ key: `k${n}`, payload: n })

const upTo = (end: number) => Array.from({ length: end }, (_, i) => i)

/** Lets every fiber go as far as it can. */
const settle = Effect.repeatN(Effect.yieldNow(), 200)

/** The database's answer to what it cannot store (SQLSTATE 22021: a character that is not in its encoding). */
const refusal = new SqlError({ cause: Object.assign(new Error("invalid byte sequence"), { code: "22021" }) })
const lostConnection = new SqlError({ cause: new Error("Connection terminated unexpectedly") })

/** A publisher on a store that notes the sizes of what it is given, and waits for `gate` each time. */
const publisherOn = (
  gate: Effect.Effect<void>,
  failing: (columns: Columns) => SqlError | undefined = () => undefined,
) =>
  Effect.gen(function* () {
    const statements: Array<number> = []
    let next = 0
    let inFlight = 0
    const publisher = yield* GroupPublisher.make({
      partitionsOf: () => Effect.succeed(1),
      write: (_, columns) =>
        Effect.gen(function* () {
          expect(++inFlight).toBe(1)
          statements.push(columns.keys.length)
          yield* gate
          inFlight--
          const error = failing(columns)
          if (error !== undefined) return yield* error
          return columns.keys.map(() => ({ partition: 0, offset: next++, duplicate: false }))
        }),
      onWritten: () => undefined,
    })
    return { publisher, statements }
  })

describe("what many publish at once on postgres", () => {
  it.scoped(
    "[log 26] is one statement in flight, while the next collects; the line's memory is bounded by the batch",
    () =>
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        const { publisher, statements } = yield* publisherOn(Deferred.await(gate))
        const all = yield* Effect.fork(
          Effect.forEach(upTo(12_000), (n) => publisher.publish("t", [record(n)]), { concurrency: "unbounded" }),
        )
        yield* Effect.yieldNow()
        while (statements.length === 0) yield* Effect.yieldNow()
        expect(yield* Fiber.poll(all)).toMatchObject({ _tag: "None" })
        yield* Deferred.succeed(gate, undefined)
        const positions = yield* Fiber.join(all)
        expect(positions.map(([position]) => position?.offset)).toEqual(upTo(12_000))
        expect(Math.max(...statements)).toBeLessThanOrEqual(5_000)
        expect(statements.reduce((sum, size) => sum + size, 0)).toBe(12_000)
        expect(statements.length).toBeLessThan(10)
      }),
  )

  it.scoped("[log 4] what the database refuses fails alone, whoever stood beside it", () =>
    Effect.gen(function* () {
      const poison = (columns: Columns) => (columns.keys.includes("k13") ? refusal : undefined)
      const { publisher } = yield* publisherOn(Effect.yieldNow(), poison)
      const exits = yield* Effect.forEach(
        upTo(100),
        (n) => Effect.exit(publisher.publish("t", [record(n), record(n)])),
        {
          concurrency: "unbounded",
        },
      )
      expect(exits.flatMap((exit, n) => (Exit.isFailure(exit) ? [n] : []))).toEqual([13])
      const offsets = exits.flatMap((exit) => (Exit.isSuccess(exit) ? exit.value.map(({ offset }) => offset) : []))
      expect(offsets.toSorted((a, b) => a - b)).toEqual(upTo(198))
    }),
  )

  it.scoped("trouble of the database is told to all that were in the statement, and the next is tried anew", () =>
    Effect.gen(function* () {
      let broken = true
      const { publisher, statements } = yield* publisherOn(Effect.yieldNow(), () =>
        broken ? lostConnection : undefined,
      )
      const exits = yield* Effect.forEach(upTo(50), (n) => Effect.flip(publisher.publish("t", [record(n)])), {
        concurrency: "unbounded",
      })
      for (const error of exits) expect(error).toBeInstanceOf(StorageError)
      expect(statements.length).toBeLessThan(50)
      broken = false
      expect(yield* publisher.publish("t", [record(1)])).toEqual([{ partition: 0, offset: 0, duplicate: false }])
    }),
  )

  it.effect("[log 27] what waits when the store closes is written; what comes later is refused", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const { publisher } = yield* Scope.extend(publisherOn(Deferred.await(gate)), scope)
      const waiting = yield* Effect.fork(
        Effect.forEach(upTo(20), (n) => publisher.publish("t", [record(n)]), { concurrency: "unbounded" }),
      )
      yield* settle
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* settle
      const late = yield* Effect.flip(publisher.publish("t", [record(99)]))
      expect(late).toMatchObject({ _tag: "StorageError", reason: "closed" })
      yield* Deferred.succeed(gate, undefined)
      expect((yield* Fiber.join(waiting)).flat().length).toBe(20)
      yield* Fiber.join(closing)
    }),
  )

  it.live("[log 4] a key that PostgreSQL cannot store fails its publish, and only that, in a real database", () =>
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const exits = yield* Effect.forEach(
        upTo(60),
        (n) => Effect.exit(log.publish("t", [n === 31 ? { key: "no\u0000text", payload: n } : record(n)])),
        { concurrency: "unbounded" },
      )
      expect(exits.flatMap((exit, n) => (Exit.isFailure(exit) ? [n] : []))).toEqual([31])
      const records = yield* log.read("t", 0, 0, 100)
      expect(records.map(({ offset }) => offset)).toEqual(upTo(59))
    }).pipe(Effect.provide(onNewDatabase(postgres))),
  )

  it.live("a topic that PostgreSQL cannot store fails its publish, and other topics go on", () =>
    Effect.gen(function* () {
      const log = yield* EventLog.EventLog
      const error = yield* Effect.flip(log.publish("no\u0000topic", [record(1)]))
      expect(error).toBeInstanceOf(StorageError)
      yield* log.publish("topic", [record(1)])
    }).pipe(Effect.provide(onNewDatabase(postgres))),
  )
})
