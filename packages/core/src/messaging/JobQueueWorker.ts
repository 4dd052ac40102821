/**
 * Who runs the jobs of a queue: `DueWork` brings them, a worker pool runs them, and each ends in one unit of work.
 *
 * An attempt is counted in the commit that claims the job. A job that succeeds is archived; one that fails is due again
 * after a jittered backoff, or dead; one that is interrupted, because the worker shuts down, is given back as if it had
 * not been begun, unless it may be begun only once.
 */
import {
  Cause,
  Clock,
  Duration,
  Effect,
  type Either,
  Exit,
  Option,
  ParseResult,
  Random,
  Schedule,
  type Scope,
} from "effect"
import * as WorkerPool from "../concurrency/WorkerPool.ts"
import { AggregateStore } from "../consistency/AggregateStore.ts"
import { StorageError, type Transaction, UnitOfWork } from "../consistency/UnitOfWork.ts"
import type { Strategy } from "../kernel/concurrency/Dispatch.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import * as DueWork from "./DueWork.ts"
import * as Failure from "./Failure.ts"
import type { JobQueueMetrics } from "./JobQueueMetrics.ts"
import * as State from "./JobQueueState.ts"
import { forgetUniques } from "./JobQueueUnique.ts"

/** What a handler is told of its job. */
export interface JobInfo {
  readonly id: string
  readonly queue: string
  /** 1 at first. */
  readonly attempt: number
  readonly priority: State.Job["priority"]
  readonly enqueuedAtMs: number
  /** When it was to be run. */
  readonly runAtMs: number
}

interface PoolOptions {
  /** Jobs that run at once. 10 if not given. */
  readonly workers?: number
  /** Which worker gets a job; sticky: one key, one worker. The least busy if not given. */
  readonly dispatch?: Strategy
  /** Jobs that wait in this process besides those that run, ready to begin. As many as workers if not given. */
  readonly prefetch?: number
  /** 30 s if not given. Renewed while a job is in hand. */
  readonly leaseMillis?: number
  /** How long jobs may go on when the scope closes. 10 s if not given. */
  readonly drainMillis?: number
}

export interface WorkOptions<A, B, E, R> extends PoolOptions {
  readonly handle: (payload: A, job: JobInfo) => Effect.Effect<B, E, R>
  /** At least once if not given. With at most once nothing is prefetched, and nothing that failed is tried again. */
  readonly guarantee?: "at-least-once" | "at-most-once"
}

export interface TransactionalWorkOptions<A, B, E, R> extends PoolOptions {
  /** Runs inside the unit of work that completes the job. */
  readonly handle: (payload: A, job: JobInfo) => Effect.Effect<B, E, R>
}

/** A queue's workers in this process: an `Autoscaler` can drive them. */
export interface Worker {
  readonly stats: Effect.Effect<WorkerStats>
  readonly resize: (workers: number) => Effect.Effect<void>
}

export interface WorkerStats {
  readonly workers: number
  readonly busy: number
  /** Jobs of the queue that are due, in hand here without running or in nobody's hands. */
  readonly waiting: number
  /** Attempts that ended here since the start, and those of them that failed. */
  readonly completed: number
  readonly failed: number
  /** From claimed to ended, of the last minute. */
  readonly p95Millis: number | undefined
}

export interface QueueSettings<A, B> {
  readonly name: string
  readonly decode: (payload: unknown) => Either.Either<A, ParseResult.ParseError>
  readonly encodeResult: (result: B) => unknown
  readonly attempts: number
  readonly backoff: Backoff.Backoff
  readonly keepForMillis: number
  readonly metrics: JobQueueMetrics
  readonly stats: Effect.Effect<State.QueueStats, StorageError, AggregateStore>
}

/** Runs one attempt and completes the job. Fails with what the handler failed with; then nothing is completed. */
type Attempt<R> = (claim: DueWork.Claim, job: State.Job) => Effect.Effect<void, unknown, R>

interface Mode<R> {
  readonly once: boolean
  readonly attempt: Attempt<R>
}

const infoOf = (queue: string, claim: DueWork.Claim, job: State.Job): JobInfo => ({
  id: claim.id,
  queue,
  attempt: job.attempts,
  priority: job.priority,
  enqueuedAtMs: job.enqueuedAtMs,
  runAtMs: job.runAtMs,
})

const complete = (change: DueWork.Change, job: State.Job, result: unknown) =>
  Effect.flatMap(DueWork.now, (finishedAtMs) => {
    const finished: State.Finished = { ...job, begun: false, outcome: "done", result, finishedAtMs }
    return change.archive(finished, finishedAtMs)
  })

