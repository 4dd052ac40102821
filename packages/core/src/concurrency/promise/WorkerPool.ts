/**
 * A pool of workers for promises: jobs go to a worker that is free, or by key always to the same one, so that jobs of
 * one key run in order. No job without a key waits while a worker is free.
 *
 * A worker may hold a resource (a connection, a worker thread). A job that fails with what says that the resource is
 * broken takes it along: it is released, and the worker starts anew. A worker that is to go finishes its job and hands
 * its line over; closing finishes all that was accepted first.
 *
 * @example
 * const pool = PromiseWorkerPool.make({ name: "imports", workers: 10, dispatch: "sticky" })
 * const activity = await pool.submit(() => parse(upload), { key: upload.athleteId, priority: "low" })
 * await pool.close()
 */

import type { Strategy } from "../../kernel/concurrency/Dispatch.ts"
import type { Priority } from "../../kernel/concurrency/PriorityQueue.ts"
import * as Backoff from "../../kernel/resilience/Backoff.ts"
import * as HostTimers from "../../resilience/HostTimers.ts"
import { type Job, newJob, type PoolEvent, PoolState, type PoolStats, type PoolWorker } from "../PoolState.ts"

export { PoolClosed, type PoolEvent, PoolFull, type PoolStats } from "../PoolState.ts"

export interface PromiseWorkerPoolOptions {
  /** Named in errors and events. */
  readonly name: string
  /** Default 10. */
  readonly workers?: number
  /** Sticky: jobs of one key go to one worker. Otherwise free workers are used in turn, or the least busy (default). */
  readonly dispatch?: Strategy
  /** How many jobs may wait in all. Default 10,000. */
  readonly queue?: number
  readonly onEvent?: (event: PoolEvent) => void
  /** Which failures of a job say that its worker's resource is broken and must be replaced. Default none. */
  readonly isBroken?: (error: unknown) => boolean
}

export interface PromiseSubmitOptions {
  /** Jobs of one key go to one worker, if the pool is sticky. */
  readonly key?: string
  /** Default middle. Low ages: after 5 s it yields to nobody who comes later. */
  readonly priority?: Priority
  /** Aborted while the job waits, it leaves the line and rejects with the reason; later it is the job's to heed. */
  readonly signal?: AbortSignal
}

export interface PromiseWorkerPool<W = void> {
  /**
   * Runs a job on a worker and settles as the job does; rejects with `PoolFull` or `PoolClosed` when it is refused.
   * The job's signal is aborted with the caller's, and when the pool is closed by interruption.
   */
  readonly submit: <A>(
    job: (resource: W, signal: AbortSignal) => A | PromiseLike<A>,
    options?: PromiseSubmitOptions,
  ) => Promise<A>
  /** At least 1. Who is to go finishes its job first. */
  readonly resize: (workers: number) => void
  /** Accepts nothing any more and waits until all that was accepted is done. */
  readonly drain: () => Promise<void>
  /** Drains, or refuses what waits and aborts what runs; then releases all resources. */
  readonly close: (how?: "drain" | "interrupt") => Promise<void>
  readonly stats: () => PoolStats
}

/** What the workers hold. */
export interface WorkerResource<W> {
  /** Where it fails it is tried again with growing pauses; jobs wait meanwhile. */
  readonly acquire: () => W | PromiseLike<W>
  /** A failure is told as `ReleaseFailed` and does no other harm. */
  readonly release?: (resource: W) => void | PromiseLike<void>
}

/** A pool whose workers hold nothing. */
export const make = (options: PromiseWorkerPoolOptions): PromiseWorkerPool =>
  makeWith(options, { acquire: () => undefined })

