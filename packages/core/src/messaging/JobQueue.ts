/**
 * Work that is done later, by whoever has time for it: jobs with a payload, a priority and a time.
 *
 * A job exists when the unit of work that enqueued it has committed, and is run until it succeeds, is cancelled, or has
 * failed too often; then it is a dead job, kept for a person (`JobQueueDeadLetters`). Who runs it chooses the guarantee:
 *
 * - `work`, at least once (the usual): a handler that dies in the middle is run again. Its completion is fenced.
 * - `work` with `guarantee: "at-most-once"`: begun once, whatever happens; one that does not come back is a dead job.
 * - `workTransactional`: the handler runs in the unit of work that completes the job, so its effect happens exactly once.
 *
 * High goes before middle before low, and none waits for ever. What is over is archived, where it slows nothing, and
 * forgotten after `keepForMillis`.
 *
 * @example
 * const Mails = JobQueue.make({ name: "mail", payload: Schema.Struct({ to: Schema.String, text: Schema.String }) })
 * yield* Mails.enqueue({ to: "anna@example.org", text: "Hello" }, { priority: "low", inMillis: 60_000 })
 * const worker = yield* Mails.work({ workers: 5, handle: ({ to, text }) => send(to, text) })
 */
import { type Context, Effect, Either, Option, Schema, type Scope } from "effect"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import { afterCommit, type StorageError, type Transaction, UnitOfWork } from "../consistency/UnitOfWork.ts"
import type { Priority } from "../kernel/concurrency/PriorityQueue.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import * as DueWorkTime from "./DueWorkTime.ts"
import { drawId } from "./JobQueueIds.ts"
import * as Metrics from "./JobQueueMetrics.ts"
import * as State from "./JobQueueState.ts"
import { uniqueJob } from "./JobQueueUnique.ts"
import * as JobQueueWorker from "./JobQueueWorker.ts"

export type { QueueStats } from "./JobQueueState.ts"
export type { JobInfo, TransactionalWorkOptions, Worker, WorkerStats, WorkOptions } from "./JobQueueWorker.ts"

export interface JobQueueOptions<A, I, B, BI> {
  /** Names the queue in the store, in logs and in metrics. */
  readonly name: string
  readonly payload: Schema.Schema<A, I>
  /** What a finished job keeps of its handler's answer; nothing if not given. */
  readonly result?: Schema.Schema<B, BI>
  /** How often a job is tried in all. 10 if not given. */
  readonly attempts?: number
  /** How long between the attempts, with full jitter. 100 ms doubling to 10 s if not given. */
  readonly backoff?: Backoff.Backoff
  /** How long a finished job can still be looked up. A day if not given. */
  readonly keepForMillis?: number
}

export interface EnqueueOptions {
  /** Middle if not given. */
  readonly priority?: Priority
  /** Not before then, milliseconds since the epoch. */
  readonly atMs?: number
  /** Not before so many milliseconds from now. */
  readonly inMillis?: number
  /** Jobs of one key go to the same worker, where the workers are sticky. */
  readonly key?: string
  /** While a job with this key is not over, another one is not enqueued: the answer names the one that is there. */
  readonly unique?: {
    readonly key: string
    /** The same for so long after it was enqueued, even if it is over by then. */
    readonly withinMillis?: number
  }
  /** The job's own id; drawn if not given. If there is, or was and is not forgotten, a job with it, that is the answer. */
  readonly id?: string
}

export interface Enqueued {
  readonly id: string
  /** There was such a job already. */
  readonly duplicate: boolean
}

export interface JobView<A, B> {
  readonly id: string
  readonly status: "waiting" | "delayed" | "running" | "done" | "cancelled" | "dead"
  /** None where it does not fit the schema any more. */
  readonly payload: Option.Option<A>
  readonly priority: Priority
  readonly attempts: number
  readonly enqueuedAtMs: number
  readonly runAtMs: number
  /** The last one. */
  readonly error: string | undefined
  readonly result: Option.Option<B>
}

/** What became of a wish to change a job. A job that runs, or is over, is not changed. */
export type Changed = "changed" | "running" | "gone"