/** The store is asked again for a while when it cannot take a completion: else a job that is done would run again. */
const insistently = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: (error) => error instanceof StorageError,
    schedule: Schedule.exponential("100 millis").pipe(
      Schedule.union(Schedule.spaced("5 seconds")),
      Schedule.upTo("1 minute"),
    ),
  })

/** The handler runs first, and then the job is completed. */
export const outside = <A, B, E, R>(queue: QueueSettings<A, B>, options: WorkOptions<A, B, E, R>): Mode<R> => ({
  once: options.guarantee === "at-most-once",
  attempt: (claim, job) =>
    Effect.gen(function* () {
      const payload = yield* queue.decode(job.payload)
      const result = queue.encodeResult(yield* options.handle(payload, infoOf(queue.name, claim, job)))
      yield* Effect.uninterruptible(insistently(claim.settle((change) => complete(change, job, result))))
    }),
})

/** The handler runs in the unit that completes the job. */
export const inUnit = <A, B, E, R>(
  queue: QueueSettings<A, B>,
  options: TransactionalWorkOptions<A, B, E, R>,
): Mode<Exclude<R, Transaction>> => ({
  once: false,
  attempt: (claim, job) =>
    Effect.flatMap(queue.decode(job.payload), (payload) =>
      claim.settle((change) =>
        Effect.flatMap(options.handle(payload, infoOf(queue.name, claim, job)), (result) =>
          complete(change, job, queue.encodeResult(result)),
        ),
      ),
    ),
})

export const isPaused = (queue: string): Effect.Effect<boolean, StorageError, AggregateStore> =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const stored = yield* store.get(State.CONTROL_KIND, queue)
    return Option.isSome(stored) && (yield* State.readControl(stored.value.state)).paused
  })

const WORKERS = 10
const PAUSE_POLL = Duration.seconds(1)
const JANITOR_EVERY = Duration.minutes(1)
const MEASURE_EVERY = Duration.seconds(10)
/** So many are forgotten in one unit of work. */
const FORGET_AT_ONCE = 500

export const make = <A, B, R>(
  queue: QueueSettings<A, B>,
  mode: Mode<R>,
  options: PoolOptions,
): Effect.Effect<Worker, never, AggregateStore | UnitOfWork | Scope.Scope | R> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<AggregateStore | UnitOfWork>()
    let workers = Math.max(1, Math.floor(options.workers ?? WORKERS))
    const prefetch = mode.once ? 0 : options.prefetch
    let paused = false
    let completed = 0
    let failed = 0

    const pool = yield* WorkerPool.make({
      name: queue.name,
      workers,
      dispatch: options.dispatch ?? "least-busy",
      queue: Number.MAX_SAFE_INTEGER,
    })
    const run = runner(queue, mode, (succeeded) => {
      completed++
      if (!succeeded) failed++
    })

    const askPaused = Effect.ignoreLogged(
      Effect.map(isPaused(queue.name), (is) => {
        paused = is
      }),
    )
    yield* askPaused
    yield* Effect.forkScoped(every(PAUSE_POLL, askPaused))
    yield* Effect.forkScoped(every(JANITOR_EVERY, Effect.ignoreLogged(forget(queue))))
    yield* Effect.forkScoped(every(MEASURE_EVERY, Effect.ignoreLogged(measure(queue))))

    const loop = DueWork.run({
      kind: State.kindOf(queue.name),
      ranks: Object.values(State.RANKS),
      concurrency: () => (paused ? 0 : workers + (prefetch ?? workers)),
      mark: State.begin,
      ...(options.leaseMillis === undefined ? {} : { leaseMillis: options.leaseMillis }),
      ...(options.drainMillis === undefined ? {} : { drainMillis: options.drainMillis }),
      handle: (claim) =>
        Effect.flatMap(State.readJob(claim.state), (job) => {
          const wishes = { priority: job.priority, ...(job.key === null ? {} : { key: job.key }) }
          // Interrupted while it waits for a worker, it has not been begun.
          return Effect.onInterrupt(
            pool.submit(() => run(claim, job), wishes),
            () => (mode.once ? Effect.void : giveBack(claim, job)),
          )
        }),
    })
    yield* Effect.forkScoped(loop)

    return {
      stats: Effect.gen(function* () {
        const inPool = yield* pool.stats
        const inStore = yield* Effect.option(queue.stats)
        const waiting = inPool.waiting + Option.match(inStore, { onNone: () => 0, onSome: (stats) => stats.waiting })
        const { busy, p95Millis } = inPool
        return { workers, busy, waiting, completed, failed, p95Millis }
      }).pipe(Effect.provide(context)),
      resize: (wanted) =>
        Effect.suspend(() => {
          workers = Math.max(1, Math.floor(wanted))
          return pool.resize(workers)
        }),
    }
  })

const every = <E, R>(pause: Duration.Duration, effect: Effect.Effect<void, E, R>) =>
  Effect.forever(Effect.zipRight(Effect.sleep(pause), effect))

