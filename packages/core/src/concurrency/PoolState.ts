/**
 * Who in a worker pool has which jobs: plain, synchronous bookkeeping. The workers' fibers are driven by
 * `PoolWorker`; callers come in through `WorkerPool`.
 */
import { Cause, Effect, Exit, Fiber } from "effect"
import * as Dispatch from "../kernel/Dispatch.ts"
import * as PriorityQueue from "../kernel/PriorityQueue.ts"
import * as Quantile from "../kernel/Quantile.ts"

/** As many jobs wait as may. Nothing was started. */
export class PoolFull extends Error {
  readonly _tag = "PoolFull"
  override readonly name = "PoolFull"
  readonly pool: string
  constructor(pool: string, waiting: number) {
    super(`${waiting} jobs wait for the worker pool "${pool}", as many as may; try again later`)
    this.pool = pool
  }
}

/** The pool is shutting down and accepts nothing. */
export class PoolClosed extends Error {
  readonly _tag = "PoolClosed"
  override readonly name = "PoolClosed"
  readonly pool: string
  constructor(pool: string) {
    super(`The worker pool "${pool}" is shutting down`)
    this.pool = pool
  }
}

export type PoolEvent =
  | { readonly _tag: "JobStarted"; readonly pool: string; readonly worker: string; readonly waitedMillis: number }
  | { readonly _tag: "WorkerStarted" | "WorkerRetiring" | "WorkerGone"; readonly pool: string; readonly worker: string }
  /** A job died, and its worker starts anew with a fresh resource. */
  | { readonly _tag: "WorkerRestarted"; readonly pool: string; readonly worker: string; readonly cause: unknown }
  /** The worker's resource could not be acquired; it is tried again. */
  | { readonly _tag: "AcquireFailed"; readonly pool: string; readonly worker: string; readonly cause: unknown }

export interface PoolStats {
  /** Workers that take new jobs, and workers that finish their last. */
  readonly workers: number
  readonly retiring: number
  /** Workers with a job. */
  readonly busy: number
  readonly waiting: number
  /** Since the start. A failed job counts in both. */
  readonly completed: number
  readonly failed: number
  /** From submission to the end, of the last minute; undefined before the first. */
  readonly p95Millis: number | undefined
}

export interface Job<W> extends PriorityQueue.Linked<Job<W>> {
  readonly key: string | undefined
  readonly submittedAt: number
  /** Runs it and tells the caller; gives the cause when it died. */
  readonly perform: (resource: W) => Effect.Effect<unknown>
  readonly refuse: (error: PoolClosed) => void
  /** Where it waits: the pool's common line, or that of a worker. */
  line: PriorityQueue.PriorityQueue<Job<W>> | undefined
  worker: PoolWorker<W> | undefined
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
  state: "waiting" | "running" | "over"
}

export interface PoolWorker<W> extends Dispatch.Worker {
  /** Jobs of the keys that stick to it, and at most one other that it was woken for. */
  readonly line: PriorityQueue.PriorityQueue<Job<W>>
  job: Job<W> | undefined
  state: "active" | "retiring" | "gone"
  /** Set while its fiber waits for something to do. */
  wake: (() => void) | undefined
}

interface PoolSettings {
  readonly name: string
  readonly strategy: Dispatch.Strategy
  readonly queue: number
  readonly onEvent: ((event: PoolEvent) => void) | undefined
  readonly now: () => number
}

const LATENCY_WINDOW_MILLIS = 60_000

export class PoolState<W> {
  readonly settings: PoolSettings
  private readonly dispatch: Dispatch.Dispatch<PoolWorker<W>>
  /** Jobs that any worker may take. */
  private readonly common = PriorityQueue.make<Job<W>>()
  private readonly workers = new Set<PoolWorker<W>>()
  private readonly latency = Quantile.make(0.95, LATENCY_WINDOW_MILLIS)
  private hired = 0
  private waiting = 0
  private running = 0
  private completed = 0
  private failed = 0
  private closed = false
  private whenIdle: Array<() => void> = []

  constructor(settings: PoolSettings) {
    this.settings = settings
    this.dispatch = Dispatch.make(settings.strategy)
  }