export interface JobQueue<A, B> {
  readonly name: string
  /**
   * In the caller's unit of work, if there is one: the job exists if that commits. A payload that does not fit its schema
   * dies.
   */
  readonly enqueue: (
    payload: A,
    options?: EnqueueOptions,
  ) => Effect.Effect<Enqueued, StorageError, AggregateStore | UnitOfWork>
  /** Many in one unit of work, in order. */
  readonly enqueueAll: (
    payloads: Iterable<A>,
    options?: Omit<EnqueueOptions, "unique" | "id">,
  ) => Effect.Effect<ReadonlyArray<Enqueued>, StorageError, AggregateStore | UnitOfWork>
  /** A job that waits or is delayed will not run. */
  readonly cancel: (id: string) => Effect.Effect<Changed, StorageError, AggregateStore | UnitOfWork>
  /** A job that waits or is delayed is run then instead, milliseconds since the epoch. */
  readonly reschedule: (id: string, atMs: number) => Effect.Effect<Changed, StorageError, AggregateStore | UnitOfWork>
  readonly find: (id: string) => Effect.Effect<Option.Option<JobView<A, B>>, StorageError, AggregateStore>
  /** Nobody begins another job of this queue, in any process, until it is resumed. Also after a restart. */
  readonly pause: Effect.Effect<void, StorageError, AggregateStore | UnitOfWork>
  readonly resume: Effect.Effect<void, StorageError, AggregateStore | UnitOfWork>
  readonly isPaused: Effect.Effect<boolean, StorageError, AggregateStore>
  readonly stats: Effect.Effect<State.QueueStats, StorageError, AggregateStore>
  /** Runs jobs until the scope closes; then what runs may finish, and the rest is given back. */
  readonly work: <E, R>(
    options: JobQueueWorker.WorkOptions<A, B, E, R>,
  ) => Effect.Effect<JobQueueWorker.Worker, never, AggregateStore | UnitOfWork | Scope.Scope | R>
  /** As `work`; each handler runs in the unit that completes its job, and must not wait for anything but the store. */
  readonly workTransactional: <E, R>(
    options: JobQueueWorker.TransactionalWorkOptions<A, B, E, R>,
  ) => Effect.Effect<JobQueueWorker.Worker, never, AggregateStore | UnitOfWork | Scope.Scope | Exclude<R, Transaction>>
}

const ATTEMPTS = 10
const KEEP_FOR_MILLIS = 86_400_000