const giveBack = (claim: DueWork.Claim, job: State.Job) =>
  Effect.flatMap(DueWork.now, (dueAtMs) =>
    Effect.ignore(claim.settle((change) => change.release({ state: State.unbegin(job), dueAtMs }))),
  )

/** Runs one attempt of a claimed job to its end, whatever that is. */
const runner =
  <A, B, R>(queue: QueueSettings<A, B>, { attempt, once }: Mode<R>, ended: (succeeded: boolean) => void) =>
  (claim: DueWork.Claim, job: State.Job) =>
    Effect.gen(function* () {
      const { metrics } = queue
      if (job.attempts > (once ? 1 : queue.attempts)) {
        return yield* bury(queue, claim, job, "It was begun, and the process that ran it did not come back.")
      }
      metrics.waitMillis((yield* DueWork.now) - job.runAtMs)
      const startedAt = yield* Clock.currentTimeNanos
      const exit = yield* Effect.exit(
        attempt(claim, job).pipe(Effect.annotateLogs({ queue: queue.name, job: claim.id, attempt: job.attempts })),
      )
      metrics.runMillis(Number((yield* Clock.currentTimeNanos) - startedAt) / 1e6)
      if (Exit.isSuccess(exit)) {
        ended(true)
        metrics.completed()
        return
      }
      // Interrupted from outside, this is not reached: what is interrupted here, the handler did itself.
      ended(false)
      metrics.failed()
      yield* failWith(queue, once, claim, job, exit.cause)
    })

const failWith = <A, B>(
  queue: QueueSettings<A, B>,
  once: boolean,
  claim: DueWork.Claim,
  job: State.Job,
  cause: Cause.Cause<unknown>,
) =>
  Effect.gen(function* () {
    const error = Option.getOrUndefined(Cause.failureOption(cause))
    if (error instanceof DueWork.ClaimLost && error.id === claim.id) return
    const text =
      error instanceof ParseResult.ParseError
        ? `Its payload cannot be decoded. ${error.message}`
        : Failure.textOf(cause)
    const hopeless = error instanceof ParseResult.ParseError || Failure.isHopeless(cause)
    // The store's trouble, and a guard's refusal before anything was tried, are not the job's fault.
    const innocent = Failure.isStoreTrouble(cause) || Failure.isRefused(cause)
    if (once || hopeless || (job.attempts >= queue.attempts && !innocent)) return yield* bury(queue, claim, job, text)
    const now = yield* DueWork.now
    const backoffMillis = Backoff.delayMillis(queue.backoff, job.attempts - 1, yield* Random.next)
    const runAtMs = now + Math.max(backoffMillis, Failure.retryAfterMillis(cause, now))
    const state: State.Job = { ...(innocent ? State.unbegin(job) : job), begun: false, error: text, runAtMs }
    yield* insistently(claim.settle((change) => change.release({ state, dueAtMs: runAtMs })))
  }).pipe(Effect.catchTag("ClaimLost", () => Effect.void))

/** Gives the job up: it becomes a dead one. */
const bury = <A, B>(queue: QueueSettings<A, B>, claim: DueWork.Claim, job: State.Job, error: string) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const deadAtMs = yield* DueWork.now
    const dead: State.Dead = { ...job, begun: false, error, deadAtMs }
    yield* insistently(
      claim.settle((change) =>
        Effect.zipRight(
          store.insert(State.deadKindOf(queue.name), claim.id, { state: dead, dueAtMs: null }),
          change.remove,
        ),
      ),
    )
    queue.metrics.deadLettered()
    yield* Effect.logWarning("A job was given up; it waits among the dead ones.").pipe(
      Effect.annotateLogs({ queue: queue.name, job: claim.id, attempts: job.attempts, error }),
    )
  }).pipe(Effect.catchTag("ClaimLost", () => Effect.void))

const forget = <A, B>(queue: QueueSettings<A, B>) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore
    const beforeMs = (yield* DueWork.now) - queue.keepForMillis
    const drop = UnitOfWork.run(store.dropArchived(State.kindOf(queue.name), beforeMs, FORGET_AT_ONCE))
    while ((yield* drop) === FORGET_AT_ONCE) yield* Effect.yieldNow()
    while ((yield* forgetUniques(queue.name, FORGET_AT_ONCE)) === FORGET_AT_ONCE) yield* Effect.yieldNow()
  })

const measure = <A, B>({ metrics, stats }: QueueSettings<A, B>) =>
  Effect.map(stats, ({ dead, later, oldestWaitMillis, waiting }) => {
    metrics.waiting(waiting)
    metrics.later(later)
    metrics.oldestWaitMillis(oldestWaitMillis)
    metrics.dead(dead)
  })
