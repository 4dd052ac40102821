/**
 * Part of the saga suite: sagas that begin in the hands of a worker of this process, and those that share units of work
 * with others.
 */
import { expect } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { Saga } from "@paceline/core/workflow"
import { type Context, Effect, Exit, Option, Schema, Scope } from "effect"
import { ask, pass } from "./DueWorkServices.ts"
import { dyingAtEach, toTheEnd } from "./SagaCrashes.ts"
import {
  freshName,
  happened,
  keysCalled,
  ledger,
  type SagaTest,
  script,
  threeSteps,
  whileTimePasses,
  write,
} from "./SagaServices.ts"

export const sagaStarts = (test: SagaTest): void => {
  beginning(test)
  ending(test)
  sharing(test)
}

/** Calls to the outside alone: what is stored of them may be stored with others. */
const twoCalls = (name: string, events?: (event: Saga.SagaEvent) => Effect.Effect<unknown>) =>
  Saga.make({
    name,
    input: Schema.Struct({ at: Schema.Date, note: Schema.optional(Schema.String) }),
    ...(events === undefined ? {} : { events }),
    steps: (saga) =>
      saga
        .call("first", {
          result: Schema.Struct({ at: Schema.Date }),
          run: ({ at }) => Effect.succeed({ at }),
        })
        .call("second", { result: Schema.Number, run: (_, { first }) => Effect.succeed(first.at.getTime()) }),
  })

const AT = new Date("2026-06-01T08:00:00Z")

const beginning = (test: SagaTest): void => {
  test(
    "begins in the hands of a worker that has room, in the unit that starts it, and is claimed where none has",
    Effect.gen(function* () {
      const name = freshName("begun")
      const saga = Saga.make({
        name,
        input: Schema.Null,
        steps: (steps) =>
          steps
            .call("slow", { result: Schema.Null, run: () => Effect.as(Effect.sleep(5_000), null) })
            .transaction("noted", { result: Schema.Null, run: (_, __, { id }) => Effect.as(write(name, id), null) }),
      })
      yield* saga.work({ concurrency: 1, drainMillis: 0 })
      yield* pass(100)
      yield* saga.start("1", null)
      yield* saga.start("2", null)
      // One change by `start`, none by a claim. The other waits for the only place.
      const rows = yield* Effect.forEach(["1", "2"], (id) => ask((store) => store.get(`saga/${name}`, id)))
      expect(rows.flatMap(Option.toArray)).toMatchObject([
        { version: 1, state: { claims: 1, trying: { begunAtMs: expect.any(Number) } } },
        { version: 1, state: { claims: 0, trying: { begunAtMs: null } } },
      ])
      yield* pass(20_000, 500)
      for (const id of ["1", "2"]) expect((yield* whileTimePasses(saga.await(id))).status).toBe("completed")
      expect(yield* ledger(name)).toEqual(["1", "2"])
    }),
  )

  test(
    "a start that comes to nothing takes nobody's place",
    Effect.gen(function* () {
      const name = freshName("begun")
      const saga = threeSteps(name)
      yield* saga.work({ concurrency: 1 })
      yield* pass(100)
      for (let i = 0; i < 3; i++) {
        yield* Effect.flip(UnitOfWork.run(Effect.zipRight(saga.start("never", { order: 1 }), Effect.fail("no"))))
      }
      expect((yield* saga.start("1", { order: 1 })).duplicate).toBe(false)
      expect((yield* whileTimePasses(saga.await("1"))).status).toBe("completed")
      for (let i = 0; i < 3; i++) expect((yield* saga.start("1", { order: 5 })).duplicate).toBe(true)
      yield* saga.start("2", { order: 2 })
      expect((yield* whileTimePasses(saga.await("2"))).status).toBe("completed")
      expect(yield* ledger(name)).toEqual(["a", "c 2 b 2", "a", "c 3 b 3"])
      expect(yield* saga.status("never")).toEqual(Option.none())
    }),
  )

  for (const when of ["before", "after"] as const) {
    test(
      `[log 39] a process that dies ${when} any unit of work, the one that starts it too: another resumes there`,
      Effect.gen(function* () {
        const deaths = yield* dyingAtEach(when, ({ isDead, live }) =>
          Effect.gen(function* () {
            const name = freshName("mortal")
            const saga = threeSteps(name)
            yield* live(
              Effect.gen(function* () {
                yield* saga.work({ drainMillis: 0 })
                yield* pass(100)
                yield* Effect.forkScoped(saga.start("1", { order: 1 }))
              }),
            )
            yield* pass(0)
            yield* saga.work()
            // Whoever started it and was not answered starts it again: the same id is the same saga.
            if (isDead()) yield* saga.start("1", { order: 1 })
            const done = yield* toTheEnd(saga, "1")
            expect(done.status).toBe("completed")
            expect(yield* ledger(name)).toEqual(["a", "c 2 b 2"])
          }),
        )
        expect(deaths).toBeGreaterThanOrEqual(4)
        expect(new Set((yield* keysCalled).map((key) => key.split("/").slice(2).join("/")))).toEqual(new Set(["1/b"]))
      }),
    )
  }

  test(
    "cancelled before its first call is through, it undoes that as well",
    Effect.gen(function* () {
      const name = freshName("begun")
      const saga = threeSteps(name)
      yield* script("b", { _tag: "Ok", millis: 3_000 })
      yield* saga.work()
      yield* pass(100)
      yield* saga.start("1", { order: 1 })
      yield* pass(500)
      expect(yield* saga.cancel("1")).toBe("requested")
      expect((yield* whileTimePasses(saga.await("1"))).status).toBe("compensated")
      expect(yield* happened).toEqual(["b", "b/compensate"])
      expect(yield* ledger(name)).toEqual(["a", "undo a 2"])
      expect(yield* ask((store) => store.count(`saga-cancel/${name}`))).toBe(0)
    }),
  )
}

