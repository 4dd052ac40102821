/**
 * What sagas promise on an adapter. Every adapter runs this suite.
 *
 * @example
 * sagaSuite("SQLite", SqliteStore.layerTest())
 */
import { describe, expect } from "@effect/vitest"
import { AggregateStore, StorageError, UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Saga } from "@paceline/core/workflow"
import {
  Clock,
  Effect,
  Fiber,
  FiberRef,
  HashMap,
  Logger,
  LogLevel,
  Metric,
  MetricKey,
  MetricLabel,
  Option,
  Schema,
} from "effect"
import { pass } from "./DueWorkServices.ts"
import { sagaCrashes } from "./SagaCrashes.ts"
import { sagaOperations } from "./SagaOperations.ts"
import {
  freshName,
  happened,
  keysCalled,
  ledger,
  type SagaStore,
  type SagaTest,
  script,
  testsOn,
  threeSteps,
  whileTimePasses,
} from "./SagaServices.ts"
import { sagaStarts } from "./SagaStarts.ts"

export const sagaSuite = (name: string, store: SagaStore): void => {
  const test = testsOn(store)
  describe(`saga: ${name}`, () => {
    running(test)
    compensating(test)
    sagaStarts(test)
    sagaOperations(test)
    sagaCrashes(test)
  })
}

