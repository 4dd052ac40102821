/** Part of the saga suite: cancelling, steps that share a unit of work, and definitions that change while sagas run. */
import { expect } from "@effect/vitest"
import { Saga } from "@paceline/core/workflow"
import { Effect, Exit, Option, Schema, Scope } from "effect"
import { pass } from "./DueWorkServices.ts"
import {
  Declined,
  freshName,
  happened,
  ledger,
  type SagaTest,
  script,
  threeSteps,
  whileTimePasses,
  write,
} from "./SagaServices.ts"

export const sagaOperations = (test: SagaTest): void => {
  cancelling(test)
  inOneUnit(test)
  redefining(test)
}

const cancelling = (test: SagaTest): void => {
  test(
    "cancelled while it waits, it compensates what has happened",
    Effect.gen(function* () {
      const name = freshName("order")
      const saga = threeSteps(name, { attempts: 10 })
      yield* script("b", ...Array.from({ length: 9 }, () => ({ _tag: "Down" as const })))
      yield* saga.work()
      yield* saga.start("1", { order: 1 })
      yield* pass(500, 10)
      expect(yield* saga.cancel("1", "changed my mind")).toBe("cancelling")
      yield* pass(1_000)
      const done = yield* whileTimePasses(saga.await("1"))
      expect(done.status).toBe("compensated")
      expect(done.reason).toEqual({ _tag: "Cancelled", why: "changed my mind" })
      expect(yield* ledger(name)).toEqual(["a", "undo a 2"])
      expect(yield* saga.cancel("1")).toBe("over already")
      expect((yield* Effect.flip(saga.cancel("2")))._tag).toBe("NoSuchSaga")
    }),
  )

  test(
    "cancelled in the middle of a call, it lets the call end and then undoes it as well",
    Effect.gen(function* () {
      const name = freshName("order")
      const saga = threeSteps(name)
      yield* script("b", { _tag: "Ok", millis: 10_000 })
      yield* saga.work()
      yield* saga.start("1", { order: 1 })
      yield* pass(2_000)
      expect(yield* saga.cancel("1")).toBe("requested")
      yield* pass(2_000)
      expect(yield* happened).toEqual(["b"])
      yield* pass(7_000)
      const done = yield* whileTimePasses(saga.await("1"))
      expect(done.status).toBe("compensated")
      expect(yield* happened).toEqual(["b", "b/compensate"])
      expect(yield* ledger(name)).toEqual(["a", "undo a 2"])
    }),
  )

  test(
    "cancelled before its first step, it ends at once",
    Effect.gen(function* () {
      const saga = threeSteps(freshName("order"))
      yield* saga.start("1", { order: 1 })
      expect(yield* saga.cancel("1")).toBe("cancelling")
      expect((yield* whileTimePasses(saga.await("1"))).status).toBe("compensated")
    }),
  )
}

const inOneUnit = (test: SagaTest): void => {
  const Input = Schema.Struct({ declined: Schema.Boolean })

  /** Three transactional steps in a row; the last can be refused. */
  const row = (name: string) => {
    const done = (step: string) => Effect.as(write(name, step), step)
    return Saga.make({
      name,
      input: Input,
      steps: (saga) =>
        saga
          .transaction("a", { result: Schema.String, run: () => done("a"), compensate: () => write(name, "undo a") })
          .transaction("b", {
            result: Schema.String,
            run: (_, { a }) => done(`b after ${a}`),
            compensate: () => write(name, "undo b"),
          })
          .transaction("c", {
            result: Schema.String,
            run: ({ declined }, { b }) => (declined ? new Declined() : done(`c after ${b}`)),
          }),
    })
  }

  test(
    "[log 42] transactional steps in a row take one unit of work, and the timeline has each of them",
    Effect.gen(function* () {
      const saga = row(freshName("row"))
      yield* saga.work()
      yield* saga.start("1", { declined: false })
      yield* pass(1_000)
      const { results, timeline } = yield* whileTimePasses(saga.await("1"))
      expect(Option.getOrThrow(results)).toEqual({ a: "a", b: "b after a", c: "c after b after a" })
      expect(timeline.flatMap(({ step }) => step ?? [])).toEqual(["a", "b", "c"])
    }),
  )

  test(
    "[log 40] when one of them fails, those before it have happened once, and are undone in reverse",
    Effect.gen(function* () {
      const name = freshName("row")
      const saga = row(name)
      yield* saga.work()
      yield* saga.start("1", { declined: true })
      yield* pass(1_000)
      const { reason, status, timeline } = yield* whileTimePasses(saga.await("1"))
      expect(status).toBe("compensated")
      expect(reason).toMatchObject({ _tag: "StepFailed", step: "c" })
      expect(yield* ledger(name)).toEqual(["a", "b after a", "undo b", "undo a"])
      expect(timeline.flatMap(({ outcome, step }) => (step === null ? [] : [`${step} ${outcome}`]))).toEqual([
        "a succeeded",
        "b succeeded",
        "c failed",
        "b succeeded",
        "a succeeded",
      ])
    }),
  )
}