  submit<A, E, R>(
    job: (resource: W) => Effect.Effect<A, E, R>,
    key: string | undefined,
    priority: PriorityQueue.Priority,
  ): Effect.Effect<A, E | PoolFull | PoolClosed, R> {
    const caller = Effect.zip(Effect.context<R>(), Effect.getFiberRefs)
    return Effect.flatMap(caller, ([context, fiberRefs]) =>
      Effect.async<A, E | PoolFull | PoolClosed>((resume) => {
        if (this.closed) return resume(Effect.fail(new PoolClosed(this.settings.name)))
        if (this.waiting >= this.settings.queue)
          return resume(Effect.fail(new PoolFull(this.settings.name, this.waiting)))
        const submittedAt = this.settings.now()
        const accepted: Job<W> = {
          key,
          submittedAt,
          priority,
          arrivedAt: 0,
          previous: undefined,
          next: undefined,
          queued: false,
          line: undefined,
          worker: undefined,
          fiber: undefined,
          state: "waiting",
          refuse: (error) => resume(Effect.fail(error)),
          perform: (resource) =>
            // As the caller would run it: with its context, annotations, span and settings.
            Effect.setFiberRefs(fiberRefs).pipe(
              Effect.zipRight(
                Effect.provide(
                  Effect.suspend(() => job(resource)),
                  context,
                ),
              ),
              Effect.fork,
              Effect.flatMap((fiber) => {
                accepted.fiber = fiber
                // Given up between its turn and its start.
                if (accepted.state === "over") fiber.unsafeInterruptAsFork(fiber.id())
                return Fiber.await(fiber)
              }),
              Effect.map((exit) => {
                this.settle(accepted, submittedAt, Exit.isFailure(exit))
                resume(exit)
                return Exit.isFailure(exit) && Cause.isDie(exit.cause) ? exit.cause : undefined
              }),
            ),
        }
        this.assign(accepted)
        return Effect.suspend(() => this.giveUp(accepted))
      }),
    )
  }

  /** Starts or retires workers. Those returned are new and want a fiber. */
  resize(wanted: number): ReadonlyArray<PoolWorker<W>> {
    const target = Math.max(1, Math.floor(wanted))
    const { active, retiring } = this.dispatch
    for (const worker of retiring) {
      if (active.length >= target) break
      worker.state = "active"
      Dispatch.add(this.dispatch, worker)
    }
    const started: Array<PoolWorker<W>> = []
    while (active.length < target) {
      const worker = this.hire()
      started.push(worker)
    }
    while (active.length > target) {
      const leaving = active.reduce((least, worker) => (worker.load <= least.load ? worker : least))
      this.retire(leaving)
    }
    return started
  }

  /** The next job of a worker, or nothing: then it is to wait for `wake`, or to end when it is gone. */
  take(worker: PoolWorker<W>): Job<W> | undefined {
    if (worker.state === "retiring") this.letGo(worker)
    if (worker.state === "gone") return undefined
    const job = this.nextFor(worker)
    if (job === undefined) return undefined
    if (job.line === this.common) worker.load++
    this.waiting--
    this.running++
    job.line = undefined
    job.worker = worker
    job.state = "running"
    worker.job = job
    this.tellStarted(worker, job)
    return job
  }

  /** Whether `take` would give something. */
  hasWorkFor(worker: PoolWorker<W>): boolean {
    return worker.line.size > 0 || this.common.size > 0
  }

  /** Accepts nothing more; `done` is called when all that was accepted is over. */
  close(done: () => void): void {
    this.closed = true
    if (this.waiting + this.running === 0) done()
    else this.whenIdle.push(done)
  }

  /** Refuses what waits and interrupts what runs. */
  abort(): Effect.Effect<void> {
    this.closed = true
    const interrupted: Array<Effect.Effect<unknown>> = []
    for (const line of [this.common, ...[...this.workers].map((worker) => worker.line)]) {
      for (let job = PriorityQueue.take(line); job !== undefined; job = PriorityQueue.take(line)) {
        this.waiting--
        job.state = "over"
        job.refuse(new PoolClosed(this.settings.name))
      }
    }
    for (const worker of this.workers) {
      if (worker.job?.fiber !== undefined) interrupted.push(Fiber.interrupt(worker.job.fiber))
    }
    return Effect.all(interrupted, { concurrency: "unbounded", discard: true })
  }

  /** Ends all workers: nothing is left to do. */
  dismiss(): void {
    for (const worker of [...this.workers]) this.retire(worker)
  }

  stats(): PoolStats {
    return {
      workers: this.dispatch.active.length,
      retiring: this.dispatch.retiring.size,
      busy: this.running,
      waiting: this.waiting,
      completed: this.completed,
      failed: this.failed,
      p95Millis: Quantile.estimate(this.latency, this.settings.now()),
    }
  }

  private tellStarted(worker: PoolWorker<W>, job: Job<W>): void {
    const { onEvent, name, now } = this.settings
    onEvent?.({ _tag: "JobStarted", pool: name, worker: worker.id, waitedMillis: now() - job.submittedAt })
  }