const ending = (test: SagaTest): void => {
  test(
    "[log 39] shut down in the middle of a call, it interrupts that, and another makes it again: no attempt is lost",
    Effect.gen(function* () {
      const name = freshName("ended")
      const tries: Array<string> = []
      const saga = Saga.make({
        name,
        input: Schema.Null,
        steps: (steps) =>
          steps.call("slow", {
            result: Schema.Null,
            retry: { attempts: 1 },
            run: () =>
              Effect.suspend(() => {
                tries.push("made")
                return tries.length > 1
                  ? Effect.succeed(null)
                  : Effect.onInterrupt(Effect.never, () => Effect.sync(() => tries.push("interrupted")))
              }),
          }),
      })
      const scope = yield* Scope.make()
      yield* Scope.extend(saga.work({ drainMillis: 0 }), scope)
      yield* pass(100)
      yield* saga.start("1", null)
      yield* pass(100)
      expect(tries).toEqual(["made"])
      yield* Effect.forkIn(Scope.close(scope, Exit.void), yield* Effect.scope)
      yield* pass(1_000)
      expect(tries).toEqual(["made", "interrupted"])
      yield* saga.work()
      yield* pass(1_000)
      const { status, timeline } = yield* whileTimePasses(saga.await("1"))
      expect(status).toBe("completed")
      expect(tries).toEqual(["made", "interrupted", "made"])
      expect(timeline.flatMap(({ outcome, step }) => (step === null ? [] : [outcome]))).toEqual([
        "interrupted",
        "succeeded",
      ])
    }),
  )

  test(
    "who waits for one that is in hand here is told what the store says",
    Effect.gen(function* () {
      const saga = twoCalls(freshName("told"))
      yield* saga.work()
      yield* pass(100)
      yield* saga.start("1", { at: AT, note: undefined })
      const told = yield* whileTimePasses(saga.await("1"))
      expect(told.status).toBe("completed")
      expect(Option.getOrThrow(told.results)).toEqual({ first: { at: AT }, second: AT.getTime() })
      expect(Option.some(told)).toStrictEqual(yield* saga.status("1"))
      expect(told).toStrictEqual(yield* saga.await("1"))
    }),
  )

  test(
    "who waits for one that is put down here for later hears how it ends elsewhere",
    Effect.gen(function* () {
      const name = freshName("told")
      const saga = threeSteps(name)
      yield* script("b", { _tag: "Down" })
      yield* saga.work()
      yield* pass(100)
      yield* saga.start("1", { order: 1 })
      const waiting = yield* Effect.fork(saga.await("1"))
      yield* pass(0)
      // Another definition of the same saga, as another process would have it.
      yield* threeSteps(name).work()
      yield* pass(5_000)
      expect((yield* whileTimePasses(waiting)).status).toBe("completed")
    }),
  )
}