const redefining = (test: SagaTest): void => {
  const twoSteps = (name: string, first: string, version: number, continues: ReadonlyArray<number> = []) =>
    Saga.make({
      name,
      version,
      continues,
      input: Schema.Struct({ order: Schema.Int }),
      steps: (saga) =>
        saga
          .transaction(first, {
            result: Schema.Null,
            run: () => Effect.as(write(name, first), null),
            compensate: () => write(name, `undo ${first}`),
          })
          .transaction("last", { result: Schema.Null, run: () => Effect.as(write(name, "last"), null) }),
    })

  /** Leaves a saga of version 1 that has done its first step and waits to do its second. */
  const halfWay = (name: string) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const saga = threeSteps(name, { attempts: 100 })
      yield* script("b", ...Array.from({ length: 99 }, () => ({ _tag: "Down" as const })))
      yield* Scope.extend(saga.work(), scope)
      yield* saga.start("1", { order: 1 })
      yield* pass(500, 100)
      yield* Effect.forkIn(Scope.close(scope, Exit.void), yield* Effect.scope)
      yield* pass(1_000)
      expect(yield* ledger(name)).toEqual(["a"])
    })

  test(
    "parks what the changed definition does not fit, with the reason, until one comes that does",
    Effect.gen(function* () {
      const name = freshName("changed")
      yield* halfWay(name)
      const renamed = twoSteps(name, "other", 1)
      const scope = yield* Scope.make()
      yield* Scope.extend(renamed.work(), scope)
      yield* pass(60_000, 1_000)
      const parked = Option.getOrThrow(yield* renamed.status("1"))
      expect(parked.status).toBe("parked")
      expect(parked.parked?.message).toBe('Its step 1 was "a"; the definition now has "other" there.')
      expect(yield* ledger(name)).toEqual(["a"])
      yield* Effect.forkIn(Scope.close(scope, Exit.void), yield* Effect.scope)
      yield* pass(1_000)

      const saga = threeSteps(name)
      yield* script("b", { _tag: "Ok" })
      yield* saga.work()
      yield* saga.retry("1", "the old steps are back")
      yield* pass(1_000)
      expect((yield* whileTimePasses(saga.await("1"))).status).toBe("completed")
      expect(yield* ledger(name)).toEqual(["a", "c 2 b 2"])
    }),
  )

  test(
    "goes on with an older version only if it says so, and leaves a newer one to newer programs",
    Effect.gen(function* () {
      const name = freshName("changed")
      yield* halfWay(name)
      const silent = twoSteps(name, "a", 2)
      const scope = yield* Scope.make()
      yield* Scope.extend(silent.work(), scope)
      yield* pass(60_000, 1_000)
      expect((yield* silent.listParked({ limit: 9 })).map(({ parked }) => parked?.message)).toEqual([
        'It was started with version 1 of its definition, and version 2 does not go on with that. List 1 in "continues" if its steps still mean the same.',
      ])
      yield* Effect.forkIn(Scope.close(scope, Exit.void), yield* Effect.scope)
      yield* pass(1_000)

      const willing = twoSteps(name, "a", 2, [1])
      yield* Scope.extend(willing.work(), yield* Effect.scope)
      yield* willing.retry("1", "it means the same")
      yield* pass(1_000)
      // The result of its first step is not what this definition expects: that is not run over either.
      const found = Option.getOrThrow(yield* willing.status("1"))
      expect(found.parked?.message).toMatch(/The result of its step "a" does not fit any more/)
      yield* willing.settle("1", "closed by hand")
      expect(Option.getOrThrow(yield* willing.status("1")).status).toBe("settled")
    }),
  )

  test(
    "leaves a saga of a newer version to newer programs, as in a rolling upgrade",
    Effect.gen(function* () {
      const name = freshName("changed")
      const older = twoSteps(name, "a", 1)
      const newer = twoSteps(name, "a", 2)
      yield* newer.start("1", { order: 1 })
      yield* older.work()
      yield* pass(20_000, 1_000)
      expect(Option.getOrThrow(yield* older.status("1")).status).toBe("running")
      expect(yield* ledger(name)).toEqual([])
      yield* newer.work()
      yield* pass(20_000, 1_000)
      expect((yield* whileTimePasses(newer.await("1"))).status).toBe("completed")
      expect(yield* ledger(name)).toEqual(["a", "last"])
    }),
  )
}