export const make = <A, I, B = void, BI = void>(options: JobQueueOptions<A, I, B, BI>): JobQueue<A, B> => {
  const { name } = options
  const kind = State.kindOf(name)
  const encode = Schema.encodeSync(options.payload)
  const decode = Schema.decodeUnknownEither(options.payload)
  const decodeResult = options.result === undefined ? undefined : Schema.decodeUnknownEither(options.result)
  const metrics = Metrics.make(name)

  const settings: JobQueueWorker.QueueSettings<A, B> = {
    name,
    decode,
    encodeResult: options.result === undefined ? () => null : Schema.encodeSync(options.result),
    attempts: Math.max(1, options.attempts ?? ATTEMPTS),
    backoff: options.backoff ?? Backoff.standard,
    keepForMillis: options.keepForMillis ?? KEEP_FOR_MILLIS,
    metrics,
    stats: Effect.suspend(() => stats),
  }

  const insert = (payload: unknown, wishes: EnqueueOptions, id: string) =>
    Effect.gen(function* () {
      const store = yield* AggregateStore
      const enqueuedAtMs = yield* DueWorkTime.now
      const runAtMs = wishes.atMs ?? enqueuedAtMs + (wishes.inMillis ?? 0)
      const priority = wishes.priority ?? "middle"
      const state: State.Job = {
        payload,
        priority,
        key: wishes.key ?? null,
        uniqueKey: wishes.unique?.key ?? null,
        enqueuedAtMs,
        runAtMs,
        attempts: 0,
        begun: false,
        error: null,
      }
      yield* store.insert(kind, id, { state, dueAtMs: runAtMs, rank: State.RANKS[priority] })
      yield* afterCommit(metrics.enqueued)
      return { id, duplicate: false }
    })

  /** With an id of the caller's: the job that is there already, if there is. */
  const insertNamed = (payload: unknown, wishes: EnqueueOptions, id: string) =>
    Effect.gen(function* () {
      const store = yield* AggregateStore
      if (Option.isSome(yield* store.get(State.deadKindOf(name), id))) return { id, duplicate: true }
      return yield* Effect.catchTag(insert(payload, wishes, id), "VersionConflict", () =>
        Effect.succeed({ id, duplicate: true }),
      )
    })

  const enqueueOne = (payload: A, wishes: EnqueueOptions) => {
    const encoded = encode(payload)
    const { id, unique } = wishes
    const add = (given: string) =>
      id === undefined ? insert(encoded, wishes, given) : insertNamed(encoded, wishes, given)
    return Effect.flatMap(DueWorkTime.now, (now) => {
      const drawn = id ?? drawId(now)
      return unique === undefined ? add(drawn) : uniqueJob(name, unique, drawn, add)
    })
  }

  /** A fresh random id that is taken: this cannot happen. */
  const dieOnConflict = <A, E, R>(effect: Effect.Effect<A, E | VersionConflict, R>) =>
    Effect.catchIf(effect, (error): error is VersionConflict => error instanceof VersionConflict, Effect.die)

  /** Changes a job that is in nobody's hands; who is faster wins, and then it is looked at again. */
  const changing =
    (
      change: (
        store: Store,
        job: State.Job,
        version: number,
        id: string,
      ) => Effect.Effect<unknown, Failing, Transaction>,
    ) =>
    (id: string) =>
      UnitOfWork.run(
        Effect.gen(function* () {
          const store = yield* AggregateStore
          const stored = yield* store.get(kind, id)
          if (Option.isNone(stored)) return "gone" as const
          const job = yield* State.readJob(stored.value.state)
          if (job.begun) return "running" as const
          yield* change(store, job, stored.value.version, id)
          return "changed" as const
        }),
      ).pipe(Effect.retry({ times: 10, while: (error) => error instanceof VersionConflict }), dieOnConflict)

  const setPaused = (paused: boolean) =>
    UnitOfWork.run(
      Effect.gen(function* () {
        const store = yield* AggregateStore
        const stored = yield* store.get(State.CONTROL_KIND, name)
        const next = { state: { paused }, dueAtMs: null }
        if (Option.isNone(stored)) yield* store.insert(State.CONTROL_KIND, name, next)
        else yield* store.update(State.CONTROL_KIND, name, stored.value.version, next)
      }),
    ).pipe(Effect.retry({ times: 10, while: (error) => error instanceof VersionConflict }), dieOnConflict)

  const stats = Effect.gen(function* () {
    const store = yield* AggregateStore
    const nowMs = yield* DueWorkTime.now
    const backlog = yield* store.backlog(kind, nowMs)
    const waitingByPriority = { high: 0, middle: 0, low: 0 }
    let later = 0
    let oldestWaitMillis = 0
    for (const line of backlog) {
      waitingByPriority[State.priorityOf(line.rank)] += line.due
      later += line.later
      if (line.oldestDueAtMs !== null) oldestWaitMillis = Math.max(oldestWaitMillis, nowMs - line.oldestDueAtMs)
    }
    const waiting = waitingByPriority.high + waitingByPriority.middle + waitingByPriority.low
    const dead = yield* store.count(State.deadKindOf(name))
    return { waiting, waitingByPriority, later, oldestWaitMillis, dead }
  })

  const viewOf = (id: string, status: JobView<A, B>["status"], job: State.Job, result: unknown): JobView<A, B> => ({
    id,
    status,
    payload: Either.getRight(decode(job.payload)),
    priority: job.priority,
    attempts: job.attempts,
    enqueuedAtMs: job.enqueuedAtMs,
    runAtMs: job.runAtMs,
    error: job.error ?? undefined,
    result: status !== "done" || decodeResult === undefined ? Option.none() : Either.getRight(decodeResult(result)),
  })

  const find = (id: string) =>
    Effect.gen(function* () {
      const store = yield* AggregateStore
      const live = yield* store.get(kind, id)
      if (Option.isSome(live)) {
        const job = yield* State.readJob(live.value.state)
        const status = job.begun ? "running" : job.runAtMs > (yield* DueWorkTime.now) ? "delayed" : "waiting"
        return Option.some(viewOf(id, status, job, null))
      }
      const dead = yield* store.get(State.deadKindOf(name), id)
      if (Option.isSome(dead)) return Option.some(viewOf(id, "dead", yield* State.readDead(dead.value.state), null))
      const archived = yield* store.getArchived(kind, id)
      if (Option.isNone(archived)) return Option.none()
      const finished = yield* State.readFinished(archived.value.state)
      return Option.some(viewOf(id, finished.outcome, finished, finished.result))
    })

  return {
    name,
    enqueue: (payload, wishes = {}) => dieOnConflict(UnitOfWork.run(enqueueOne(payload, wishes))),
    enqueueAll: (payloads, wishes = {}) =>
      dieOnConflict(UnitOfWork.run(Effect.forEach(payloads, (payload) => enqueueOne(payload, wishes)))),
    cancel: changing((store, job, version, id) =>
      Effect.flatMap(DueWorkTime.now, (finishedAtMs) => {
        const finished: State.Finished = { ...job, outcome: "cancelled", result: null, finishedAtMs }
        return store.archive(kind, id, version, finished, finishedAtMs)
      }),
    ),
    reschedule: (id, atMs) =>
      changing((store, job, version) =>
        store.update(kind, id, version, { state: { ...job, runAtMs: atMs }, dueAtMs: atMs }),
      )(id),
    find,
    pause: setPaused(true),
    resume: setPaused(false),
    isPaused: JobQueueWorker.isPaused(name),
    stats,
    work: (work) => JobQueueWorker.make(settings, JobQueueWorker.outside(settings, work), work),
    workTransactional: (work) => JobQueueWorker.make(settings, JobQueueWorker.inUnit(settings, work), work),
  }
}

type Store = Context.Tag.Service<typeof AggregateStore>
type Failing = StorageError | VersionConflict
