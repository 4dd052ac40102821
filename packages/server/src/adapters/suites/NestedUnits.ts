/** The part of the unit of work's suite that tells of units inside units. */
import { SqlClient } from "@effect/sql/SqlClient"
import { expect } from "@effect/vitest"
import { afterCommit, UnitOfWork } from "@paceline/core/consistency"
import { Cause, Effect, Exit } from "effect"
import { add, Refused, tallies, type UnitTest } from "./UnitOfWorkServices.ts"

export const nestedUnits = (test: UnitTest): void => {
  test(
    "a unit inside a unit can fail alone; its work and its actions go, the outer one's stay",
    Effect.gen(function* () {
      const done: Array<string> = []
      yield* UnitOfWork.run(
        Effect.gen(function* () {
          yield* add("outer")
          yield* UnitOfWork.run(
            Effect.gen(function* () {
              yield* add("inner")
              yield* afterCommit(() => done.push("inner"))
              yield* UnitOfWork.run(
                Effect.zipRight(
                  add("innermost"),
                  afterCommit(() => done.push("innermost")),
                ),
              )
              return yield* Effect.fail(new Refused())
            }),
          ).pipe(Effect.catchAll(() => Effect.void))
          yield* UnitOfWork.run(
            Effect.zipRight(
              add("second"),
              afterCommit(() => done.push("second")),
            ),
          )
          yield* add("outer")
        }),
      )
      expect(yield* tallies).toEqual({ outer: 2, second: 1 })
      expect(done).toEqual(["second"])
    }),
  )

  test(
    "a unit inside a unit goes when the outer one fails, and sql.withTransaction is such a unit",
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* UnitOfWork.run(
        Effect.gen(function* () {
          yield* UnitOfWork.run(add("inner"))
          yield* sql.withTransaction(add("inner"))
          expect(yield* tallies).toEqual({ inner: 2 })
          return yield* Effect.fail(new Refused())
        }),
      ).pipe(Effect.flip)
      expect(yield* tallies).toEqual({})
      yield* UnitOfWork.run(
        Effect.zipRight(
          Effect.ignore(sql.withTransaction(Effect.zipRight(add("inner"), Effect.fail(new Refused())))),
          add("outer"),
        ),
      )
      expect(yield* tallies).toEqual({ outer: 1 })
    }),
  )

  test(
    "two units side by side inside one are a mistake that dies, not a mix-up",
    Effect.gen(function* () {
      const slow = UnitOfWork.run(Effect.zipRight(add("slow"), Effect.yieldNow()))
      const exit = yield* Effect.exit(UnitOfWork.run(Effect.all([slow, slow], { concurrency: "unbounded" })))
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("one after the other")
      expect(yield* tallies).toEqual({})
    }),
  )
}
