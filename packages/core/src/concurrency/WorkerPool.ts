/**
 * A pool of supervised worker fibers: jobs go to a worker that is free, or by key always to the same worker, so that
 * jobs of one key run in order. No job without a key waits while a worker is free.
 *
 * A worker may hold a resource (a connection, a parser). A job that dies takes its worker's resource with it: the
 * caller gets the defect, the resource is closed, and the worker starts anew; no other job is lost. The pool grows and
 * shrinks while it runs: a worker that is to go finishes its job and hands its line over. When the scope closes, all
 * that was accepted is finished first.
 *
 * @example
 * const pool = yield* WorkerPool.make({ name: "imports", workers: 10, dispatch: "sticky" })
 * const activity = yield* pool.submit(() => parse(upload), { key: upload.athleteId, priority: "low" })
 * yield* pool.resize(20)
 */
import { Config, type Context, Effect, Layer, Scope } from "effect"
import type { Strategy } from "../kernel/concurrency/Dispatch.ts"
import type { Priority } from "../kernel/concurrency/PriorityQueue.ts"
import { checked } from "./CheckedConfig.ts"
import { monotonicMillis } from "./MonotonicClock.ts"
import * as PoolJob from "./PoolJob.ts"
import { type PoolClosed, type PoolEvent, type PoolFull, PoolState, type PoolStats } from "./PoolState.ts"
import { supervise } from "./PoolWorker.ts"

export { PoolClosed, type PoolEvent, PoolFull, type PoolStats } from "./PoolState.ts"

export interface WorkerPoolOptions {
  /** Named in errors and events. */
  readonly name: string
  /** Default 10. */
  readonly workers?: number
  /** Sticky: jobs of one key go to one worker. Otherwise free workers are used in turn, or the least busy (default). */
  readonly dispatch?: Strategy
  /** How many jobs may wait in all. Default 10,000. */
  readonly queue?: number
  /** When the scope closes: finish what was accepted (default), or interrupt it. */
  readonly onClose?: "drain" | "interrupt"
  readonly onEvent?: (event: PoolEvent) => void
}

export interface SubmitOptions {
  /** Jobs of one key go to one worker, if the pool is sticky. */
  readonly key?: string
  /** Default middle. Low ages: after 5 s it yields to nobody who comes later. */
  readonly priority?: Priority
}

export interface WorkerPool<W = void> {
  /**
   * Runs a job on a worker, in the context of the caller, and gives its result. Interrupting the caller takes the job
   * out of the line, or interrupts it and waits until it has ended.
   */
  readonly submit: <A, E, R>(
    job: (resource: W) => Effect.Effect<A, E, R>,
    options?: SubmitOptions,
  ) => Effect.Effect<A, E | PoolFull | PoolClosed, R>
  /** At least 1. Returns at once; who is to go finishes its job first. */
  readonly resize: (workers: number) => Effect.Effect<void>
  /** Accepts nothing any more and waits until all that was accepted is done. */
  readonly drain: Effect.Effect<void>
  readonly stats: Effect.Effect<PoolStats>
}

/** A pool whose workers hold nothing. */
export const make = (options: WorkerPoolOptions): Effect.Effect<WorkerPool, never, Scope.Scope> =>
  makeWith(options, Effect.void)

/** A pool whose workers each hold a resource. Where acquiring fails, it is tried again with growing pauses. */
export const makeWith = <W, E, R>(
  options: WorkerPoolOptions,
  acquire: Effect.Effect<W, E, R>,
): Effect.Effect<WorkerPool<W>, never, Scope.Scope | Exclude<R, Scope.Scope>> =>
  Effect.gen(function* () {
    const home = yield* Scope.make()
    const clock = yield* Effect.clock
    const context = yield* Effect.context<Exclude<R, Scope.Scope>>()
    const state = new PoolState<PoolJob.FiberJob<W>>({
      name: options.name,
      strategy: options.dispatch ?? "least-busy",
      queue: options.queue ?? 10_000,
      onEvent: options.onEvent,
      now: () => monotonicMillis(clock),
    })

    const resize = (workers: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        const started = state.resize(workers)
        return Effect.forEach(
          started,
          (worker) =>
            Effect.forkIn(Effect.interruptible(Effect.provide(supervise(state, worker, acquire), context)), home),
          { discard: true },
        )
      }).pipe(Effect.uninterruptible)

    const drain = Effect.async<void>((resume) => state.close(() => resume(Effect.void)))
    const close = options.onClose === "interrupt" ? PoolJob.abort(state) : drain

    yield* Effect.addFinalizer((exit) =>
      close.pipe(Effect.zipRight(Effect.sync(() => state.dismiss())), Effect.zipRight(Scope.close(home, exit))),
    )
    yield* resize(options.workers ?? 10)

    return {
      submit: (job, submitted = {}) => PoolJob.submit(state, job, submitted.key, submitted.priority ?? "middle"),
      resize,
      drain,
      stats: Effect.sync(() => state.stats()),
    }
  })

/** Provides a pool under a tag of your own. */
export const layer = <I>(tag: Context.Tag<I, WorkerPool>, options: WorkerPoolOptions): Layer.Layer<I> =>
  Layer.scoped(tag, make(options))

/** As `layer`, with the options read from configuration. */
export const layerConfig = <I>(tag: Context.Tag<I, WorkerPool>, options: Config.Config.Wrap<WorkerPoolOptions>) => {
  const sound = checked(Config.unwrap(options), "worker pool", ({ queue, workers }) => [
    { setting: "workers", value: workers, from: 1, to: MOST_WORKERS, whole: true },
    { setting: "queue", value: queue, from: 0, whole: true },
  ])
  return Layer.scoped(tag, Effect.flatMap(sound, make))
}

/** Each is a fiber: more is a slip. */
const MOST_WORKERS = 100_000
