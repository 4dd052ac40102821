/**
 * Tasks that run by the clock: again and again by a schedule, once at a time, or now.
 *
 * A schedule's run is named by its task and its nominal time, and inserted under that name together with the step to
 * the next one. So a run exists once, whoever fires it, whatever the clocks do, and also after a restart. Each task's runs
 * are jobs of a queue of its own (`JobQueue`): they are retried, given up and found there, and run with one of three
 * guarantees: at least once, at most once, or with an effect that happens exactly once.
 *
 * What was missed while nothing ran is skipped, run once for all (the usual), or all run (kernel `MissedRuns`). What
 * happens where clocks are changed says `SchedulerTimes`. For tasks that wait for others, let one start a `TaskGraph`.
 *
 * @example
 * const scheduler = yield* Scheduler.make({ name: "server" })
 * yield* scheduler.task({
 *   name: "backup",
 *   when: { cron: "30 2 * * *", zone: "Europe/Berlin" },
 *   run: ({ nominalMs }) => backUp(nominalMs),
 * })
 * yield* scheduler.runNow("backup")
 */
import { type Context, Effect, Option, Schema, type Scope } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import { type StorageError, type Transaction, UnitOfWork } from "../consistency/UnitOfWork.ts"
import type * as Backoff from "../kernel/resilience/Backoff.ts"
import * as MissedRuns from "../kernel/workflow/MissedRuns.ts"
import * as DueWork from "../messaging/DueWork.ts"
import * as JobQueue from "../messaging/JobQueue.ts"
import * as State from "./SchedulerState.ts"
import * as SchedulerTimes from "./SchedulerTimes.ts"

export { InvalidSchedule, type When } from "./SchedulerTimes.ts"

/** What a task is told of its run. */
export interface Run {
  /** The same for each attempt. */
  readonly id: string
  readonly task: string
  /** When it was to be, milliseconds since the epoch. */
  readonly nominalMs: number
  /** 1 at first. */
  readonly attempt: number
}

interface TaskOptions {
  readonly name: string
  /** Runs only when asked to, if not given. */
  readonly when?: SchedulerTimes.When
  /** One if not given. */
  readonly missed?: MissedRuns.Missed
  /** Runs at once in a process. 1 if not given. */
  readonly concurrency?: number
  /** As in `JobQueue`. */
  readonly attempts?: number
  readonly backoff?: Backoff.Backoff
  /** How long a finished run can be looked up. A week if not given. */
  readonly keepForMillis?: number
}

export interface Task<E, R> extends TaskOptions {
  /** At least once if not given. */
  readonly guarantee?: "at-least-once" | "at-most-once"
  readonly run: (run: Run) => Effect.Effect<void, E, R>
}

/** Its effect and the run's completion are one unit of work, so it happens exactly once. It must wait for the store only. */
export interface TransactionalTask<E, R> extends TaskOptions {
  readonly run: (run: Run) => Effect.Effect<void, E, R>
}

export interface ScheduleView {
  readonly task: string
  /** In one line; undefined for a task that only runs when asked to. */
  readonly when: string | undefined
  readonly nextMs: number | undefined
  /** The nominal time of the last run by schedule, and what became of it. */
  readonly lastMs: number | undefined
  readonly last: JobQueue.JobView<unknown, void>["status"] | undefined
  readonly paused: boolean
  /** Missed runs that were passed over, since the schedule was first stored. */
  readonly skipped: number
}

/** This scheduler has no task of this name. */
export class NoSuchTask extends Schema.TaggedError<NoSuchTask>("paceline/NoSuchTask")("NoSuchTask", {
  scheduler: Schema.String,
  task: Schema.String,
}) {
  override get message(): string {
    return `The scheduler "${this.scheduler}" has no task "${this.task}"`
  }
}

type Services = AggregateStore | UnitOfWork