/** A pool whose workers each hold a resource. */
export const makeWith = <W>(options: PromiseWorkerPoolOptions, resource: WorkerResource<W>): PromiseWorkerPool<W> => {
  const state = new PoolState<Task<W>>({
    name: options.name,
    strategy: options.dispatch ?? "least-busy",
    queue: options.queue ?? 10_000,
    onEvent: options.onEvent,
    now: () => performance.now(),
  })
  const interruption = new AbortController()
  const lives = new Set<Promise<void>>()
  const isBroken = options.isBroken ?? (() => false)

  const resize = (workers: number): void => {
    for (const worker of state.resize(workers)) {
      const life = live(state, worker, resource, interruption.signal).finally(() => lives.delete(life))
      lives.add(life)
    }
  }
  const drain = (): Promise<void> => new Promise((resolve) => state.close(resolve))

  resize(options.workers ?? 10)
  return {
    submit: (job, { key, priority = "middle", signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const leave = (): void => {
          if (state.leave(task)) reject(signal?.reason)
        }
        const task: Task<W> = {
          ...newJob(key, priority, state.settings.now()),
          refuse: (error) => {
            signal?.removeEventListener("abort", leave)
            reject(error)
          },
          perform: async (held) => {
            signal?.removeEventListener("abort", leave)
            // Made when the job starts: of the many that wait, none needs one.
            const given = signal === undefined ? interruption.signal : AbortSignal.any([signal, interruption.signal])
            try {
              const value = await job(held, given)
              state.settle(task, false)
              resolve(value)
              return undefined
            } catch (error) {
              state.settle(task, !given.aborted)
              reject(error)
              return isBroken(error) ? { error } : undefined
            }
          },
        }
        const refused = state.accept(task)
        if (refused !== undefined) reject(refused)
        else signal?.addEventListener("abort", leave, { once: true })
      }),
    resize,
    drain,
    close: async (how = "drain") => {
      if (how === "interrupt") {
        state.abort()
        interruption.abort(new DOMException(`The worker pool "${options.name}" is closed`, "AbortError"))
      }
      await drain()
      state.dismiss()
      interruption.abort()
      await Promise.all(lives)
    },
    stats: () => state.stats(),
  }
}

/** A job that a worker runs; it never rejects, and gives the error that broke the resource. */
interface Task<W> extends Job<Task<W>> {
  readonly perform: (resource: W) => Promise<{ readonly error: unknown } | undefined>
}

/** The life of a worker: acquire its resource, do jobs until it is broken or the worker is let go, and again. */
const live = async <W>(
  pool: PoolState<Task<W>>,
  worker: PoolWorker<Task<W>>,
  { acquire, release }: WorkerResource<W>,
  closed: AbortSignal,
): Promise<void> => {
  let failures = 0
  while (worker.state !== "gone") {
    let resource: W
    try {
      resource = await acquire()
    } catch (cause) {
      pool.tellCause("AcquireFailed", worker, cause)
      await pause(Backoff.delayMillis(Backoff.standard, failures++, Math.random()), closed)
      continue
    }
    failures = 0
    await doJobs(pool, worker, resource)
    try {
      await release?.(resource)
    } catch (cause) {
      pool.tellCause("ReleaseFailed", worker, cause)
    }
  }
}

/** Returns when the worker is gone, or when a job broke the resource. */
const doJobs = async <W>(pool: PoolState<Task<W>>, worker: PoolWorker<Task<W>>, resource: W): Promise<void> => {
  for (;;) {
    const task = pool.take(worker)
    if (task !== undefined) {
      const broken = await task.perform(resource)
      if (broken === undefined) continue
      pool.tellCause("WorkerRestarted", worker, broken.error)
      return
    }
    if (worker.state === "gone") return
    await new Promise<void>((resolve) => {
      worker.wake = () => {
        worker.wake = undefined
        resolve()
      }
    })
  }
}

/** So many milliseconds, or until the pool is closed. */
const pause = (millis: number, closed: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (closed.aborted) return resolve()
    const end = (): void => {
      HostTimers.cancel(alarm)
      closed.removeEventListener("abort", end)
      resolve()
    }
    const alarm = HostTimers.after(millis, end)
    closed.addEventListener("abort", end, { once: true })
  })