  tell(tag: "WorkerStarted" | "WorkerRetiring" | "WorkerGone", worker: PoolWorker<W>): void {
    this.settings.onEvent?.({ _tag: tag, pool: this.settings.name, worker: worker.id })
  }

  tellCause(tag: "WorkerRestarted" | "AcquireFailed", worker: PoolWorker<W>, cause: unknown): void {
    this.settings.onEvent?.({ _tag: tag, pool: this.settings.name, worker: worker.id, cause })
  }

  private hire(): PoolWorker<W> {
    const worker: PoolWorker<W> = {
      id: `${this.settings.name}-${this.hired++}`,
      load: 0,
      line: PriorityQueue.make(),
      job: undefined,
      state: "active",
      wake: undefined,
    }
    this.workers.add(worker)
    Dispatch.add(this.dispatch, worker)
    this.tell("WorkerStarted", worker)
    return worker
  }

  /** While its last job runs, a sticky worker keeps its line: the next of a key must not overtake the one that runs. */
  private retire(worker: PoolWorker<W>): void {
    worker.state = "retiring"
    Dispatch.retire(this.dispatch, worker)
    this.tell("WorkerRetiring", worker)
    if (worker.job === undefined) this.letGo(worker)
    else if (this.settings.strategy !== "sticky") this.handOver(worker)
  }

  private letGo(worker: PoolWorker<W>): void {
    worker.state = "gone"
    this.workers.delete(worker)
    Dispatch.remove(this.dispatch, worker)
    this.handOver(worker)
    this.tell("WorkerGone", worker)
    worker.wake?.()
  }

  private handOver(worker: PoolWorker<W>): void {
    for (let job = PriorityQueue.take(worker.line); job !== undefined; job = PriorityQueue.take(worker.line)) {
      this.waiting--
      worker.load--
      this.assign(job)
    }
  }

  /** A key's job goes to the worker of the key, any other to a worker that is free: none waits while one is. */
  private assign(job: Job<W>): void {
    const keyed = this.settings.strategy === "sticky" && job.key !== undefined
    const worker = keyed ? Dispatch.pick(this.dispatch, job.key) : this.freeWorker()
    if (keyed && worker === undefined) {
      job.refuse(new PoolClosed(this.settings.name))
      return
    }
    const line = worker?.line ?? this.common
    this.waiting++
    job.line = line
    job.worker = worker
    PriorityQueue.offer(line, job, this.settings.now())
    if (worker === undefined) return
    worker.load++
    worker.wake?.()
  }

  /** Of those that wait for something to do, the next in turn. */
  private freeWorker(): PoolWorker<W> | undefined {
    const { length } = this.dispatch.active
    if (this.running >= length) return undefined
    for (let i = 0; i < length; i++) {
      const worker = Dispatch.pick(this.dispatch)
      if (worker === undefined) return undefined
      if (worker.wake !== undefined && worker.load === 0) return worker
    }
    return undefined
  }

  /** From its own line or the common one, whichever job has the better claim. */
  private nextFor(worker: PoolWorker<W>): Job<W> | undefined {
    const own = PriorityQueue.peek(worker.line)
    const common = PriorityQueue.peek(this.common)
    if (own === undefined) return PriorityQueue.take(this.common)
    if (common === undefined) return PriorityQueue.take(worker.line)
    const ownFirst =
      PriorityQueue.effectiveArrival(worker.line, own) <= PriorityQueue.effectiveArrival(this.common, common)
    return PriorityQueue.take(ownFirst ? worker.line : this.common)
  }

  private settle(job: Job<W>, submittedAt: number, failed: boolean): void {
    const now = this.settings.now()
    const worker = job.worker
    if (worker !== undefined) {
      worker.load--
      worker.job = undefined
    }
    job.state = "over"
    this.running--
    this.completed++
    if (failed) this.failed++
    Quantile.record(this.latency, now - submittedAt, now)
    this.tellIdle()
  }

  private giveUp(job: Job<W>): Effect.Effect<void> {
    if (job.state === "waiting" && job.line !== undefined) {
      PriorityQueue.remove(job.line, job)
      if (job.worker !== undefined) job.worker.load--
      this.waiting--
      job.state = "over"
      this.tellIdle()
      return Effect.void
    }
    if (job.state !== "running") return Effect.void
    if (job.fiber !== undefined) return Effect.asVoid(Fiber.interrupt(job.fiber))
    job.state = "over"
    return Effect.void
  }

  private tellIdle(): void {
    if (this.whenIdle.length === 0 || this.waiting + this.running > 0) return
    const told = this.whenIdle
    this.whenIdle = []
    for (const done of told) done()
  }
}