export interface Scheduler {
  /** Stores the schedule and runs the task until the scope closes. Every process that does so shares the runs. */
  readonly task: <E, R>(
    task: Task<E, R>,
  ) => Effect.Effect<void, SchedulerTimes.InvalidSchedule | StorageError, Services | Scope.Scope | R>
  readonly transactionalTask: <E, R>(
    task: TransactionalTask<E, R>,
  ) => Effect.Effect<
    void,
    SchedulerTimes.InvalidSchedule | StorageError,
    Services | Scope.Scope | Exclude<R, Transaction>
  >
  /** One run besides the schedule's, now or at a time; answers its id. Inside a unit of work it is part of that. */
  readonly runNow: (task: string) => Effect.Effect<string, StorageError, Services>
  readonly runAt: (task: string, atMs: number) => Effect.Effect<string, StorageError, Services>
  /** A run that has not begun will not be. */
  readonly cancel: (task: string, runId: string) => Effect.Effect<JobQueue.Changed, StorageError, Services>
  readonly reschedule: (
    task: string,
    runId: string,
    atMs: number,
  ) => Effect.Effect<JobQueue.Changed, StorageError, Services>
  /** The status of a run; undefined when it is not known (any more). */
  readonly status: (task: string, runId: string) => Effect.Effect<ScheduleView["last"], StorageError, AggregateStore>
  /** Its schedule brings nothing until resumed; what falls into the pause is not made up for. */
  readonly pause: (task: string) => Effect.Effect<void, StorageError | NoSuchTask, Services>
  readonly resume: (task: string) => Effect.Effect<void, StorageError | NoSuchTask, Services>
  /** Forgets a schedule that is no longer in the program. Runs that wait stay. */
  readonly forget: (task: string) => Effect.Effect<void, StorageError | NoSuchTask, Services>
  readonly list: Effect.Effect<ReadonlyArray<ScheduleView>, StorageError, AggregateStore>
}

/** What this process knows of a task. */
interface Known {
  readonly times: SchedulerTimes.Times | undefined
  readonly missed: MissedRuns.Missed
  readonly queue: Runs
}

const RunPayload = Schema.Struct({ nominalMs: Schema.Number })
type Runs = JobQueue.JobQueue<typeof RunPayload.Type, void>
type Store = Context.Tag.Service<typeof AggregateStore>

const WEEK_MILLIS = 7 * 86_400_000
/** A schedule whose task this process does not know is left to those that do. */
const LEAVE_MILLIS = 60_000

export interface SchedulerOptions {
  /** Names the schedules in the store. */
  readonly name: string
}

/** Fires schedules until the scope closes. */
export const make = (options: SchedulerOptions): Effect.Effect<Scheduler, never, Services | Scope.Scope> =>
  Effect.gen(function* () {
    const { name } = options
    const kind = State.kindOf(name)
    const tasks = new Map<string, Known>()

    const queueOf = (task: string, options: Partial<TaskOptions> = {}): Runs =>
      JobQueue.make({
        name: `${kind}/${task}`,
        payload: RunPayload,
        ...(options.attempts === undefined ? {} : { attempts: options.attempts }),
        ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
        keepForMillis: options.keepForMillis ?? WEEK_MILLIS,
      })
    const runsOf = (task: string): Runs => tasks.get(task)?.queue ?? queueOf(task)

    const fire = (claim: DueWork.Claim) =>
      Effect.gen(function* () {
        const known = tasks.get(claim.id)
        const schedule = yield* State.read(claim.state)
        const now = yield* DueWork.now
        if (known?.times === undefined || known.times.text !== schedule.when || schedule.nextMs === null) {
          return yield* claim.settle((change) => change.release({ state: schedule, dueAtMs: now + LEAVE_MILLIS }))
        }
        const due = MissedRuns.due(known.missed, schedule.nextMs, now, known.times.nextAfter)
        if (due.skipped > 0) {
          yield* Effect.logWarning("Runs of a schedule were missed, and are passed over.").pipe(
            Effect.annotateLogs({ scheduler: name, task: claim.id, skipped: due.skipped }),
          )
        }
        const next: State.Schedule = {
          ...schedule,
          nextMs: due.next ?? null,
          lastMs: due.run.at(-1) ?? schedule.lastMs,
          skipped: schedule.skipped + due.skipped,
        }
        yield* claim.settle((change) =>
          Effect.zipRight(
            Effect.forEach(
              due.run,
              (nominalMs) => known.queue.enqueue({ nominalMs }, { id: State.runId(claim.id, nominalMs) }),
              { discard: true },
            ),
            change.release({ state: next, dueAtMs: next.nextMs }),
          ),
        )
      })

    yield* Effect.forkScoped(DueWork.run({ kind, concurrency: 10, handle: fire }))

    /** Makes the task known, here and in the store. */
    const register = (task: TaskOptions) =>
      Effect.gen(function* () {
        const times = task.when === undefined ? undefined : yield* SchedulerTimes.times(task.when)
        const queue = queueOf(task.name, task)
        tasks.set(task.name, { times, missed: task.missed ?? "one", queue })
        yield* Effect.addFinalizer(() => Effect.sync(() => tasks.delete(task.name)))
        const nowMs = yield* DueWork.now
        yield* changing(kind, task.name, (before) => State.registered(before, times, nowMs))
        return queue
      })

    const runOf = (task: string, nominalMs: number, job: JobQueue.JobInfo): Run => ({
      id: job.id,
      task,
      nominalMs,
      attempt: job.attempt,
    })

    /** A person's change of a schedule that must be there. */
    const existing = (task: string, next: (schedule: State.Schedule) => Effect.Effect<State.Schedule>) =>
      Effect.flatMap(
        changing(kind, task, (before) => (before === undefined ? Effect.succeed(undefined) : next(before))),
        (found) => (found ? Effect.void : Effect.fail(new NoSuchTask({ scheduler: name, task }))),
      )

    const runAt = (task: string, nominalMs: number) =>
      Effect.map(runsOf(task).enqueue({ nominalMs }, { atMs: nominalMs }), ({ id }) => id)

    const status = (task: string, runId: string) =>
      Effect.map(runsOf(task).find(runId), (found) => Option.getOrUndefined(found)?.status)

    return {
      task: (task) =>
        Effect.flatMap(register(task), (queue) =>
          queue.work({
            workers: task.concurrency ?? 1,
            prefetch: 0,
            ...(task.guarantee === undefined ? {} : { guarantee: task.guarantee }),
            handle: ({ nominalMs }, job) => task.run(runOf(task.name, nominalMs, job)),
          }),
        ),
      transactionalTask: (task) =>
        Effect.flatMap(register(task), (queue) =>
          queue.workTransactional({
            workers: task.concurrency ?? 1,
            prefetch: 0,
            handle: ({ nominalMs }, job) => task.run(runOf(task.name, nominalMs, job)),
          }),
        ),
      runNow: (task) => Effect.flatMap(DueWork.now, (now) => runAt(task, now)),
      runAt,
      cancel: (task, runId) => runsOf(task).cancel(runId),
      reschedule: (task, runId, atMs) => runsOf(task).reschedule(runId, atMs),
      status,
      pause: (task) => existing(task, (schedule) => Effect.succeed({ ...schedule, paused: true })),
      resume: (task) =>
        existing(task, (schedule) =>
          Effect.map(DueWork.now, (now) => State.resumed(schedule, tasks.get(task)?.times, now)),
        ),
      forget: (task) =>
        Effect.gen(function* () {
          const store = yield* AggregateStore
          const stored = yield* store.get(kind, task)
          if (Option.isNone(stored)) return yield* new NoSuchTask({ scheduler: name, task })
          yield* store.remove(kind, task, stored.value.version)
        }).pipe(UnitOfWork.run, again),
      list: Effect.gen(function* () {
        const store = yield* AggregateStore
        const views: Array<ScheduleView> = []
        for (let after: string | undefined; ; ) {
          const page = yield* store.list(kind, { ...(after === undefined ? {} : { after }), limit: 100 })
          for (const { id, state } of page) views.push(yield* viewOf(id, yield* State.read(state), status))
          after = page.at(-1)?.id
          if (page.length < 100) return views
        }
      }),
    } satisfies Scheduler
  })

