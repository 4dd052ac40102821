/**
 * Tasks that wait for others: a small graph whose runs are stored, and go on where they were after a crash.
 *
 * A task begins when all its parents have ended as it wants them to (kernel `TaskGraph`: on success, on failure, always).
 * A parent's failure goes on to those that depend on it. Tasks that may run at the same time do. Each attempt is stored
 * before it begins and each end when it ends, under the run's claim (`DueWork`), so that one worker at a time has a run
 * in hand, and a zombie's writes are refused. A task's guarantee says what becomes of one that did not come back:
 *
 * - `"at-least-once"` (the usual): it is run again, up to its number of attempts.
 * - `"at-most-once"`: it has failed.
 * - `"exactly-once"`: its effect and its end are one unit of work.
 *
 * @example
 * const nightly = yield* TaskGraph.make({
 *   name: "nightly",
 *   tasks: yield* Effect.all({
 *     extract: TaskGraph.task({ run: () => extract }),
 *     load: TaskGraph.task({ after: { extract: "success" }, run: () => load }),
 *     alarm: TaskGraph.task({ after: { load: "failure" }, run: () => tellSomebody }),
 *   }),
 * })
 * yield* nightly.work
 * yield* nightly.start("2026-11-20")
 */
import { Effect, Option, Schema, type Scope } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { type StorageError, Transaction, UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import * as Kernel from "../kernel/workflow/TaskGraph.ts"
import * as DueWork from "../messaging/DueWork.ts"
import * as Runner from "./TaskGraphRunner.ts"
import * as State from "./TaskGraphState.ts"

export type { BoundTask, TaskRun } from "./TaskGraphRunner.ts"

interface TaskOptions {
  /** The tasks it waits for, and for which of their outcomes. None if not given. */
  readonly after?: Readonly<Record<string, Kernel.Condition>>
  /** How often it is tried in all; 3 if not given. An at-most-once task is tried once. */
  readonly attempts?: number
  /** 100 ms doubling to 10 s, with full jitter, if not given. */
  readonly backoff?: Backoff.Backoff
}

export interface Task<E, R> extends TaskOptions {
  readonly guarantee?: "at-least-once" | "at-most-once"
  readonly run: (run: Runner.TaskRun) => Effect.Effect<void, E, R>
}

export interface TransactionalTask<E, R> extends TaskOptions {
  /** Runs inside the unit of work that stores the task's end; must wait for nothing but the store. */
  readonly run: (run: Runner.TaskRun) => Effect.Effect<void, E, R>
}

const ATTEMPTS = 3

const common = (options: TaskOptions) => ({
  after: options.after ?? {},
  attempts: Math.max(1, options.attempts ?? ATTEMPTS),
  backoff: options.backoff ?? Backoff.standard,
})

/** A task, with the services that it needs taken from where this runs. */
export const task = <E, R>(options: Task<E, R>): Effect.Effect<Runner.BoundTask, never, R> =>
  Effect.map(Effect.context<R>(), (context) => {
    const guarantee = options.guarantee ?? "at-least-once"
    const run = (run: Runner.TaskRun) => Effect.provide(options.run(run), context)
    const settings = common(options)
    return { ...settings, attempts: guarantee === "at-most-once" ? 1 : settings.attempts, guarantee, run }
  })

/** A task whose effect happens exactly once. */
export const transactionalTask = <E, R>(
  options: TransactionalTask<E, R>,
): Effect.Effect<Runner.BoundTask, never, Exclude<R, Transaction>> =>
  Effect.map(Effect.context<Exclude<R, Transaction>>(), (context) => ({
    ...common(options),
    guarantee: "exactly-once" as const,
    run: (run) =>
      Effect.flatMap(Transaction, (transaction) =>
        Effect.provide(Effect.provideService(options.run(run), Transaction, transaction), context),
      ),
  }))

/** The tasks wait for each other, or for one that does not exist. */
export class InvalidTaskGraph extends Schema.TaggedError<InvalidTaskGraph>("paceline/InvalidTaskGraph")(
  "InvalidTaskGraph",
  { graph: Schema.String, message: Schema.String, path: Schema.Array(Schema.String) },
) {}

export interface TaskGraphOptions {
  /** Names the graph in the store. */
  readonly name: string
  readonly tasks: Readonly<Record<string, Runner.BoundTask>>
  /** Runs of the graph in hand at once, in one process. 5 if not given. */
  readonly concurrency?: number
  /** How long a run that is over can be looked up. A week if not given. */
  readonly keepForMillis?: number
  /** 30 s if not given. */
  readonly leaseMillis?: number
}

export interface RunView {
  readonly id: string
  /** Undefined while some tasks wait or run. */
  readonly outcome: Kernel.Ended | undefined
  readonly tasks: Kernel.State
  /** What failed last, in words, by task. */
  readonly errors: Readonly<Record<string, string>>
}

export interface TaskGraph {
  /**
   * Starts a run under an id of the caller's; false when there is, or was, a run of that id. In the caller's unit of work,
   * if there is one.
   */
  readonly start: (runId: string) => Effect.Effect<boolean, StorageError, AggregateStore | UnitOfWork>
  readonly find: (runId: string) => Effect.Effect<Option.Option<RunView>, StorageError, AggregateStore>
  /** Carries runs out until the scope closes. */
  readonly work: Effect.Effect<void, never, AggregateStore | UnitOfWork | Scope.Scope>
}

const WEEK_MILLIS = 7 * 86_400_000
const FORGET_AT_ONCE = 500

export const make = (options: TaskGraphOptions): Effect.Effect<TaskGraph, InvalidTaskGraph> =>
  Effect.gen(function* () {
    const { name, tasks } = options
    const kind = State.kindOf(name)
    const graph = yield* Effect.try({
      try: () => Kernel.make(Object.fromEntries(Object.entries(tasks).map(([id, { after }]) => [id, after]))),
      catch: (error) =>
        error instanceof Kernel.GraphError
          ? new InvalidTaskGraph({ graph: name, message: error.message, path: [...error.path] })
          : new InvalidTaskGraph({ graph: name, message: String(error), path: [] }),
    })

    const start = (runId: string) =>
      Effect.gen(function* () {
        const store = yield* AggregateStore
        const dueAtMs = yield* DueWork.now
        yield* store.insert(kind, runId, { state: State.begin(graph), dueAtMs })
        return true
      }).pipe(
        UnitOfWork.run,
        Effect.catchTag("VersionConflict", () => Effect.succeed(false)),
      )

    const find = (runId: string) =>
      Effect.gen(function* () {
        const store = yield* AggregateStore
        const live = yield* store.get(kind, runId)
        const over = Option.isSome(live) ? Option.none() : yield* store.getArchived(kind, runId)
        const stored = Option.getOrUndefined(live) ?? Option.getOrUndefined(over)
        if (stored === undefined) return Option.none()
        const { errors, tasks } = yield* State.read(stored.state)
        return Option.some({ id: runId, outcome: Kernel.outcome(graph, tasks), tasks, errors })
      })

    const forget = Effect.gen(function* () {
      const store = yield* AggregateStore
      const beforeMs = (yield* DueWork.now) - (options.keepForMillis ?? WEEK_MILLIS)
      const drop = UnitOfWork.run(store.dropArchived(kind, beforeMs, FORGET_AT_ONCE))
      while ((yield* drop) === FORGET_AT_ONCE) yield* Effect.yieldNow()
    }).pipe(Effect.ignoreLogged)

    const work = Effect.gen(function* () {
      yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep("1 minute"), forget)))
      yield* Effect.forkScoped(
        DueWork.run({
          kind,
          concurrency: options.concurrency ?? 5,
          ...(options.leaseMillis === undefined ? {} : { leaseMillis: options.leaseMillis }),
          handle: (claim) => Runner.carryOut(name, graph, tasks, claim),
        }),
      )
    })

    return { start, find, work }
  })
