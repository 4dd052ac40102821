/**
 * What schedules and task graphs promise on an adapter's aggregates. Every adapter runs this suite.
 *
 * Each test builds the layer anew and has a store of its own.
 *
 * @example
 * schedulerSuite("SQLite", SqliteStore.layerTest())
 */
import { describe, expect } from "@effect/vitest"
import { Scheduler } from "@paceline/core/workflow"
import { Effect, Exit, type Layer, Scope } from "effect"
import {
  ask,
  type DueWorkServices,
  type DueWorkTest,
  freshKind,
  jump,
  pass,
  quiet,
  settableClock,
  testOn,
} from "./DueWorkServices.ts"
import { schedulerZones } from "./SchedulerZones.ts"
import { taskGraphs } from "./TaskGraphTests.ts"

export const schedulerSuite = (name: string, store: Layer.Layer<DueWorkServices, unknown>): void => {
  const test = testOn(store)

  describe(`scheduler: ${name}`, () => {
    firing(test)
    missing(test)
    schedulerZones(test)
    handling(test)
    taskGraphs(test)
  })
}

const MINUTE = 60_000
const everyMinute = { everyMillis: MINUTE }

const noting = (ran: Array<number>) => (run: Scheduler.Run) => Effect.sync(() => void ran.push(run.nominalMs / MINUTE))

/** A process of its own: what it makes ends when `stop` runs. */
const process = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Scope.extend(body, scope)
    yield* quiet
    return Scope.close(scope, Exit.void)
  })

const firing = (test: DueWorkTest): void => {
  test(
    "[log 36] a periodic task runs at each of its times, and goes on after a restart",
    Effect.gen(function* () {
      const name = freshKind("periodic")
      const ran: Array<number> = []
      const program = Effect.flatMap(Scheduler.make({ name }), (scheduler) =>
        scheduler.task({ name: "tick", when: everyMinute, run: noting(ran) }),
      )
      const stop = yield* process(program)
      yield* pass(3.5 * MINUTE, 10_000)
      expect(ran).toEqual([1, 2, 3])
      yield* stop
      yield* pass(5_000)
      yield* program
      yield* pass(2 * MINUTE, 10_000)
      expect(ran).toEqual([1, 2, 3, 4, 5])
    }),
  )

  test(
    "[log 14] several processes fire and run each nominal time once between them",
    Effect.gen(function* () {
      const name = freshKind("shared")
      const ran: Array<number> = []
      for (let i = 0; i < 3; i++) {
        const scheduler = yield* Scheduler.make({ name })
        yield* scheduler.task({ name: "tick", when: everyMinute, run: noting(ran) })
      }
      yield* pass(6.5 * MINUTE, 10_000)
      expect(ran).toEqual([1, 2, 3, 4, 5, 6])
    }),
  )

  for (const [direction, step] of [
    ["forward", 60],
    ["back", -60],
  ] as const) {
    test(
      `[log 34] a wall clock set ${direction} an hour runs no nominal time twice, and nothing stalls`,
      Effect.gen(function* () {
        const name = freshKind("jump")
        const { clock, setBy } = yield* settableClock
        yield* setBy(600 * MINUTE)
        const ran: Array<number> = []
        yield* Effect.fork(
          Effect.flatMap(Scheduler.make({ name }), (scheduler) =>
            scheduler.task({ name: "tick", when: everyMinute, run: noting(ran) }),
          ).pipe(Effect.zipRight(Effect.never), Effect.withClock(clock), Effect.scoped),
        )
        yield* pass(2.5 * MINUTE, 10_000)
        expect(ran).toEqual([601, 602])
        yield* setBy(step * MINUTE)
        yield* pass(10 * MINUTE, 10_000)
        expect(ran).toEqual([...new Set(ran)].toSorted((a, b) => a - b))
        // At half speed at worst; what a jump forward left out is one run.
        expect(ran.length).toBeGreaterThanOrEqual(7)
        expect(ran.length).toBeLessThanOrEqual(13)
      }),
    )
  }

  test(
    "[log 14] exactly once: a transactional task's effect happens once for each run, though it fails at first",
    Effect.gen(function* () {
      const effects = freshKind("effects")
      const scheduler = yield* Scheduler.make({ name: freshKind("transactional") })
      let tries = 0
      yield* scheduler.transactionalTask({
        name: "count",
        when: everyMinute,
        run: ({ id }) =>
          Effect.gen(function* () {
            yield* ask((store) => store.insert(effects, id, { state: 1, dueAtMs: null }))
            if (tries++ % 2 === 0) return yield* Effect.fail("a mishap")
          }),
      })
      yield* pass(3.5 * MINUTE, 10_000)
      expect(tries).toBe(6)
      expect(yield* ask((store) => store.count(effects))).toBe(3)
    }),
  )

  test(
    "[log 14] at most once: a run that fails is not tried again",
    Effect.gen(function* () {
      const scheduler = yield* Scheduler.make({ name: freshKind("once") })
      let tries = 0
      yield* scheduler.task({
        name: "announce",
        when: everyMinute,
        guarantee: "at-most-once",
        run: () =>
          Effect.zipRight(
            Effect.sync(() => tries++),
            Effect.fail("a mishap"),
          ),
      })
      yield* pass(2.5 * MINUTE, 10_000)
      expect(tries).toBe(2)
    }),
  )
}

