/** The part of the scheduler's suite that tells of tasks that wait for others. */
import { expect } from "@effect/vitest"
import { StorageError } from "@paceline/core/consistency"
import { BreakerOpen } from "@paceline/core/resilience"
import { Scheduler, TaskGraph } from "@paceline/core/workflow"
import { Effect, Exit, Option, Scope } from "effect"
import { ask, change, type DueWorkTest, freshKind, pass } from "./DueWorkServices.ts"

const statuses = (found: Option.Option<TaskGraph.RunView>) =>
  Option.match(found, {
    onNone: () => undefined,
    onSome: ({ outcome, tasks }) => ({
      outcome,
      ...Object.fromEntries(Object.entries(tasks).map(([task, { status }]) => [task, status])),
    }),
  })

export const taskGraphs = (test: DueWorkTest): void => {
  test(
    "[log 37] a task waits for all its parents, and tasks that may do so run at the same time",
    Effect.gen(function* () {
      const told: Array<string> = []
      const takes = (name: string, millis: number) => () =>
        Effect.sync(() => told.push(`${name} begins`)).pipe(
          Effect.zipRight(Effect.sleep(millis)),
          Effect.zipRight(Effect.sync(() => void told.push(`${name} ends`))),
        )
      const graph = yield* TaskGraph.make({
        name: freshKind("graph"),
        tasks: yield* Effect.all({
          last: TaskGraph.task({ after: { quick: "success", slow: "success" }, run: takes("last", 0) }),
          quick: TaskGraph.task({ run: takes("quick", 1_000) }),
          slow: TaskGraph.task({ run: takes("slow", 60_000) }),
        }),
      })
      yield* graph.work
      expect(yield* graph.start("run")).toBe(true)
      expect(yield* graph.start("run")).toBe(false)
      yield* pass(70_000, 5_000)
      expect(told).toEqual(["quick begins", "slow begins", "quick ends", "slow ends", "last begins", "last ends"])
      expect(statuses(yield* graph.find("run"))).toEqual({
        outcome: "succeeded",
        last: "succeeded",
        quick: "succeeded",
        slow: "succeeded",
      })
      expect(yield* graph.start("run")).toBe(false)
    }),
  )

  test(
    "[log 37] a parent's failure, after its attempts, goes on to those that depend on it; who waits for it runs",
    Effect.gen(function* () {
      let tries = 0
      const ran: Array<string> = []
      const note = (name: string) => () => Effect.sync(() => void ran.push(name))
      const graph = yield* TaskGraph.make({
        name: freshKind("graph"),
        tasks: yield* Effect.all({
          extract: TaskGraph.task({
            attempts: 3,
            run: () =>
              Effect.zipRight(
                Effect.sync(() => tries++),
                Effect.fail(new Error("no such file")),
              ),
          }),
          load: TaskGraph.task({ after: { extract: "success" }, run: note("load") }),
          report: TaskGraph.task({ after: { load: "success" }, run: note("report") }),
          alarm: TaskGraph.task({ after: { report: "failure" }, run: note("alarm") }),
          tidy: TaskGraph.task({ after: { load: "always" }, run: note("tidy") }),
          party: TaskGraph.task({ after: { tidy: "failure" }, run: note("party") }),
        }),
      })
      yield* graph.work
      yield* graph.start("run")
      yield* pass(5_000)
      expect(tries).toBe(3)
      expect(ran.toSorted()).toEqual(["alarm", "tidy"])
      const found = yield* graph.find("run")
      expect(statuses(found)).toEqual({
        outcome: "failed",
        extract: "failed",
        load: "upstream-failed",
        report: "upstream-failed",
        alarm: "succeeded",
        tidy: "succeeded",
        party: "not-needed",
      })
      expect(Option.getOrThrow(found).errors["extract"]).toContain("no such file")
    }),
  )

  test(
    "[log 14] [log 39] goes on where it was when its worker dies: what ended is not run again, each by its guarantee",
    Effect.gen(function* () {
      const name = freshKind("graph")
      const effects = freshKind("effects")
      const ran: Array<string> = []
      let survives = false
      const tasks = Effect.all({
        done: TaskGraph.task({ run: () => Effect.sync(() => void ran.push("done")) }),
        again: TaskGraph.task({
          after: { done: "success" },
          run: ({ attempt }) =>
            Effect.zipRight(
              Effect.sync(() => ran.push(`again ${attempt}`)),
              survives ? Effect.void : Effect.never,
            ),
        }),
        never: TaskGraph.task({
          after: { done: "success" },
          guarantee: "at-most-once",
          run: () =>
            Effect.zipRight(
              Effect.sync(() => ran.push("never")),
              Effect.never,
            ),
        }),
        counted: TaskGraph.transactionalTask({
          after: { again: "success" },
          run: ({ attempt }) =>
            Effect.gen(function* () {
              yield* ask((store) => store.insert(effects, "one", { state: 1, dueAtMs: null }))
              if (attempt === 1) return yield* Effect.fail("a mishap")
            }),
        }),
      })
      const program = Effect.flatMap(tasks, (tasks) => Effect.tap(TaskGraph.make({ name, tasks }), ({ work }) => work))
      const scope = yield* Scope.make()
      const first = yield* Scope.extend(program, scope)
      yield* first.start("run")
      yield* pass(1_000)
      // It dies: whatever it writes from here on, on its way out, is a change of an older version.
      const stored = Option.getOrThrow(yield* ask((store) => store.get(`task-graph/${name}`, "run")))
      yield* change((store) =>
        store.update(stored.kind, "run", stored.version, { state: stored.state, dueAtMs: 30_000 }),
      )
      const dying = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* pass(15_000, 1_000)
      yield* dying
      survives = true
      const second = yield* program
      yield* pass(30_000, 1_000)
      expect(ran).toEqual(["done", "again 1", "never", "again 2"])
      expect(statuses(yield* second.find("run"))).toEqual({
        outcome: "failed",
        done: "succeeded",
        again: "succeeded",
        never: "failed",
        counted: "succeeded",
      })
      expect(yield* ask((store) => store.count(effects))).toBe(1)
    }),
  )

  test(
    "the store's trouble and a guard's refusal are no attempts of a task, but for one that runs at most once",
    Effect.gen(function* () {
      const troubles = [
        new StorageError({ reason: "failed", message: "The connection was lost." }),
        new BreakerOpen("mail", "open", 0),
      ]
      const seen: Array<string> = []
      const troubled = (told: TaskGraph.TaskRun) =>
        Effect.suspend(() => {
          const before = seen.filter((id) => id.startsWith(told.task)).length
          seen.push(`${told.task} ${told.attempt}`)
          const trouble = troubles[before]
          return trouble === undefined ? Effect.void : Effect.fail(trouble)
        })
      const graph = yield* TaskGraph.make({
        name: freshKind("graph"),
        tasks: yield* Effect.all({
          least: TaskGraph.task({ attempts: 1, run: troubled }),
          exactly: TaskGraph.transactionalTask({ attempts: 1, run: troubled }),
          most: TaskGraph.task({ guarantee: "at-most-once", run: troubled }),
        }),
      })
      yield* graph.work
      yield* graph.start("run")
      yield* pass(60_000, 1_000)
      expect(statuses(yield* graph.find("run"))).toEqual({
        outcome: "failed",
        least: "succeeded",
        exactly: "succeeded",
        most: "failed",
      })
      expect(seen.toSorted()).toEqual([
        ...["exactly 1", "exactly 1", "exactly 1"],
        ...["least 1", "least 1", "least 1"],
        "most 1",
      ])
    }),
  )

  test(
    "a schedule starts a graph, once for each nominal time",
    Effect.gen(function* () {
      const ran: Array<string> = []
      const graph = yield* TaskGraph.make({
        name: freshKind("graph"),
        tasks: yield* Effect.all({
          one: TaskGraph.task({ run: ({ runId }) => Effect.sync(() => void ran.push(runId)) }),
        }),
      })
      yield* graph.work
      const scheduler = yield* Scheduler.make({ name: freshKind("starts") })
      yield* scheduler.transactionalTask({
        name: "nightly",
        when: { everyMillis: 60_000 },
        run: ({ id }) => graph.start(id),
      })
      yield* pass(150_000, 10_000)
      expect(ran).toEqual(["nightly@1970-01-01T00:01:00.000Z", "nightly@1970-01-01T00:02:00.000Z"])
    }),
  )

  test(
    "refuses tasks that wait for each other, and names the cycle",
    Effect.gen(function* () {
      const run = () => Effect.void
      const tasks = yield* Effect.all({
        a: TaskGraph.task({ after: { c: "success" }, run }),
        b: TaskGraph.task({ after: { a: "success" }, run }),
        c: TaskGraph.task({ after: { b: "always" }, run }),
      })
      const error = yield* Effect.flip(TaskGraph.make({ name: "cyclic", tasks }))
      expect(error.message).toContain("a → c → b → a")
    }),
  )
}