const sharing = (test: SagaTest): void => {
  const ids = Array.from({ length: 40 }, (_, i) => `${i}`)

  /** How often the unit of work runs. */
  const counted = Effect.map(UnitOfWork, (work) => {
    let units = 0
    const service: Context.Tag.Service<typeof UnitOfWork> = {
      run: (body) =>
        Effect.suspend(() => {
          units++
          return work.run(body)
        }),
    }
    return { service, units: () => units }
  })

  test(
    "sagas that go on at the same moment share their units of work",
    Effect.gen(function* () {
      const saga = twoCalls(freshName("shared"))
      const { service, units } = yield* counted
      const done = yield* Effect.gen(function* () {
        yield* saga.work()
        yield* pass(100)
        yield* Effect.forEach(ids, (id) => saga.start(id, { at: AT }), { concurrency: "unbounded" })
        return yield* whileTimePasses(Effect.forEach(ids, saga.await, { concurrency: "unbounded" }))
      }).pipe(Effect.provideService(UnitOfWork, service))
      expect(new Set(done.map(({ status }) => status))).toEqual(new Set(["completed"]))
      // Three each, alone.
      expect(units()).toBeLessThan(ids.length)
    }),
  )

  test(
    "one whose events cannot be told is nobody else's trouble",
    Effect.gen(function* () {
      const saga = twoCalls(freshName("shared"), (event) =>
        event.id === "7" && event._tag === "SagaCompleted" ? Effect.die("a mistake") : Effect.void,
      )
      yield* saga.work()
      yield* pass(100)
      yield* Effect.forEach(ids, (id) => saga.start(id, { at: AT }), { concurrency: "unbounded" })
      yield* pass(2_000)
      const found = yield* Effect.forEach(ids, saga.status)
      const running = found.flatMap(Option.toArray).filter(({ status }) => status !== "completed")
      expect(running.map(({ id, status, steps }) => [id, status, steps.length])).toEqual([["7", "running", 1]])
    }),
  )

  test(
    "one whose claim is lost is refused alone",
    Effect.gen(function* () {
      const name = freshName("shared")
      const saga = Saga.make({
        name,
        input: Schema.Null,
        steps: (steps) =>
          steps
            .call("slow", { result: Schema.Null, run: () => Effect.as(Effect.sleep(1_000), null) })
            .transaction("noted", {
              result: Schema.Null,
              run: (_, __, { id }) => Effect.as(write(`${name}/${id}`, id), null),
            }),
      })
      yield* saga.work()
      yield* pass(100)
      yield* Effect.forEach(ids, (id) => saga.start(id, null), { concurrency: "unbounded" })
      const row = Option.getOrThrow(yield* ask((store) => store.get(`saga/${name}`, "7")))
      yield* UnitOfWork.run(ask((store) => store.update(`saga/${name}`, "7", row.version, { ...row, dueAtMs: null })))
      yield* pass(10_000)
      const found = (yield* Effect.forEach(ids, saga.status)).flatMap(Option.toArray)
      expect(found.filter(({ status }) => status !== "completed").map(({ id }) => id)).toEqual(["7"])
      const lines = yield* Effect.forEach(ids, (id) => ledger(`${name}/${id}`))
      expect(lines).toEqual(ids.map((id) => (id === "7" ? [] : [id])))
    }),
  )
}