const missing = (test: DueWorkTest): void => {
  for (const [missed, expected] of [
    ["skip", [1, 11]],
    ["one", [1, 10, 11]],
    ["all", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
  ] as const) {
    test(
      `[log 36] after an outage, missed runs: ${missed}`,
      Effect.gen(function* () {
        const name = freshKind("outage")
        const ran: Array<number> = []
        const program = Effect.flatMap(Scheduler.make({ name }), (scheduler) =>
          scheduler.task({ name: "tick", when: { everyMillis: 10 * MINUTE }, missed, run: noting(ran) }),
        )
        const stop = yield* process(program)
        yield* pass(10.5 * MINUTE, 30_000)
        yield* stop
        yield* jump(95 * MINUTE)
        yield* program
        yield* pass(5 * MINUTE, 30_000)
        expect(ran.map((minute) => minute / 10)).toEqual(expected)
      }),
    )
  }
}

const handling = (test: DueWorkTest): void => {
  test(
    "lists schedules with their next and last run, and what became of it",
    Effect.gen(function* () {
      const scheduler = yield* Scheduler.make({ name: freshKind("listed") })
      yield* scheduler.task({ name: "fails", when: everyMinute, attempts: 1, run: () => Effect.fail("no") })
      yield* scheduler.task({ name: "never", run: () => Effect.void })
      yield* scheduler.task({
        name: "works",
        when: { cron: "*/2 * * * *", zone: "Europe/Berlin" },
        run: () => Effect.void,
      })
      expect((yield* scheduler.list).map(({ last, nextMs, task }) => [task, nextMs, last])).toEqual([
        ["fails", MINUTE, undefined],
        ["never", undefined, undefined],
        ["works", 2 * MINUTE, undefined],
      ])
      yield* pass(2.5 * MINUTE, 10_000)
      expect(yield* scheduler.list).toMatchObject([
        { task: "fails", when: "every 60000 ms", nextMs: 3 * MINUTE, lastMs: 2 * MINUTE, last: "dead", paused: false },
        { task: "never", when: undefined },
        { task: "works", when: "*/2 * * * * Europe/Berlin", nextMs: 4 * MINUTE, lastMs: 2 * MINUTE, last: "done" },
      ])
    }),
  )

  test(
    "paused it does not run, and what fell into the pause is not made up for",
    Effect.gen(function* () {
      const scheduler = yield* Scheduler.make({ name: freshKind("paused") })
      const ran: Array<number> = []
      yield* scheduler.task({ name: "tick", when: everyMinute, missed: "all", run: noting(ran) })
      yield* pass(1.5 * MINUTE, 10_000)
      yield* scheduler.pause("tick")
      yield* pass(3 * MINUTE, 10_000)
      expect(yield* scheduler.list).toMatchObject([{ paused: true, nextMs: undefined }])
      yield* scheduler.resume("tick")
      yield* pass(MINUTE, 10_000)
      expect(ran).toEqual([1, 5])
      expect((yield* Effect.flip(scheduler.pause("gone")))._tag).toBe("NoSuchTask")
    }),
  )

  test(
    "[log 38] runs now and at a time, besides its schedule; a run that waits is cancelled or put off",
    Effect.gen(function* () {
      const scheduler = yield* Scheduler.make({ name: freshKind("asked") })
      const ran: Array<number> = []
      yield* scheduler.task({ name: "report", run: noting(ran) })
      const now = yield* scheduler.runNow("report")
      const later = yield* scheduler.runAt("report", 5 * MINUTE)
      const never = yield* scheduler.runAt("report", 5 * MINUTE)
      yield* pass(1_000)
      expect(ran).toEqual([0])
      expect(yield* scheduler.status("report", now)).toBe("done")
      expect(yield* scheduler.status("report", later)).toBe("delayed")
      expect(yield* scheduler.cancel("report", never)).toBe("changed")
      expect(yield* scheduler.reschedule("report", later, 2 * MINUTE)).toBe("changed")
      yield* pass(1.5 * MINUTE, 10_000)
      expect(ran.length).toBe(1)
      yield* pass(5 * MINUTE, 10_000)
      expect(ran.length).toBe(2)
      expect(yield* scheduler.status("report", never)).toBe("cancelled")
    }),
  )

  test(
    "a schedule that was changed begins anew; one that is forgotten is gone",
    Effect.gen(function* () {
      const name = freshKind("changed")
      const ran: Array<number> = []
      const program = (when: Scheduler.When) =>
        Effect.flatMap(Scheduler.make({ name }), (scheduler) =>
          Effect.as(scheduler.task({ name: "tick", when, run: noting(ran) }), scheduler),
        )
      const stop = yield* process(program({ everyMillis: 10 * MINUTE }))
      yield* stop
      const scheduler = yield* program(everyMinute)
      yield* pass(1.5 * MINUTE, 10_000)
      expect(ran).toEqual([1])
      yield* scheduler.forget("tick")
      yield* pass(2 * MINUTE, 10_000)
      expect(ran).toEqual([1])
      expect(yield* scheduler.list).toEqual([])
    }),
  )

  test(
    "refuses a schedule that says nothing, and names what is wrong",
    Effect.gen(function* () {
      const scheduler = yield* Scheduler.make({ name: freshKind("invalid") })
      const refused = (when: Scheduler.When) =>
        Effect.map(
          Effect.flip(scheduler.task({ name: "x", when, run: () => Effect.void })),
          (error) => `${error._tag}: ${error.message}`,
        )
      const zone = "Europe/Berlin"
      expect(yield* refused({ cron: "61 * * * *", zone })).toContain("InvalidSchedule")
      expect(yield* refused({ cron: "* * *", zone })).toContain("cron expression")
      expect(yield* refused({ cron: "0 0 30 2 *", zone })).toContain("never comes")
      expect(yield* refused({ cron: "0 0 * * *", zone: "Europe/Atlantis" })).toContain("Europe/Atlantis")
      expect(yield* refused({ everyMillis: 10 })).toContain("at least 1000")
      expect(yield* scheduler.list).toEqual([])
    }),
  )
}
