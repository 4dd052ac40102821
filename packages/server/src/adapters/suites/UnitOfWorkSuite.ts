/**
 * What a unit of work promises, whatever engine is behind it. Every adapter runs this suite.
 *
 * On engines with one writer bodies run in one go; where each unit has a connection of its own they may wait.
 *
 * @example
 * unitOfWorkSuite("SQLite", SqliteStore.layerTest())
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { afterCommit, type Transaction, UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Cause, Context, Deferred, Effect, Exit, Fiber, FiberRef, type Layer, Option } from "effect"
import fc from "fast-check"
import { nestedUnits } from "./NestedUnits.ts"
import {
  add,
  createTable,
  everything,
  nothing,
  Refused,
  tallies,
  type UnitServices,
  type UnitTest,
  whatIsStored,
} from "./UnitOfWorkServices.ts"

class Greeting extends Context.Tag("Greeting")<Greeting, string>() {}

export const unitOfWorkSuite = (
  name: string,
  store: Layer.Layer<UnitServices, unknown>,
  bodies: "run in one go" | "may wait" = "run in one go",
): void => {
  const test: UnitTest = (title, body) =>
    it.live(title, () => Effect.zipRight(createTable, body).pipe(Effect.provide(store)))

  describe(`unit of work: ${name}`, () => {
    nestedUnits(test)

    test(
      "[log 1] state, events, idempotency answer and offset commit together",
      Effect.gen(function* () {
        yield* UnitOfWork.run(everything)
        expect(yield* whatIsStored).toEqual({
          tallies: { everything: 1 },
          aggregates: 1,
          answer: "answer",
          events: 1,
          offset: 1,
        })
      }),
    )

    test(
      "[log 1] none of them is there when the unit fails, dies or is interrupted at its end",
      Effect.gen(function* () {
        const exitOf = (end: Effect.Effect<never, Refused>) =>
          Effect.exit(UnitOfWork.run(Effect.zipRight(everything, end)))
        expect(yield* exitOf(Effect.fail(new Refused()))).toEqual(Exit.fail(new Refused()))
        expect(yield* whatIsStored).toEqual(nothing)
        expect(yield* exitOf(Effect.die("a bug"))).toEqual(Exit.die("a bug"))
        expect(yield* whatIsStored).toEqual(nothing)
        expect(Exit.isInterrupted(yield* exitOf(Effect.interrupt))).toBe(true)
        expect(yield* whatIsStored).toEqual(nothing)
      }),
    )

    test(
      "[log 4] among units that run at the same time, those that fail fail alone",
      Effect.gen(function* () {
        const fails = (i: number) => i % 7 === 3
        const exits = yield* Effect.forEach(
          Array.from({ length: 200 }, (_, i) => i),
          (i) =>
            UnitOfWork.run(
              Effect.zipRight(add(`unit-${i}`), fails(i) ? Effect.fail(new Refused()) : Effect.succeed(i)),
            ).pipe(Effect.exit),
          { concurrency: "unbounded" },
        )
        exits.forEach((exit, i) => {
          expect(exit).toEqual(fails(i) ? Exit.fail(new Refused()) : Exit.succeed(i))
        })
        const expected = exits.flatMap((_, i) => (fails(i) ? [] : [[`unit-${i}`, 1] as const]))
        expect(yield* tallies).toEqual(Object.fromEntries(expected))
      }),
    )

    test(
      "[log 1] [log 4] holds for any mix of units that succeed, fail, die, and hold other units",
      Effect.gen(function* () {
        const runtime = yield* Effect.runtime<UnitOfWork | SqlClient>()
        interface Plan {
          readonly outcome: "succeed" | "fail" | "die"
          readonly inner: ReadonlyArray<Plan>
        }
        const outcome = fc.constantFrom("succeed" as const, "succeed" as const, "fail" as const, "die" as const)
        const { plan } = fc.letrec<{ plan: Plan }>((tie) => ({
          plan: fc.oneof(
            { maxDepth: 3, withCrossShrink: true },
            fc.record({ outcome, inner: fc.constant([]) }),
            fc.record({ outcome, inner: fc.array(tie("plan"), { maxLength: 3 }) }),
          ),
        }))
        /** How many units of the plan keep their work: an inner one only when those around it do. */
        const kept = (plan: Plan): number =>
          plan.outcome === "succeed" ? 1 + plan.inner.reduce((sum, inner) => sum + kept(inner), 0) : 0
        const carryOut = (
          plan: Plan,
          name: string,
          told: Array<string>,
        ): Effect.Effect<void, unknown, UnitOfWork | SqlClient> =>
          UnitOfWork.run(
            Effect.gen(function* () {
              yield* add(name)
              yield* afterCommit(() => told.push(name))
              for (const inner of plan.inner) yield* Effect.exit(carryOut(inner, name, told))
              if (plan.outcome === "fail") return yield* Effect.fail(new Refused())
              if (plan.outcome === "die") return yield* Effect.die("a bug")
            }),
          )
        let round = 0
        const property = fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 8 }), async (plans) => {
          round++
          const told: Array<string> = []
          const units = plans.map((plan, i) => Effect.exit(carryOut(plan, `${round}-${i}`, told)))
          const stored = await Effect.runPromise(
            Effect.zipRight(Effect.all(units, { concurrency: "unbounded" }), tallies).pipe(Effect.provide(runtime)),
          )
          plans.forEach((plan, i) => {
            const unit = `${round}-${i}`
            expect(stored[unit] ?? 0).toBe(kept(plan))
            expect(told.filter((name) => name === unit).length).toBe(kept(plan))
          })
        })
        yield* Effect.promise(() => fc.assert(property, { seed: 20261120, numRuns: 60 }))
      }),
    )

    test(
      "[log 5] when a unit is answered, everybody sees what it wrote",
      Effect.forEach(
        Array.from({ length: 50 }, (_, i) => `unit-${i}`),
        (unit) =>
          Effect.gen(function* () {
            yield* UnitOfWork.run(add(unit))
            expect((yield* tallies)[unit]).toBe(1)
          }),
        { concurrency: "unbounded" },
      ),
    )

    test(
      "inside, a unit reads what it wrote; outside, nobody does before the commit",
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const log = yield* EventLog.EventLog
        const runtime = yield* Effect.runtime<SqlClient>()
        yield* UnitOfWork.run(
          Effect.gen(function* () {
            yield* everything
            expect(yield* sql`SELECT n FROM tally`).toEqual([{ n: 1 }])
            expect((yield* log.read("things", 0, 0, 10)).length).toBe(1)
            expect(yield* log.committed("readers", "things", 0)).toBe(1)
            expect(yield* Effect.mapInputContext(tallies, (_: Context.Context<never>) => runtime.context)).toEqual({})
          }),
        )
        expect(yield* tallies).toEqual({ everything: 1 })
      }),
    )

    test(
      "a write outside a unit of work is refused, and so is a transaction of its own",
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const write = yield* Effect.flip(add("stray"))
        expect(String(write)).toContain("UnitOfWork.run")
        const transaction = yield* Effect.flip(sql.withTransaction(add("stray")))
        expect(String(transaction)).toContain("UnitOfWork.run")
        expect(yield* tallies).toEqual({})
      }),
    )

    test(
      "SQL cannot end the transaction of the unit that it runs in",
      Effect.gen(function* () {
        const sql = yield* SqlClient
        for (const statement of ["COMMIT", "end", " rollback", "BEGIN", "RELEASE unit", "-- hidden\nCOMMIT"]) {
          const unit = UnitOfWork.run(Effect.zipRight(add("early"), sql.unsafe(statement)))
          expect(Exit.isFailure(yield* Effect.exit(unit)), statement).toBe(true)
        }
        expect(yield* tallies).toEqual({})
      }),
    )

    test(
      "what is to be done after the commit is done once, in order, and not after a rollback",
      Effect.gen(function* () {
        const done: Array<string> = []
        const doing = (what: string) => afterCommit(() => done.push(what))
        yield* UnitOfWork.run(
          Effect.gen(function* () {
            yield* doing("first")
            yield* doing("second")
            expect(done).toEqual([])
          }),
        )
        expect(done).toEqual(["first", "second"])
        yield* Effect.exit(UnitOfWork.run(Effect.zipRight(doing("never"), Effect.fail(new Refused()))))
        expect(done).toEqual(["first", "second"])
      }),
    )

    test(
      "an action after the commit that throws harms neither its unit nor the others",
      Effect.gen(function* () {
        const done: Array<number> = []
        const answers = yield* Effect.forEach(
          [0, 1, 2],
          (i) =>
            UnitOfWork.run(
              Effect.gen(function* () {
                yield* afterCommit(() => {
                  if (i === 1) throw new Error("broken action")
                })
                yield* afterCommit(() => done.push(i))
                return i
              }),
            ),
          { concurrency: "unbounded" },
        )
        expect(answers).toEqual([0, 1, 2])
        expect(done.toSorted()).toEqual([0, 1, 2])
      }),
    )

    test(
      "a unit that is interrupted while it waits never runs",
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(UnitOfWork.run(add("late")))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        yield* UnitOfWork.run(add("next"))
        expect(yield* tallies).toEqual({ next: 1 })
      }),
    )

    if (bodies === "run in one go") {
      test(
        "a body that waits for something else dies and is rolled back, and the next unit runs",
        Effect.gen(function* () {
          const gate = yield* Deferred.make<void>()
          const finished: Array<string> = []
          const waiting = UnitOfWork.run(
            add("waiting").pipe(
              Effect.zipRight(Deferred.await(gate)),
              Effect.zipRight(Effect.sync(() => finished.push("on it went"))),
            ),
          )
          const exit = yield* Effect.exit(waiting)
          const defect = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.dieOption(exit.cause)) : undefined
          expect(String(defect)).toContain("waited for something other than the store")
          yield* Deferred.succeed(gate, undefined)
          yield* UnitOfWork.run(add("next"))
          expect(yield* tallies).toEqual({ next: 1 })
          expect(finished).toEqual([])
        }),
      )
    } else {
      test(
        "a body may wait for something else, and holds up nobody",
        Effect.gen(function* () {
          const gate = yield* Deferred.make<void>()
          const waiting = yield* Effect.fork(UnitOfWork.run(Effect.zipRight(add("waiting"), Deferred.await(gate))))
          yield* UnitOfWork.run(add("next"))
          expect(yield* tallies).toEqual({ next: 1 })
          yield* Deferred.succeed(gate, undefined)
          yield* Fiber.join(waiting)
          expect(yield* tallies).toEqual({ next: 1, waiting: 1 })
        }),
      )
    }

    test(
      "what outlives its unit can no longer read or write through it",
      Effect.gen(function* () {
        const left = yield* UnitOfWork.run(
          Effect.gen(function* () {
            yield* add("unit")
            const context = yield* Effect.context<SqlClient | Transaction>()
            return {
              write: Effect.provide(add("leftover"), context),
              act: Effect.provide(
                afterCommit(() => {}),
                context,
              ),
            }
          }),
        )
        expect(Exit.isFailure(yield* Effect.exit(left.write))).toBe(true)
        expect(Exit.isFailure(yield* Effect.exit(left.act))).toBe(true)
        yield* UnitOfWork.run(Effect.void)
        expect(yield* tallies).toEqual({ unit: 1 })
      }),
    )

    test(
      "a unit that is run with the leftovers of another one's context is a unit of its own",
      Effect.gen(function* () {
        const context = yield* UnitOfWork.run(Effect.context<UnitOfWork | SqlClient | Transaction>())
        yield* UnitOfWork.run(add("own")).pipe(Effect.provide(context))
        expect(yield* tallies).toEqual({ own: 1 })
      }),
    )

    test(
      "the body sees the caller's services, fiber refs and result type",
      Effect.gen(function* () {
        const ref = yield* FiberRef.make("nobody")
        const unit = UnitOfWork.run(
          Effect.zipWith(Greeting, FiberRef.get(ref), (greeting, who) => `${greeting} ${who}`),
        )
        const answer = yield* unit.pipe(Effect.provideService(Greeting, "hello"), Effect.locally(ref, "world"))
        expect(answer).toBe("hello world")
      }).pipe(Effect.scoped),
    )
  })
}