const viewOf = <E, R>(
  task: string,
  { lastMs, nextMs, paused, skipped, when }: State.Schedule,
  status: (task: string, runId: string) => Effect.Effect<ScheduleView["last"], E, R>,
) =>
  Effect.gen(function* () {
    const last = lastMs === null ? undefined : yield* status(task, State.runId(task, lastMs))
    const view: ScheduleView = {
      task,
      when: when ?? undefined,
      nextMs: paused ? undefined : (nextMs ?? undefined),
      lastMs: lastMs ?? undefined,
      last,
      paused,
      skipped,
    }
    return view
  })

/** Another process, or the schedule itself, was faster: look again. */
const again = <A, E, R>(unit: Effect.Effect<A, E | VersionConflict, R>) =>
  unit.pipe(
    Effect.retry({ times: 10, while: (error) => error instanceof VersionConflict }),
    Effect.catchIf((error): error is VersionConflict => error instanceof VersionConflict, Effect.die),
  )

/** Changes a stored schedule. Answers whether there is one now. */
const changing = (
  kind: string,
  task: string,
  next: (before: State.Schedule | undefined) => Effect.Effect<State.Schedule | undefined>,
) =>
  Effect.flatMap(AggregateStore, (store: Store) =>
    Effect.gen(function* () {
      const stored = yield* store.get(kind, task)
      const before = Option.isNone(stored) ? undefined : yield* State.read(stored.value.state)
      const schedule = yield* next(before)
      if (schedule === undefined) return false
      const after = { state: schedule, dueAtMs: schedule.paused ? null : schedule.nextMs }
      if (Option.isNone(stored)) yield* store.insert(kind, task, after)
      else yield* store.update(kind, task, stored.value.version, after)
      return true
    }),
  ).pipe(UnitOfWork.run, again)