const running = (test: SagaTest): void => {
  test(
    "[log 42] runs its steps in order, hands each the results so far, and tells the whole story",
    Effect.gen(function* () {
      const name = freshName("order")
      const saga = threeSteps(name)
      yield* saga.work()
      yield* saga.start("7", { order: 7 })
      yield* pass(0)
      const done = yield* whileTimePasses(saga.await("7"))
      expect(done.status).toBe("completed")
      expect(Option.getOrThrow(done.results)).toEqual({ a: { seat: 8 }, b: "b 8", c: new Date(7) })
      expect(yield* ledger(name)).toEqual(["a", "c 8 b 8"])
      expect(yield* keysCalled).toEqual([`saga/${name}/7/b`])
      expect(
        done.timeline.map(({ action, attempt, outcome, step }) => [step, action, attempt, outcome].join(" ")),
      ).toEqual(["  0 started", "a run 1 succeeded", "b run 1 succeeded", "c run 1 succeeded", "  0 completed"])
      for (const { atMs, endedAtMs } of done.timeline) expect(endedAtMs).toBeGreaterThanOrEqual(atMs)
      expect((yield* saga.list({ limit: 9 })).length).toBe(0)
      expect((yield* saga.listFinished({ limit: 9 })).map(({ id }) => id)).toEqual(["7"])
    }),
  )

  test(
    "what a step logs, and its failure, says of which saga; what a call leaves in fiber refs is its own",
    Effect.gen(function* () {
      const name = freshName("logging")
      const mark = yield* FiberRef.make("none")
      const logged: Array<string> = []
      const logger = Logger.make(({ annotations, message }) => {
        const of = (key: string) => Option.getOrElse(HashMap.get(annotations, key), () => "?")
        logged.push(`${String(message).split(",")[0]}: ${of("kind")} ${of("saga")} ${of("id")}`)
      })
      let tries = 0
      const saga = Saga.make({
        name,
        input: Schema.String,
        steps: (steps) =>
          steps
            .call("slow", {
              result: Schema.String,
              run: (id) =>
                Effect.logInfo(`slow ${id}`).pipe(
                  Effect.zipRight(FiberRef.set(mark, id)),
                  Effect.zipRight(Effect.sleep("1 second")),
                  Effect.zipRight(++tries === 1 ? Effect.fail("lost") : Effect.succeed(id)),
                ),
            })
            .transaction("stored", {
              result: Schema.String,
              run: (id) => Effect.zipRight(Effect.logInfo(`stored ${id}`), FiberRef.get(mark)),
            }),
      })
      yield* Effect.gen(function* () {
        yield* saga.work()
        yield* saga.start("x", "x")
        const { results } = yield* whileTimePasses(saga.await("x"))
        expect(Option.getOrThrow(results)).toEqual({ slow: "x", stored: "none" })
      }).pipe(Logger.withMinimumLogLevel(LogLevel.Debug), Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      const about = `saga/${name} ${name} x`
      const steps = logged.filter((line) => /^(slow|stored|An attempt)/.test(line))
      const failed = `An attempt of a saga's step failed.: ${about}`
      expect(steps).toEqual([`slow x: ${about}`, failed, `slow x: ${about}`, `stored x: ${about}`])
    }),
  )

  test(
    "the store's trouble is no step's failure: one with a single attempt is through when the store is back",
    Effect.gen(function* () {
      // Longer than a worker holds out: its claim runs out meanwhile.
      const backAtMs = (yield* Clock.currentTimeMillis) + 120_000
      const lost = new StorageError({ reason: "failed", message: "The connection was lost." })
      const saga = Saga.make({
        name: freshName("troubled"),
        input: Schema.Null,
        steps: (steps) =>
          steps.transaction("stored", {
            result: Schema.Null,
            retry: { attempts: 1 },
            run: () =>
              Effect.flatMap(Clock.currentTimeMillis, (nowMs) =>
                nowMs < backAtMs ? Effect.fail(lost) : Effect.succeed(null),
              ),
          }),
      })
      yield* saga.work()
      yield* saga.start("1", null)
      const done = yield* whileTimePasses(saga.await("1"))
      expect(done.status).toBe("completed")
    }),
  )

  test(
    "starts in the caller's unit of work: with it or not at all, and the same id is the same saga",
    Effect.gen(function* () {
      const saga = threeSteps(freshName("order"))
      yield* saga.work()
      yield* Effect.flip(UnitOfWork.run(Effect.zipRight(saga.start("never", { order: 1 }), Effect.fail("no"))))
      const both = UnitOfWork.run(Effect.all([saga.start("1", { order: 1 }), saga.start("1", { order: 2 })]))
      expect((yield* both).map(({ duplicate }) => duplicate)).toEqual([false, true])
      yield* pass(0)
      expect((yield* saga.start("1", { order: 3 })).duplicate).toBe(true)
      expect((yield* whileTimePasses(saga.await("1"))).input).toEqual(Option.some({ order: 1 }))
      expect(yield* saga.status("never")).toEqual(Option.none())
      expect((yield* Effect.flip(saga.await("never")))._tag).toBe("NoSuchSaga")
      expect(yield* happened).toEqual(["b"])
    }),
  )

  test(
    "tries again later what may pass, outside and inside the unit of work, and undoes nothing",
    Effect.gen(function* () {
      const name = freshName("order")
      const saga = threeSteps(name)
      yield* script("b", { _tag: "Down" }, { _tag: "Lost" })
      yield* saga.work()
      yield* saga.start("flaky", { order: 1 })
      yield* pass(0)
      const waiting = Option.getOrThrow(yield* saga.status("flaky"))
      expect(waiting.status).toBe("running")
      expect(waiting.attempts).toBe(1)
      yield* pass(2_000)
      const done = yield* whileTimePasses(saga.await("flaky"))
      expect(done.status).toBe("completed")
      expect(yield* ledger(name)).toEqual(["a", "c 2 b 2"])
      expect(yield* keysCalled).toEqual(Array.from({ length: 3 }, () => `saga/${name}/flaky/b`))
      expect(done.timeline.filter(({ outcome }) => outcome === "failed").map(({ note, step }) => [step, note])).toEqual(
        [
          ["b", "nobody answers"],
          ["b", "nobody answers"],
          ["c", "nobody answers"],
          ["c", "nobody answers"],
        ],
      )
    }),
  )

  test(
    "interrupts a call that takes too long, and makes it again",
    Effect.gen(function* () {
      const saga = threeSteps(freshName("order"), { timeoutMillis: 5_000 })
      yield* script("b", { _tag: "Ok", millis: 60_000 })
      yield* saga.work()
      yield* saga.start("1", { order: 1 })
      yield* pass(4_900)
      expect(Option.getOrThrow(yield* saga.status("1")).attempts).toBe(0)
      yield* pass(1_000)
      const done = yield* whileTimePasses(saga.await("1"))
      expect(done.status).toBe("completed")
      expect(done.timeline.find(({ step }) => step === "b")).toMatchObject({
        outcome: "failed",
        note: "The call took longer than 5000 ms and was interrupted",
      })
    }),
  )

  test(
    "appends what happens to the log, in the same unit, and wakes who waits",
    Effect.gen(function* () {
      const saga = threeSteps(freshName("order"))
      yield* script("b", { _tag: "Declined" })
      yield* saga.work()
      yield* saga.start("1", { order: 1 })
      const waiting = yield* Effect.fork(saga.await("1"))
      yield* pass(0)
      expect((yield* Fiber.join(waiting)).status).toBe("compensated")
      const records = yield* Effect.flatMap(EventLog.EventLog, (log) => log.read(Saga.Sagas.name, 0, 0, 100_000))
      const own = records.filter(({ key }) => key === `${saga.name}/1`)
      const events = yield* Effect.forEach(own, (record) => EventLog.decode(Saga.Sagas, record))
      expect(events.map(({ _tag }) => _tag)).toEqual(["SagaStarted", "SagaTurnedBack", "SagaCompensated"])
    }),
  )

  test(
    "runs many at once, each through all its steps, and each transactional step once",
    Effect.gen(function* () {
      const saga = threeSteps(freshName("order"))
      yield* saga.work({ concurrency: 20 })
      yield* saga.work({ concurrency: 20 })
      const ids = Array.from({ length: 60 }, (_, i) => `${i}`)
      yield* Effect.forEach(ids, (id) => saga.start(id, { order: 1 }), { concurrency: "unbounded" })
      // They all write to one ledger, so on an engine with several writers some are overtaken and tried again.
      yield* pass(20_000, 500)
      const done = yield* Effect.forEach(ids, (id) => saga.await(id))
      const counts = Map.groupBy(yield* ledger(saga.name), (line) => line)
      const completed = done.filter(({ status }) => status === "completed").length
      expect(counts.get("c 2 b 2")?.length ?? 0).toBe(completed)
      expect(counts.get("a")?.length ?? 0).toBe(completed + (counts.get("undo a 2")?.length ?? 0))
    }),
  )
}

const alerts = (saga: string) =>
  Effect.map(
    Metric.value(
      Metric.fromMetricKey(
        MetricKey.taggedWithLabels(MetricKey.counter("paceline_saga_alerts_total", { incremental: true }), [
          MetricLabel.make("saga", saga),
        ]),
      ),
    ),
    ({ count }) => Number(count),
  )

const compensating = (test: SagaTest): void => {
  test(
    "[log 40] compensates in reverse, once each, when a step fails for good; a refused unit leaves nothing",
    Effect.gen(function* () {
      const name = freshName("order")
      const saga = threeSteps(name)
      yield* saga.work()
      yield* saga.start("refused", { order: 7 })
      yield* pass(0)
      const done = yield* whileTimePasses(saga.await("refused"))
      expect(done.status).toBe("compensated")
      expect(done.reason).toEqual({ _tag: "StepFailed", step: "c", error: "declined" })
      expect(yield* ledger(name)).toEqual(["a", "undo a 8"])
      expect(yield* happened).toEqual(["b", "b/compensate"])
      expect(done.timeline.filter(({ action }) => action === "compensate").map(({ step }) => step)).toEqual(["b", "a"])
      yield* pass(60_000, 10_000)
      expect(yield* happened).toEqual(["b", "b/compensate"])
    }),
  )

  test(
    "compensates a call of which nobody knows whether it happened, and not one that surely did not",
    Effect.gen(function* () {
      const saga = threeSteps(freshName("order"), { attempts: 2 })
      yield* saga.work()
      yield* script("b", { _tag: "Lost" }, { _tag: "Lost" })
      yield* saga.start("doubtful", { order: 1 })
      yield* pass(1_000)
      expect((yield* whileTimePasses(saga.await("doubtful"))).status).toBe("compensated")
      expect(yield* happened).toEqual(["b", "b", "b/compensate"])
      yield* script("b", { _tag: "Declined" })
      yield* saga.start("declined", { order: 1 })
      yield* pass(0)
      expect((yield* whileTimePasses(saga.await("declined"))).status).toBe("compensated")
      expect((yield* happened).length).toBe(3)
    }),
  )

  test(
    "[log 41] parks a compensation that fails for good, raises an alert, and goes on when a person has it retried",
    Effect.gen(function* () {
      const name = freshName("order")
      const saga = threeSteps(name)
      yield* script("b/compensate", { _tag: "Down" }, { _tag: "Down" }, { _tag: "Down" })
      yield* saga.work()
      yield* saga.start("refused", { order: 1 })
      yield* pass(2_000)
      const parked = yield* whileTimePasses(saga.await("refused"))
      expect(parked.status).toBe("parked")
      expect(parked.parked?.message).toBe('"b" could not be compensated: nobody answers')
      expect((yield* saga.listParked({ limit: 9 })).map(({ id }) => id)).toEqual(["refused"])
      expect(yield* alerts(name)).toBe(1)
      const records = yield* Effect.flatMap(EventLog.EventLog, (log) => log.read(Saga.Sagas.name, 0, 0, 100_000))
      const events = yield* Effect.forEach(records, (record) => EventLog.decode(Saga.Sagas, record))
      expect(events.filter((event) => event.saga === name && event._tag === "SagaParked").length).toBe(1)
      yield* pass(30_000, 10_000)
      expect(yield* ledger(name)).toEqual(["a"])

      yield* saga.retry("refused", "anna: the bank is back")
      yield* pass(1_000)
      const done = yield* whileTimePasses(saga.await("refused"))
      expect(done.status).toBe("compensated")
      expect(yield* ledger(name)).toEqual(["a", "undo a 2"])
      expect(yield* saga.listParked({ limit: 9 })).toEqual([])
      expect(done.timeline.find(({ outcome }) => outcome === "retried")?.note).toBe("anna: the bank is back")
      expect((yield* Effect.flip(saga.retry("refused", "again")))._tag).toBe("SagaNotParked")
    }),
  )

  test(
    "[log 41] goes on with those before when a person says that a parked compensation is settled",
    Effect.gen(function* () {
      const name = freshName("order")
      const saga = threeSteps(name)
      yield* script("b/compensate", { _tag: "Broken" })
      yield* saga.work()
      yield* saga.start("refused", { order: 1 })
      yield* pass(1_000)
      expect((yield* whileTimePasses(saga.await("refused"))).status).toBe("parked")
      yield* saga.settle("refused", "refunded in cash")
      yield* pass(1_000)
      const done = yield* whileTimePasses(saga.await("refused"))
      expect(done.status).toBe("compensated")
      expect(yield* ledger(name)).toEqual(["a", "undo a 2"])
      expect(yield* happened).toEqual(["b"])
      const store = yield* AggregateStore.AggregateStore
      expect(yield* store.count(`saga-parked/${name}`)).toBe(0)
    }),
  )
}
